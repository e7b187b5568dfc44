//! What a name server may answer to a signed update.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| operate::fuzz::update_answer(bytes));
