//! What anybody may send to a mail server of the test bed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lab::testbed::fuzz::session(bytes));
