//! What one verification costs: P-256 with the library that danelaw uses.

use super::MEASURED;
use super::usage::on_core;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey, Signature,
};
use rustix::time::{ClockId, clock_gettime};

/// Octets of what is signed: an RRSIG's own data and an RRset with two names in it.
const MESSAGE: usize = 160;
/// Keys in turn, so that nothing stays in the processor's caches that would not in real work.
const KEYS: usize = 256;
const ROUNDS: usize = 60;

/// CPU seconds of one verification.
///
/// # Panics
/// If the library refuses its own signature.
pub fn measure() -> f64 {
    let rng = SystemRandom::new();
    let signed = |n: usize| -> (ParsedPublicKey, [u8; MESSAGE], Signature) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let message = [n as u8; MESSAGE];
        let signature = pair.sign(&rng, &message).expect("a signature");
        (ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()).expect("a public key"), message, signature)
    };
    let work: Vec<_> = (0..KEYS).map(signed).collect();
    let seconds = on_core(MEASURED, || {
        let begun = cpu_time();
        for (key, message, signature) in (0..ROUNDS).flat_map(|_| &work) {
            key.verify_sig(message, signature.as_ref()).expect("a valid signature");
        }
        cpu_time() - begun
    });
    seconds / (KEYS * ROUNDS) as f64
}

/// CPU time of the calling thread, seconds.
pub fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
