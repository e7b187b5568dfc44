//! TLS parameters by the names that IANA's registries give them.

use rustls::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// `TLSv1.3`, `SSLv3`, …
pub(crate) fn version(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::SSLv2 => "SSLv2".to_owned(),
        ProtocolVersion::SSLv3 => "SSLv3".to_owned(),
        ProtocolVersion::TLSv1_0 => "TLSv1.0".to_owned(),
        ProtocolVersion::TLSv1_1 => "TLSv1.1".to_owned(),
        ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        other => format!("0x{:04x}", u16::from(other)),
    }
}

/// `TLS_AES_128_GCM_SHA256`, …
pub(crate) fn cipher(suite: CipherSuite) -> String {
    match suite.as_str() {
        Some(name) => name.replacen("TLS13_", "TLS_", 1),
        None => format!("0x{:04x}", u16::from(suite)),
    }
}

/// Groups that the engine has no name for, or another one: code point, name. (IANA TLS Supported Groups)
const GROUPS: [(u16, &str); 48] = [
    (1, "sect163k1"),
    (2, "sect163r1"),
    (3, "sect163r2"),
    (4, "sect193r1"),
    (5, "sect193r2"),
    (6, "sect233k1"),
    (7, "sect233r1"),
    (8, "sect239k1"),
    (9, "sect283k1"),
    (10, "sect283r1"),
    (11, "sect409k1"),
    (12, "sect409r1"),
    (13, "sect571k1"),
    (14, "sect571r1"),
    (15, "secp160k1"),
    (16, "secp160r1"),
    (17, "secp160r2"),
    (18, "secp192k1"),
    (19, "secp192r1"),
    (20, "secp224k1"),
    (21, "secp224r1"),
    (22, "secp256k1"),
    (23, "secp256r1"),
    (24, "secp384r1"),
    (25, "secp521r1"),
    (26, "brainpoolP256r1"),
    (27, "brainpoolP384r1"),
    (28, "brainpoolP512r1"),
    (29, "x25519"),
    (30, "x448"),
    (31, "brainpoolP256r1tls13"),
    (32, "brainpoolP384r1tls13"),
    (33, "brainpoolP512r1tls13"),
    (0x100, "ffdhe2048"),
    (0x101, "ffdhe3072"),
    (0x102, "ffdhe4096"),
    (0x103, "ffdhe6144"),
    (0x104, "ffdhe8192"),
    (0x200, "MLKEM512"),
    (0x201, "MLKEM768"),
    (0x202, "MLKEM1024"),
    (0x11eb, "SecP256r1MLKEM768"),
    (0x11ec, "X25519MLKEM768"),
    (0x11ed, "SecP384r1MLKEM1024"),
    (0x6399, "X25519Kyber768Draft00"),
    (0x639a, "SecP256r1Kyber768Draft00"),
    (0xff01, "arbitrary_explicit_prime_curves"),
    (0xff02, "arbitrary_explicit_char2_curves"),
];

/// `x25519`, `secp256r1`, …
pub(crate) fn group(group: NamedGroup) -> String {
    let code = u16::from(group);
    GROUPS.iter().find(|(known, _)| *known == code).map_or_else(|| format!("0x{code:04x}"), |(_, name)| (*name).to_owned())
}

/// `rsa_pss_rsae_sha256`, …; in TLS 1.2 the scheme's code point read as RFC 8446 section 4.2.3 names it.
pub(crate) fn scheme(scheme: SignatureScheme) -> String {
    let name = match scheme {
        SignatureScheme::RSA_PKCS1_SHA1 => "rsa_pkcs1_sha1",
        SignatureScheme::ECDSA_SHA1_Legacy => "ecdsa_sha1",
        SignatureScheme::RSA_PKCS1_SHA256 => "rsa_pkcs1_sha256",
        SignatureScheme::ECDSA_NISTP256_SHA256 => "ecdsa_secp256r1_sha256",
        SignatureScheme::RSA_PKCS1_SHA384 => "rsa_pkcs1_sha384",
        SignatureScheme::ECDSA_NISTP384_SHA384 => "ecdsa_secp384r1_sha384",
        SignatureScheme::RSA_PKCS1_SHA512 => "rsa_pkcs1_sha512",
        SignatureScheme::ECDSA_NISTP521_SHA512 => "ecdsa_secp521r1_sha512",
        SignatureScheme::RSA_PSS_SHA256 => "rsa_pss_rsae_sha256",
        SignatureScheme::RSA_PSS_SHA384 => "rsa_pss_rsae_sha384",
        SignatureScheme::RSA_PSS_SHA512 => "rsa_pss_rsae_sha512",
        SignatureScheme::ED25519 => "ed25519",
        SignatureScheme::ED448 => "ed448",
        other => return format!("0x{:04x}", u16::from(other)),
    };
    name.to_owned()
}

/// `handshake_failure`, …
pub(crate) fn alert(alert: AlertDescription) -> String {
    let Some(name) = alert.as_str() else { return u8::from(alert).to_string() };
    match alert {
        AlertDescription::UnrecognisedName => return "unrecognized_name".to_owned(),
        AlertDescription::UnknownCA => return "unknown_ca".to_owned(),
        AlertDescription::UnknownPSKIdentity => return "unknown_psk_identity".to_owned(),
        AlertDescription::BadCertificateHashValue => return "bad_certificate_hash_value_RESERVED".to_owned(),
        AlertDescription::ExportRestriction => return "export_restriction_RESERVED".to_owned(),
        AlertDescription::DecryptionFailed => return "decryption_failed_RESERVED".to_owned(),
        AlertDescription::NoCertificate => return "no_certificate_RESERVED".to_owned(),
        AlertDescription::NoRenegotiation => return "no_renegotiation".to_owned(),
        _ => {}
    }
    let mut text = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: IANA "TLS Parameters" registry, read from RFC 8446 (4.2.3, 4.2.7, 6, B.4) and RFC 5289.
    #[test]
    fn names_are_those_of_iana() {
        assert_eq!(version(ProtocolVersion::TLSv1_3), "TLSv1.3");
        assert_eq!(version(ProtocolVersion::from(0x0300)), "SSLv3"); // RFC 6101 section A.1
        assert_eq!(cipher(CipherSuite::TLS13_AES_256_GCM_SHA384), "TLS_AES_256_GCM_SHA384");
        assert_eq!(cipher(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
        assert_eq!(group(NamedGroup::X25519), "x25519");
        assert_eq!(group(NamedGroup::secp384r1), "secp384r1");
        assert_eq!(group(NamedGroup::X25519MLKEM768), "X25519MLKEM768");
        assert_eq!(group(NamedGroup::Unknown(0x1234)), "0x1234");
        assert_eq!(scheme(SignatureScheme::from(0x0804)), "rsa_pss_rsae_sha256");
        assert_eq!(scheme(SignatureScheme::from(0x0403)), "ecdsa_secp256r1_sha256");
        for (code, name) in [
            (0, "close_notify"),
            (10, "unexpected_message"),
            (20, "bad_record_mac"),
            (40, "handshake_failure"),
            (42, "bad_certificate"),
            (48, "unknown_ca"),
            (50, "decode_error"),
            (70, "protocol_version"),
            (71, "insufficient_security"),
            (80, "internal_error"),
            (86, "inappropriate_fallback"),
            (109, "missing_extension"),
            (112, "unrecognized_name"),
            (115, "unknown_psk_identity"),
            (116, "certificate_required"),
            (120, "no_application_protocol"),
            (200, "200"),
        ] {
            assert_eq!(alert(AlertDescription::from(code)), name);
        }
    }
}
