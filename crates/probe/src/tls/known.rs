//! Code points that are offered, and what is known of them. Names are in [`super::names`].

use data_encoding::HEXLOWER;
use std::collections::HashMap;
use std::sync::LazyLock;

/// `TLS_EMPTY_RENEGOTIATION_INFO_SCSV`. (RFC 5746 section 3.3)
pub(crate) const RENEGOTIATION_SCSV: u16 = 0x00ff;
/// `TLS_FALLBACK_SCSV`. (RFC 7507)
pub(crate) const FALLBACK_SCSV: u16 = 0x5600;

/// What senders with a broad library (OpenSSL with everything switched on) offer, without anonymous, export and NULL suites:
/// ECDHE, DHE and RSA key exchange with AEAD, CBC and 3DES.
pub(crate) const USUAL_SUITES: [u16; 42] = [
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc0ac, 0xc0ad, 0xc023, 0xc027, 0xc024, 0xc028, 0xc009, 0xc013, 0xc00a, 0xc014, 0xc008,
    0xc012, 0x009e, 0x009f, 0xccaa, 0x0067, 0x006b, 0x0033, 0x0039, 0x0045, 0x0088, 0x0016, 0x00a2, 0x00a3, 0x0032, 0x0038, 0x009c, 0x009d,
    0xc09c, 0xc09d, 0x003c, 0x003d, 0x002f, 0x0035, 0x0041, 0x000a,
];

/// Every cipher suite for TLS 1.3 of RFC 8446 section B.4.
pub(crate) const SUITES_13: [u16; 5] = [0x1302, 0x1303, 0x1301, 0x1304, 0x1305];

/// Every cipher suite for TLS 1.2 and older that the engine has a name for (IANA's registry but for national ones, and export suites that
/// never were in it), without those with a key agreed beforehand, a password or Kerberos (PSK, SRP, KRB5): no mail server has these for
/// strangers. The strong ones first, as far as one
/// can say so; the servers that follow their client's order show us what they think best of ours.
pub(crate) const SUITES: [u16; 267] = [
    0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027,
    0xc028, 0xc05c, 0xc05d, 0xc060, 0xc061, 0xc086, 0xc087, 0xc08a, 0xc08b, 0xc048, 0xc049, 0xc04c, 0xc04d, 0xc072, 0xc073, 0xc076, 0xc077,
    0x009e, 0x009f, 0x00a2, 0x00a3, 0xccaa, 0xc09e, 0xc09f, 0xc0a2, 0xc0a3, 0x0032, 0x0033, 0x0038, 0x0039, 0x0040, 0x0067, 0x006a, 0x006b,
    0x0073, 0x0074, 0x0078, 0x0079, 0xc052, 0xc053, 0xc056, 0xc057, 0xc07c, 0xc07d, 0xc080, 0xc081, 0x0044, 0x0045, 0x0087, 0x0088, 0x00bd,
    0x00be, 0x00c3, 0x00c4, 0xc042, 0xc043, 0xc044, 0xc045, 0x009c, 0x009d, 0xc09c, 0xc09d, 0xc0a0, 0xc0a1, 0x002f, 0x0035, 0x003c, 0x003d,
    0x007d, 0x007e, 0xc050, 0xc051, 0xc07a, 0xc07b, 0x0041, 0x0084, 0x00ba, 0x00c0, 0xc03c, 0xc03d, 0x00a0, 0x00a1, 0x00a4, 0x00a5, 0xc02d,
    0xc02e, 0xc031, 0xc032, 0x0030, 0x0031, 0x0036, 0x0037, 0x003e, 0x003f, 0x004b, 0x004c, 0x0068, 0x0069, 0xc004, 0xc005, 0xc00e, 0xc00f,
    0xc025, 0xc026, 0xc029, 0xc02a, 0xc054, 0xc055, 0xc058, 0xc059, 0xc05e, 0xc05f, 0xc062, 0xc063, 0xc07e, 0xc07f, 0xc082, 0xc083, 0xc088,
    0xc089, 0xc08c, 0xc08d, 0x0042, 0x0043, 0x0080, 0x0081, 0x0085, 0x0086, 0x00bb, 0x00bc, 0x00c1, 0x00c2, 0x0300, 0x0301, 0x0302, 0x0303,
    0x0304, 0xc03e, 0xc03f, 0xc040, 0xc041, 0xc04a, 0xc04b, 0xc04e, 0xc04f, 0xc074, 0xc075, 0xc078, 0xc079, 0xc008, 0xc012, 0x0013, 0x0016,
    0x0072, 0x0077, 0x000a, 0x007c, 0x000d, 0x0010, 0x004a, 0x004e, 0x0052, 0x0056, 0xc003, 0xc00d, 0xfeff, 0xc007, 0xc011, 0x0066, 0x0004,
    0x0005, 0x0048, 0x0050, 0x0054, 0xc002, 0xc00c, 0x0018, 0x001a, 0x001b, 0x0034, 0x003a, 0x0046, 0x0057, 0x0058, 0x0059, 0x005a, 0x006c,
    0x006d, 0x0089, 0x009b, 0x00a6, 0x00a7, 0x00bf, 0x00c5, 0xc015, 0xc016, 0xc017, 0xc018, 0xc019, 0xc046, 0xc047, 0xc05a, 0xc05b, 0xc084,
    0xc085, 0xc006, 0xc010, 0x0011, 0x0012, 0x0014, 0x0015, 0x0063, 0x0065, 0x0099, 0x009a, 0x0001, 0x0002, 0x0003, 0x0006, 0x0007, 0x0008,
    0x0009, 0x003b, 0x0060, 0x0061, 0x0062, 0x0064, 0x0096, 0x000b, 0x000c, 0x000e, 0x000f, 0x0017, 0x0019, 0x0047, 0x0049, 0x004d, 0x004f,
    0x0051, 0x0053, 0x0055, 0x005b, 0x005c, 0x0082, 0x0083, 0x0097, 0x0098, 0xc001, 0xc00b, 0xfefe,
];

