//! What do TLS sessions agree on?
//!
//! View: as observed by a client that prefers ECDSA and AEAD; a server that has more shows only what it prefers of ours. Denominator of each
//! table: domains with TLS of which the parameter is known, which is the sum of its counts. Cipher suites are read by their IANA names.

use super::Transported;
use crate::Share;
use dane::cert::Certificate;
use dane::observation::TlsObservation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Domains by value.
pub type Counts = BTreeMap<String, u64>;

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterTable {
    /// `TLSv1.3`, …
    pub version: Counts,
    /// `ECDHE`, `DHE`, `RSA`; `hybrid` of a classical and a post-quantum one.
    pub key_exchange: Counts,
    /// `AES_128_GCM`, …
    pub cipher: Counts,
    /// `AEAD` where the cipher authenticates by itself; else the HMAC's hash.
    pub mac: Counts,
    /// Of the certificate: `RSA 2048`, `P-256`, …
    pub key: Counts,
    /// Domains whose session stays secret if the certificate's key becomes known, of those of which the key exchange is known.
    pub forward_secrecy: Share,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    table: ParameterTable,
}

impl Parameters {
    pub fn add(&mut self, domain: &Transported) {
        let Some(tls) = domain.tls else { return };
        let table = &mut self.table;
        let mut count = |counts: fn(&mut ParameterTable) -> &mut Counts, value: Option<String>| {
            value.into_iter().for_each(|value| *counts(table).entry(value).or_default() += 1);
        };
        let suite = tls.cipher.as_deref().and_then(Suite::read);
        let exchange = suite.as_ref().and_then(|s| s.key_exchange(tls));
        count(|t| &mut t.version, tls.version.clone());
        count(|t| &mut t.key_exchange, exchange.map(str::to_owned));
        count(|t| &mut t.cipher, suite.as_ref().map(|s| s.cipher.to_owned()));
        count(|t| &mut t.mac, suite.as_ref().map(|s| s.mac.to_owned()));
        count(|t| &mut t.key, key(tls));
        if let Some(exchange) = exchange {
            // RFC 9325 section 4.1: ephemeral key exchange has forward secrecy.
            table.forward_secrecy += Share::new(u64::from(matches!(exchange, "ECDHE" | "DHE" | "hybrid")), 1);
        }
    }

    pub fn merge(&mut self, other: Self) {
        let (mine, theirs) = (&mut self.table, other.table);
        let pairs = [
            (&mut mine.version, theirs.version),
            (&mut mine.key_exchange, theirs.key_exchange),
            (&mut mine.cipher, theirs.cipher),
            (&mut mine.mac, theirs.mac),
            (&mut mine.key, theirs.key),
        ];
        for (mine, theirs) in pairs {
            theirs.into_iter().for_each(|(value, n)| *mine.entry(value).or_default() += n);
        }
        mine.forward_secrecy += theirs.forward_secrecy;
    }

    pub fn table(&self) -> ParameterTable {
        self.table.clone()
    }
}

/// A cipher suite taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Suite<'a> {
    /// Key exchange and authentication, as in the name; none in TLS 1.3.
    exchange: Option<&'a str>,
    cipher: &'a str,
    mac: &'a str,
}

impl<'a> Suite<'a> {
    /// `TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256`, `TLS_AES_128_GCM_SHA256`. `None`: a name of another form.
    fn read(name: &'a str) -> Option<Self> {
        let name = name.strip_prefix("TLS_")?;
        let (exchange, rest) = name.split_once("_WITH_").map_or((None, name), |(exchange, rest)| (Some(exchange), rest));
        // Of the CCM suites of TLS 1.2 the name ends with the cipher.
        let hash = |word: &str| word.starts_with("SHA") || matches!(word, "MD5" | "NULL" | "SM3");
        let (cipher, mac) = rest.rsplit_once('_').filter(|(_, last)| hash(last)).unwrap_or((rest, "AEAD"));
        let aead = ["GCM", "CCM", "POLY1305", "OCB"].iter().any(|word| cipher.contains(word));
        (!cipher.is_empty()).then_some(Self { exchange, cipher, mac: if aead { "AEAD" } else { mac } })
    }

