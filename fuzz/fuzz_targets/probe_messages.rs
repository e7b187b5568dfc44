//! What a TLS server may say in a handshake, as messages: certificates among it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| probe::fuzz::messages(bytes));
