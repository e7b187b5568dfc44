//! What a policy host may answer to a request.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::fuzz::response(bytes));
