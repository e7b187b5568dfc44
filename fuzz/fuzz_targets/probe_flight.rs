//! What a TLS server may answer to a bare ClientHello.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::fuzz::flight(bytes));
