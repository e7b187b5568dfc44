//! What an SMTP server may send.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::fuzz::replies(bytes));
