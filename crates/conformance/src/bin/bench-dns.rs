//! `cargo xtask bench dns` runs this in a network of its own. See [`conformance::bench`].

fn main() -> std::process::ExitCode {
    match conformance::bench::run(std::env::args().skip(1)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench dns: {message}");
            std::process::ExitCode::FAILURE
        }
    }
}
