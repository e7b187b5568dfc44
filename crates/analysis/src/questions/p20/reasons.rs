//! Why an answer is bogus, in the terms of P20 Figure 7: the one place where codes are reasons.

use crate::study::Study;
use archive::states::model::{Id, WordId};

macro_rules! reasons {
    ($($variant:ident $word:literal $paper:literal $about:literal [$($code:literal)*];)*) => {
        /// Why an answer is bogus.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $(#[doc = $about] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of their numbers.
            pub const ALL: [Reason; [$($word),*].len()] = [$(Reason::$variant),*];

            /// The stable word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Reason::$variant => $word,)* }
            }

            /// What the paper has for it: "non-existent DNSKEY" is both that no key fits the DS and that there is none.
            #[must_use]
            pub fn paper(self) -> &'static str {
                match self { $(Reason::$variant => $paper,)* }
            }

            /// Of a code of our validator, or of what was read from unbound's text.
            #[must_use]
            pub fn of(code: &str) -> Self {
                match code { $($($code => Reason::$variant,)*)* _ => Reason::Other }
            }
        }
    };
}

reasons! {
    Expired "signature-expired" "signature-expired" "The signature has expired." ["rrsig-expired"];
    NotYetValid "signature-not-yet-valid" "signature-not-yet-valid" "The signature is not valid yet." ["rrsig-not-yet-valid"];
    NoKeyForDs "no-key-for-ds" "non-existent-dnskey" "No DNSKEY matches the DS." ["ds-no-matching-key" "anchor-stale" "no-zone-key" "key-revoked"];
    DsDigest "ds-digest" "ds-digest" "The digest of the DS does not match." ["ds-digest-mismatch"];
    NoDnskey "no-dnskey" "non-existent-dnskey" "There is no DNSKEY." ["dnskey-missing"];
    UnknownKey "signature-unknown-key" "signature-unknown-key" "The signature is from an unknown key." ["rrsig-unknown-key"];
    Wrong "signature-wrong" "signature-wrong" "The signature is cryptographically wrong." ["rrsig-wrong" "rrsig-signer" "rrsig-labels" "key-unsupported"];
    Missing "signature-missing" "signature-missing" "The signature is missing." ["rrsig-missing" "rrsig-algorithm" "algorithm-missing" "no-signatures" "no-dnssec-records"];
    Denial "denial-wrong" "denial-wrong" "An NSEC, NSEC3 or wildcard proof is missing or wrong." ["denial-missing" "denial-wrong" "wildcard-wrong" "nsec3-iterations-high"];
    Alias "cname-proof-wrong" "cname-proof-wrong" "The proof of an alias is wrong." ["cname-proof-wrong"];
    Reversed "inception-after-expiration" "inception-after-expiration" "The signature ends before it begins." ["rrsig-times-reversed"];
    Other "other" "other" "Anything else." ["other"];
}

/// Reasons by the number of their word.
#[derive(Debug, Default)]
pub struct Reasons(Vec<Option<Reason>>);

impl Reasons {
    /// Of a state's code.
    pub fn of(&mut self, study: &Study<'_>, code: Option<WordId>) -> Reason {
        let Some(word) = code else { return Reason::Other };
        if self.0.len() <= word.index() {
            self.0.resize(word.index() + 1, None);
        }
        let known = self.0.get_mut(word.index());
        known.map_or(Reason::Other, |known| *known.get_or_insert_with(|| Reason::of(study.text(code))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dnssec::{ReasonCode, Security};

    /// Whatever our validator can say of bogus data has a reason of its own.
    #[test]
    fn every_bogus_code_has_a_reason() {
        for code in ReasonCode::ALL.iter().filter(|code| code.status() == Security::Bogus) {
            assert_ne!(Reason::of(code.code()), Reason::Other, "{code}");
        }
    }
}
