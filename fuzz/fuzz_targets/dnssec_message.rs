//! A response, read and validated, with itself as the answer to every further question.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dnssec::fuzzing::message(bytes));