    fn key_exchange(&self, tls: &TlsObservation) -> Option<&'static str> {
        // In TLS 1.2 the suite says it, in TLS 1.3 the group.
        match (self.exchange, tls.group.as_deref()) {
            (Some(exchange), _) => Some(match exchange.split('_').next()? {
                "ECDHE" => "ECDHE",
                "DHE" => "DHE",
                // Ephemeral, though nobody is authenticated.
                "ECDH" if exchange.ends_with("anon") => "ECDHE",
                "DH" if exchange.ends_with("anon") => "DHE",
                "RSA" => "RSA",
                _ => "other",
            }),
            (None, Some(group)) if group.contains("MLKEM") || group.contains("Kyber") => Some("hybrid"),
            (None, Some(group)) if group.starts_with("ffdhe") => Some("DHE"),
            (None, Some(_)) => Some("ECDHE"),
            (None, None) => None,
        }
    }
}

/// The key of the server's certificate.
fn key(tls: &TlsObservation) -> Option<String> {
    let leaf = Certificate::parse_shared(tls.chain.first()?).ok()?;
    Some(match (leaf.key.kind.as_str(), leaf.key.bits) {
        ("RSA", Some(bits)) => format!("RSA {bits}"),
        (kind, _) => kind.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the IANA registry "TLS Cipher Suites".
    #[test]
    fn suites_taken_apart() {
        for (name, exchange, cipher, mac) in [
            ("TLS_AES_128_GCM_SHA256", None, "AES_128_GCM", "AEAD"),
            ("TLS_CHACHA20_POLY1305_SHA256", None, "CHACHA20_POLY1305", "AEAD"),
            ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Some("ECDHE_RSA"), "AES_256_GCM", "AEAD"),
            ("TLS_RSA_WITH_AES_128_CBC_SHA", Some("RSA"), "AES_128_CBC", "SHA"),
            ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", Some("DHE_RSA"), "AES_128_CBC", "SHA256"),
            ("TLS_RSA_WITH_RC4_128_MD5", Some("RSA"), "RC4_128", "MD5"),
            ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", Some("ECDHE_ECDSA"), "AES_128_CCM_8", "AEAD"),
            ("TLS_DH_anon_WITH_3DES_EDE_CBC_SHA", Some("DH_anon"), "3DES_EDE_CBC", "SHA"),
        ] {
            assert_eq!(Suite::read(name), Some(Suite { exchange, cipher, mac }), "{name}");
        }
        assert_eq!(Suite::read("0x1301"), None);
    }

    #[test]
    fn key_exchanges() {
        let exchange = |cipher: &str, group: Option<&str>| {
            let tls = TlsObservation { group: group.map(str::to_owned), ..TlsObservation::new("test") };
            Suite::read(cipher).and_then(|s| s.key_exchange(&tls))
        };
        assert_eq!(exchange("TLS_AES_128_GCM_SHA256", Some("x25519")), Some("ECDHE"));
        assert_eq!(exchange("TLS_AES_128_GCM_SHA256", Some("X25519MLKEM768")), Some("hybrid"));
        assert_eq!(exchange("TLS_AES_128_GCM_SHA256", Some("ffdhe2048")), Some("DHE"));
        assert_eq!(exchange("TLS_AES_128_GCM_SHA256", None), None);
        assert_eq!(exchange("TLS_RSA_WITH_AES_128_CBC_SHA", None), Some("RSA"));
        assert_eq!(exchange("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", None), Some("other"));
        assert_eq!(exchange("TLS_DH_anon_WITH_AES_128_CBC_SHA", None), Some("DHE"));
    }
}
