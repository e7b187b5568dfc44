//! Senders by resolvers: what each pair did, and what that comes to.

use super::deeds::{self, Deeds};
use super::place::Place;
use super::resolver::Resolver;
use super::sender::{Running, Sender};
use super::tap::Asked;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// One sender behind one resolver.
pub struct Pair {
    /// Who sent.
    pub sender: Sender,
    /// Through whom.
    pub resolver: Resolver,
    /// What it did.
    pub deeds: Deeds,
    /// What it asked its resolver.
    pub asked: Vec<Asked>,
    /// Whether it asked the lab's name servers itself.
    pub recursive: bool,
    /// Whether it receives by TLS, and how.
    pub server: (bool, String),
}

/// What a sender's deeds come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It delivers what is right and refuses what is wrong.
    Validates,
    /// It refuses also what has no DANE.
    Demands,
    /// It asks for TLSA records and delivers where they forbid it.
    AsksOnly,
    /// It encrypts where it can.
    Opportunistic,
    /// It does not encrypt.
    Clear,
    /// It delivers nothing.
    Nothing,
}

impl Class {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Validates => "validates",
            Self::Demands => "validates, and refuses domains without DANE",
            Self::AsksOnly => "asks for TLSA and ignores it",
            Self::Opportunistic => "opportunistic only",
            Self::Clear => "sends in clear only",
            Self::Nothing => "delivers nothing",
        }
    }
}

/// Starts a sender behind a resolver that runs, and gives it one message for each of these scenarios.
///
/// # Panics
/// If it does not start, or takes no mail.
#[must_use]
pub fn run(place: &Place, (sender, resolver): (Sender, Resolver), options: &str, ids: &[&'static str], limit: Duration) -> Pair {
    let running = Running::start(place, sender, resolver, options);
    let deeds = deeds::of(place, &running, ids, limit);
    let resolvers: BTreeSet<IpAddr> = Resolver::ALL.iter().map(|resolver| IpAddr::V4(resolver.address())).collect();
    let recursive = place.world.lab.queries().iter().any(|query| !resolvers.contains(&query.source.ip()));
    Pair { sender, resolver, deeds, asked: running.tap.asked(), recursive, server: running.receives_by_tls() }
}

impl Pair {
    /// Whether a TLSA record was asked for where everything is right.
    #[must_use]
    pub fn requests_tlsa(&self) -> bool {
        self.deeds.get("valid").is_some_and(|deed| deed.tlsa_asked)
    }

    /// Whether STARTTLS was ever sent.
    #[must_use]
    pub fn starts_tls(&self) -> bool {
        self.deeds.values().any(|deed| deed.starttls)
    }

    fn delivers(&self, id: &str) -> bool {
        self.deeds.get(id).is_some_and(deeds::Deed::delivered)
    }

    /// What its deeds come to.
    #[must_use]
    pub fn class(&self) -> Class {
        let forbidden = ["tlsa-wrong-data", "tlsa-wrong-selector", "tlsa-rrsig-wrong"];
        let without = ["ds-missing", "cert-self-signed-no-tlsa"];
        match (self.delivers("valid"), forbidden.iter().any(|id| self.delivers(id)), without.iter().all(|id| self.delivers(id))) {
            (false, false, false) => Class::Nothing,
            (true, false, true) => Class::Validates,
            (true, false, false) => Class::Demands,
            _ if self.requests_tlsa() => Class::AsksOnly,
            _ if self.starts_tls() => Class::Opportunistic,
            _ => Class::Clear,
        }
    }

    /// How it asks: the flags of its questions.
    #[must_use]
    pub fn flags(&self) -> String {
        let mut flags = Vec::new();
        for (word, set) in [
            ("DO", self.asked.iter().any(|asked| asked.dnssec_ok)),
            ("AD", self.asked.iter().any(|asked| asked.authentic)),
            ("CD", self.asked.iter().any(|asked| asked.checking_disabled)),
            ("TCP", self.asked.iter().any(|asked| asked.tcp)),
        ] {
            if set {
                flags.push(word);
            }
        }
        if flags.is_empty() { "no flags".to_owned() } else { flags.join(", ") }
    }

    /// Stub or recursive: who asks with RD and nobody else is a stub.
    #[must_use]
    pub fn dns(&self) -> &'static str {
        if !self.recursive && self.asked.iter().all(|asked| asked.recursion) { "stub" } else { "recursive" }
    }
}
