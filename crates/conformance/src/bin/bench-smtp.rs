//! `cargo xtask bench smtp` runs this in a network of its own. See [`conformance::bench_smtp`].

/// As in danelaw.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    match conformance::bench_smtp::run(std::env::args().skip(1)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench smtp: {message}");
            std::process::ExitCode::FAILURE
        }
    }
}
