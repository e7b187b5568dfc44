//! The catalogue of DANE misconfigurations and what each must lead to.
//!
//! Each [`Scenario`] is defined once, as data: how it is made ([`Recipe`]), what an RFC 7672 sender does ([`Sender`]), and what a receiver
//! check must find ([`Receiver`]). The lab plays it, tests judge by it, the documentation is printed from it. Expectations come from the
//! RFCs and from the requirement ids named, never from what danelaw itself prints.

mod catalogue;
mod markdown;
pub mod recipe;

pub use markdown::markdown;
pub use recipe::Recipe;

pub use dane::sender::Action as Sender;

use dane::cause::Cause;
use dane::verdict::Standing;
use serde::Serialize;
use std::sync::LazyLock;

/// Which part of the catalogue a scenario belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Section {
    /// The published sender test bed (Lee et al. 2020, section 6.1).
    A,
    /// Rules that real senders have broken.
    B,
    /// What a measurement of receivers must tell apart.
    C,
}

/// What a check of the receiving domain must find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receiver {
    /// The verdict in one word.
    pub standing: Standing,
    /// Causes that must be among the findings.
    pub causes: Vec<Cause>,
    /// Causes that may be named besides. No other finding may weigh as error or unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Cause>,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// Its name: a DNS label, stable.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// A paragraph: what it is, where it comes from, why it matters.
    pub text: &'static str,
    /// Part of the catalogue.
    pub section: Section,
    /// How it is made.
    pub recipe: Recipe,
    /// What a sender does, in order: `[next, defer]` is "skips the only host, so the message waits".
    pub sender: Vec<Sender>,
    /// What a check finds.
    pub receiver: Receiver,
    /// The requirements that the expectations rest on.
    pub requirements: Vec<&'static str>,
}

impl Scenario {
    /// The whole catalogue, in the order of the documentation.
    #[must_use]
    pub fn all() -> &'static [Scenario] {
        static ALL: LazyLock<Vec<Scenario>> = LazyLock::new(catalogue::all);
        &ALL
    }

    /// The scenario of this name.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Scenario> {
        Self::all().iter().find(|s| s.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The test bed's names as the study lists them, one by one.
    const SECTION_A: [&str; 21] = [
        "valid",
        "mx-rrsig-missing",
        "mx-rrsig-wrong",
        "mx-rrsig-expired",
        "dnskey-missing",
        "tlsa-rrsig-wrong",
        "tlsa-rrsig-missing",
        "ds-missing",
        "cert-expired-no-tlsa",
        "cert-self-signed-no-tlsa",
        "cert-name-mismatch-no-tlsa",
        "cert-expired-usage3",
        "starttls-refused",
        "tlsa-wrong-usage",
        "tlsa-wrong-usage-wrong-data",
        "tlsa-wrong-selector",
        "tlsa-wrong-matching-type",
        "tlsa-wrong-data",
        "tlsa-undefined-selector",
        "tlsa-undefined-matching-type",
        "tlsa-undefined-usage",
    ];

    #[test]
    fn section_a_is_complete() {
        let have: BTreeSet<&str> = Scenario::all().iter().filter(|s| s.section == Section::A).map(|s| s.id).collect();
        assert_eq!(have, SECTION_A.into_iter().collect());
    }

    #[test]
    fn ids_are_unique_dns_labels() {
        let mut seen = BTreeSet::new();
        for s in Scenario::all() {
            assert!(seen.insert(s.id), "{} twice", s.id);
            assert!(!s.id.is_empty() && s.id.len() <= 50, "{}", s.id);
            assert!(s.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", s.id);
        }
    }

    /// What a sender does and what a check says must be two views of one thing.
    #[test]
    fn sender_and_receiver_agree() {
        for s in Scenario::all() {
            let r = &s.receiver;
            assert!(!s.sender.is_empty() && !s.requirements.is_empty() && s.text.len() > 10, "{}", s.id);
            let last = s.sender.last().copied();
            match r.standing {
                Standing::Protected | Standing::Partial => assert_eq!(last, Some(Sender::Dane), "{}", s.id),
                Standing::NoMail | Standing::Undeliverable => assert_eq!(last, Some(Sender::Bounce), "{}", s.id),
                Standing::Unprotected => assert!(matches!(last, Some(Sender::Opp | Sender::Enc | Sender::Dane)), "{}", s.id),
                Standing::CouldNotTell => assert_eq!(last, Some(Sender::Defer), "{}", s.id),
                Standing::Broken => assert_ne!(last, Some(Sender::Opp), "{}", s.id),
            }
            if matches!(r.standing, Standing::Broken | Standing::CouldNotTell) {
                assert!(!r.causes.is_empty(), "{} is wrong without a cause", s.id);
            }
            assert!(r.causes.iter().all(|c| !r.also.contains(c)), "{}", s.id);
        }
    }

    #[test]
    fn the_catalogue_is_json() {
        let json = serde_json::to_value(Scenario::all()).expect("serialises");
        let valid = json.as_array().and_then(|a| a.iter().find(|s| s["id"] == "valid")).expect("valid");
        assert_eq!(valid["recipe"]["hosts"][0]["tlsa"][0]["usage"], 3);
        assert_eq!(valid["sender"][0], "dane");
    }

    #[test]
    fn every_scenario_is_documented() {
        let page = markdown();
        for s in Scenario::all() {
            assert!(page.contains(&format!("\n### {}\n", s.id)));
        }
    }
}
