//! What a resolver may answer, and what its file may say.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::fuzz::resolver(bytes));
