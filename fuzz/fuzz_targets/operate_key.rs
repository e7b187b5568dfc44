//! Key files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| operate::fuzz::key(bytes));
