//! What became of a visit, in the classes of P20 Figure 6, from the codes that states hold: the one place where codes are classes.

use crate::study::Study;
use archive::states::model::{Id, ServerSeen};
use dane::cause::Cause;

/// What became of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A certificate was seen.
    Works,
    /// STARTTLS is not offered. (The studies send it all the same.)
    NotOffered,
    /// STARTTLS is answered with 500, 502, 503 or 504: not implemented or understood.
    NotImplemented,
    /// STARTTLS is refused with another 5xx.
    Refused,
    /// TLS is not available now: 454.
    Unavailable,
    /// The TLS negotiation fails.
    Tls,
    /// Only TLS versions that are no longer allowed.
    TooOld,
    /// No certificate, or one that cannot be read.
    Certificate,
    /// 4xx, for a reason that is not known: greylisting as a rule.
    Temporary,
    /// Busy, or we come too often.
    RateLimited,
    /// We are on a list: 5xx before STARTTLS, or with words that say so.
    Blocked,
    /// No connection, or one that broke.
    Tcp,
    /// What answers is no mail server, or nothing else fits.
    Other,
    /// We did not visit it.
    NotVisited,
}

impl Class {
    /// Every class: those that say something of the server's TLS, then those that do not.
    pub const ALL: [Class; 14] = [
        Class::Works,
        Class::NotOffered,
        Class::NotImplemented,
        Class::Refused,
        Class::Unavailable,
        Class::Tls,
        Class::TooOld,
        Class::Certificate,
        Class::Temporary,
        Class::RateLimited,
        Class::Blocked,
        Class::Tcp,
        Class::Other,
        Class::NotVisited,
    ];

    /// Its place in [`Class::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whether it tells that every sender has no TLS here; `None`: we could not look, which says nothing.
    #[must_use]
    pub fn fails(self) -> Option<bool> {
        match self {
            Class::Works => Some(false),
            Class::Temporary | Class::RateLimited | Class::Blocked | Class::Tcp | Class::Other | Class::NotVisited => None,
            _ => Some(true),
        }
    }

    /// What the studies' scanner would have seen: it sends STARTTLS unasked, takes old TLS, and goes by the first digits of a reply.
    #[must_use]
    pub fn paper(self, seen: &ServerSeen) -> Class {
        match (self, seen.smtp_code) {
            (Class::NotOffered | Class::TooOld, _) if seen.chain.is_some() => Class::Works,
            (Class::TooOld, _) => Class::Tls,
            (Class::NotOffered, Some(400..=499)) | (Class::Unavailable | Class::RateLimited, _) => Class::Temporary,
            (Class::NotOffered, Some(550 | 551 | 554)) => Class::Refused,
            // The last word was that to EHLO: nobody asked, and the answer is known.
            (Class::NotOffered, Some(250 | 500 | 502 | 503 | 504)) => Class::NotImplemented,
            (Class::NotOffered, _) => Class::Other,
            (Class::Refused, Some(550 | 551 | 554)) | (Class::Blocked, _) => Class::Refused,
            (Class::Refused, _) => Class::Other,
            (class, _) => class,
        }
    }
}

