//! What stands behind signatures: denial records, keys, the canonical form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dnssec::fuzzing::denial(bytes));
