//! Prints the catalogue as a page: `cargo xtask docs` keeps it as docs/scenarios.md.

fn main() {
    print!("{}", scenario::markdown());
}
