//! A response read the short way and the long one: they must agree.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dnssec::fuzzing::plain(bytes).expect("both ways come to the same"));
