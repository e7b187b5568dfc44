//! What name servers send to whoever changes them, for the fuzzer: reading must neither panic nor believe what was not signed.

use crate::dns::{Key, Reply, sign, verify};
use dane::name::Name;
use domain::base::iana::Opcode;
use std::str::FromStr as _;

const NOW: i64 = 1_800_000_000;

/// Bytes as an answer to a signed update.
///
/// # Panics
/// If an answer is believed that nobody signed: the fuzzer does not know the key.
pub fn update_answer(bytes: &[u8]) {
    let Ok(key) = "hmac-sha256:fuzz.example:c2VjcmV0IG9jdGV0cyBmb3IgYSBmdXp6ZXI=".parse::<Key>() else { return };
    let Ok(owner) = Name::from_str("_25._tcp.mx.example") else { return };
    let request = sign(crate::dns::query(1, &owner), &key, NOW);
    assert!(verify(bytes, &key, &request, NOW).is_err(), "an answer that nobody signed is believed");
    for opcode in [Opcode::UPDATE, Opcode::QUERY] {
        let id = u16::from_be_bytes([bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)]);
        if let Ok(reply) = Reply::read(bytes, id, opcode) {
            let _ = (reply.rcode(), reply.apex(&owner), reply.tlsa(&owner), reply.alias(&owner));
        }
    }
}

/// Bytes as the text of a key file.
pub fn key(bytes: &[u8]) {
    let _ = std::str::from_utf8(bytes).map(str::parse::<Key>);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every octet of every seed in turn is another one, and every seed ends everywhere.
    #[test]
    fn seeds_of_the_fuzzer_and_their_neighbours() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for (target, read) in [("operate_answer", super::update_answer as fn(&[u8])), ("operate_key", super::key)] {
            let seeds = std::fs::read_dir(corpus.join(target)).expect("seeds").flatten();
            for seed in seeds.map(|entry| std::fs::read(entry.path()).expect("a seed")) {
                for at in 0..seed.len() {
                    read(seed.get(..at).unwrap_or_default());
                    for flip in [1, 0x80, 0xff] {
                        let mut other = seed.clone();
                        other[at] ^= flip;
                        read(&other);
                    }
                }
            }
        }
    }
}
