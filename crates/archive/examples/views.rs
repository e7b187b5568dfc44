//! Prints the views of the archive of states: `cargo xtask docs` keeps them as docs/views.sql.

fn main() {
    print!("{}", archive::states::views());
}