/// x25519, secp256r1, secp384r1, secp521r1, x448, ffdhe2048 to ffdhe8192, and the older curves secp224r1, secp192r1, secp256k1.
pub(crate) const USUAL_GROUPS: [u16; 13] = [0x1d, 0x17, 0x18, 0x19, 0x1e, 0x100, 0x101, 0x102, 0x103, 0x104, 0x15, 0x13, 0x16];

/// Every named curve for TLS 1.2 and older. (IANA TLS Supported Groups: RFC 8422, 7027, 4492)
pub(crate) const CURVES: [u16; 30] =
    [29, 23, 24, 25, 30, 26, 27, 28, 21, 22, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

/// The groups of RFC 7919.
pub(crate) const FFDHE: [u16; 5] = [0x100, 0x101, 0x102, 0x103, 0x104];

/// Every group for TLS 1.3: hybrids with ML-KEM, ML-KEM alone, curves (RFC 8446, brainpool by RFC 8734), finite fields.
pub(crate) const GROUPS_13: [u16; 21] = [
    0x11ec, 0x11eb, 0x11ed, 0x6399, 0x639a, 0x1d, 0x17, 0x18, 0x19, 0x1e, 31, 32, 33, 0x201, 0x202, 0x200, 0x100, 0x101, 0x102, 0x103,
    0x104,
];

/// ECDSA, EdDSA (Ed448 too), RSA-PSS with both kinds of key, PKCS #1 v1.5, DSA; SHA-2 before SHA-1.
pub(crate) const SCHEMES: [u16; 23] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x081a, 0x081b, 0x081c,
    0x0303, 0x0301, 0x0402, 0x0203, 0x0201, 0x0202,
];

/// Those with SHA-1.
pub(crate) const SCHEMES_SHA1: [u16; 3] = [0x0201, 0x0203, 0x0202];

/// Name and size of the primes in data/dh-primes.tsv by their SHA-256.
static PRIMES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let rows = include_str!("../../data/dh-primes.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut columns = row.split('\t');
        let name = columns.next()?;
        Some((columns.nth(1)?, name))
    })
    .collect()
});

/// What a finite-field prime is called, if it is one that many share. `prime`: big-endian.
pub(crate) fn prime_name(prime: &[u8]) -> Option<&'static str> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, without_zeros(prime));
    PRIMES.get(HEXLOWER.encode(digest.as_ref()).as_str()).copied()
}

/// Bits of a number, big-endian.
pub(crate) fn bits(number: &[u8]) -> u32 {
    let number = without_zeros(number);
    let octets = u32::try_from(number.len()).unwrap_or(u32::MAX);
    number.first().map_or(0, |first| octets.saturating_mul(8) - first.leading_zeros())
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// How a cipher suite for TLS 1.2 and older agrees on its keys, as far as the server's key exchange message differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// A curve, signed.
    Ecdhe,
    /// A curve, unsigned.
    EcdhAnon,
    /// A finite field, signed.
    Dhe,
    /// A finite field, unsigned.
    DhAnon,
    /// No message, or none that is of interest.
    Other,
}

/// By the suite's name.
pub(crate) fn agreement(suite: &str) -> Agreement {
    for (prefix, agreement) in [
        ("TLS_ECDHE_", Agreement::Ecdhe),
        ("TLS_ECDH_anon_", Agreement::EcdhAnon),
        ("TLS_DHE_", Agreement::Dhe),
        ("TLS_DH_anon_", Agreement::DhAnon),
    ] {
        if suite.starts_with(prefix) {
            return agreement;
        }
    }
    Agreement::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_point_is_offered_twice() {
        for codes in [&SUITES[..], &SUITES_13, &USUAL_SUITES, &CURVES, &GROUPS_13, &SCHEMES] {
            let mut sorted = codes.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), codes.len());
        }
        assert!(USUAL_SUITES.iter().all(|suite| SUITES.contains(suite)));
    }

    #[test]
    fn primes_are_known_by_their_number() {
        // RFC 2409 section 6.2.
        let oakley_2 = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b\
                        302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6\
                        49286651ece65381ffffffffffffffff";
        let prime = HEXLOWER.decode(oakley_2.as_bytes()).unwrap();
        assert_eq!((prime_name(&prime), bits(&prime)), (Some("rfc2409-1024"), 1024));
        // As DER would have it.
        let padded = [&[0, 0][..], &prime].concat();
        assert_eq!((prime_name(&padded), bits(&padded)), (Some("rfc2409-1024"), 1024));
        assert_eq!((prime_name(&[23]), bits(&[23])), (None, 5));
        assert_eq!((bits(&[]), bits(&[0, 0])), (0, 0));
        assert!(PRIMES.len() > 40);
    }
}
