//! What a name server may send: read as a reply, judged, printed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| resolve::fuzz_message(bytes));
