//! `cargo xtask bench analysis` runs this. See [`conformance::bench_analysis`].

fn main() -> std::process::ExitCode {
    match conformance::bench_analysis::run(std::env::args().skip(1)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench analysis: {message}");
            std::process::ExitCode::FAILURE
        }
    }
}
