//! What may be sent to the page that explains a scan.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::fuzz::request(bytes));