/// The class of a code without its reply.
fn class(status: &str) -> Class {
    match status {
        "ok" => return Class::Works,
        // The words of the studies' scanner, where somebody else's data has no more than these.
        "not-implemented" => return Class::NotImplemented,
        "4xx" => return Class::Temporary,
        "refused" => return Class::Blocked,
        "tcp" => return Class::Tcp,
        "tls" => return Class::Tls,
        "no-data" => return Class::NotVisited,
        _ => {}
    }
    match Cause::from_code(status) {
        Some(Cause::StarttlsNotOffered) => Class::NotOffered,
        Some(Cause::StarttlsRefused) => Class::Refused,
        Some(Cause::StarttlsTemporary) => Class::Unavailable,
        Some(Cause::TlsHandshakeFailure | Cause::KeyNotProven) => Class::Tls,
        Some(Cause::TlsTooOld) => Class::TooOld,
        Some(Cause::EmptyChain | Cause::GarbageCertificate | Cause::HugeChain) => Class::Certificate,
        Some(Cause::Greylisted) => Class::Temporary,
        Some(Cause::RateLimited) => Class::RateLimited,
        Some(Cause::SmtpBlocked) => Class::Blocked,
        Some(Cause::ConnectionRefused | Cause::ConnectionTimeout | Cause::ConnectionReset | Cause::Unreachable) => Class::Tcp,
        Some(Cause::BannerTimeout | Cause::Tarpit) => Class::Tcp,
        Some(Cause::OptedOut | Cause::NoIpv6 | Cause::Port25Blocked | Cause::AddressNotPublic | Cause::LocalError) => Class::NotVisited,
        Some(Cause::NotLooked | Cause::BudgetExhausted) => Class::NotVisited,
        // A firewall on the way, TLS that only we cannot speak, what is no mail server.
        _ => Class::Other,
    }
}

/// Classes by the number of their word, so that a state costs a look into a list.
#[derive(Debug, Default)]
pub struct Classes(Vec<Option<Class>>);

impl Classes {
    /// What became of the visit that a state tells of.
    pub fn of(&mut self, study: &Study<'_>, seen: &ServerSeen) -> Class {
        let Some(word) = seen.smtp_status else { return Class::NotVisited };
        if self.0.len() <= word.index() {
            self.0.resize(word.index() + 1, None);
        }
        let known = self.0.get_mut(word.index());
        let class = known.map_or(Class::Other, |known| *known.get_or_insert_with(|| class(study.text(Some(word)))));
        match (class, seen.smtp_code) {
            (Class::Refused, Some(500 | 502 | 503 | 504)) => Class::NotImplemented,
            _ => class,
        }
    }

    /// The same, as the studies' scanner would have seen it.
    pub fn paper(&mut self, study: &Study<'_>, seen: &ServerSeen) -> Class {
        self.of(study, seen).paper(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use archive::states::model::ChainId;

    /// Every cause that `dane::smtp` names an obstacle has a class by name, and the party that it blames is the same.
    #[test]
    fn classes_blame_nobody_else() {
        for cause in Cause::ALL {
            let class = class(cause.code());
            if class.fails().is_some() {
                assert_eq!(cause.party(), dane::cause::Party::Domain, "{}", cause.code());
            }
        }
        for (at, class) in Class::ALL.iter().enumerate() {
            assert_eq!(class.index(), at);
        }
    }

    /// P20 section 5.2, and the texts of the studies' scanner by their prefixes.
    #[test]
    fn the_studies_scanner_goes_by_codes() {
        for (class, smtp_code, certificate, wanted) in [
            (Class::NotOffered, Some(502), false, Class::NotImplemented),
            (Class::NotOffered, Some(454), false, Class::Temporary),
            (Class::NotOffered, Some(554), false, Class::Refused),
            (Class::NotOffered, Some(250), false, Class::NotImplemented),
            (Class::NotOffered, None, false, Class::Other),
            (Class::NotOffered, None, true, Class::Works),
            (Class::TooOld, None, true, Class::Works),
            (Class::TooOld, None, false, Class::Tls),
            (Class::RateLimited, Some(421), false, Class::Temporary),
            (Class::Blocked, Some(504), false, Class::Refused),
            (Class::Refused, Some(554), false, Class::Refused),
            (Class::Refused, Some(530), false, Class::Other),
            (Class::Tls, None, true, Class::Tls),
        ] {
            let chain = certificate.then(|| ChainId::at(0));
            assert_eq!(
                class.paper(&ServerSeen { smtp_code, chain, ..ServerSeen::default() }),
                wanted,
                "{class:?} {smtp_code:?} {certificate}"
            );
        }
    }
}
