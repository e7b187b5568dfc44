//! `cargo xtask bench testbed` runs this in a network of its own. See [`conformance::bench_testbed`].

fn main() -> std::process::ExitCode {
    match conformance::bench_testbed::run(std::env::args().skip(1)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench testbed: {message}");
            std::process::ExitCode::FAILURE
        }
    }
}
