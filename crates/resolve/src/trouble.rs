//! What goes wrong with one server, and what many such troubles come to.

use crate::answer::{Failure, LookupError, Whom};
use bytes::Bytes;
use dnssec::{Name, Question};
use domain::base::iana::Rcode;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Why one server gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    Timeout,
    /// What the operating system says.
    Unreachable(String),
    /// What is wrong with the message.
    Malformed(String),
    /// An error code.
    Rcode(u16),
    /// It does not serve the zone it was asked about; how that shows.
    Lame(&'static str),
}

impl Trouble {
    /// The kind it is reported as.
    pub fn failure(&self) -> Failure {
        match self {
            Trouble::Timeout => Failure::Timeout,
            Trouble::Unreachable(_) => Failure::Unreachable,
            Trouble::Malformed(_) => Failure::Malformed,
            Trouble::Lame(_) => Failure::Refused,
            Trouble::Rcode(code) => match Rcode::checked_from_int(u8::try_from(*code).unwrap_or(u8::MAX)) {
                Some(Rcode::SERVFAIL) => Failure::Servfail,
                Some(Rcode::REFUSED) => Failure::Refused,
                Some(Rcode::NOTIMP) => Failure::Notimp,
                _ => Failure::ErrorCode,
            },
        }
    }

    /// Whether asking the same server again may help. Refusal is no exception: rate limits refuse, too.
    pub fn may_pass(&self) -> bool {
        let overloaded = matches!(self, Trouble::Rcode(_)) && matches!(self.failure(), Failure::Servfail | Failure::Refused);
        overloaded || matches!(self, Trouble::Timeout | Trouble::Unreachable(_) | Trouble::Malformed(_))
    }

    /// Of several servers' troubles the one that tells most: those who spoke before those who did not.
    fn rank(&self) -> u8 {
        match self.failure() {
            Failure::Servfail => 6,
            Failure::Refused => 5,
            Failure::Notimp => 4,
            Failure::ErrorCode => 3,
            Failure::Malformed => 2,
            Failure::Timeout => 1,
            _ => 0,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Timeout => f.write_str("timed out"),
            Trouble::Unreachable(what) => write!(f, "unreachable ({what})"),
            Trouble::Malformed(what) => write!(f, "malformed answer ({what})"),
            Trouble::Rcode(code) => match u8::try_from(*code).ok().and_then(Rcode::checked_from_int) {
                Some(code) => write!(f, "answered {code}"),
                None => write!(f, "answered error code {code}"),
            },
            Trouble::Lame(how) => write!(f, "does not serve the zone ({how})"),
        }
    }
}

/// Messages kept of those that tell of trouble.
const MAX_RAW: usize = 8;

/// The troubles met while asking the servers of one zone.
#[derive(Default)]
pub struct Troubles {
    servers: Vec<(IpAddr, Trouble)>,
    raw: Vec<Bytes>,
    /// Name servers that could not be asked at all, because they have no address.
    nameless: Vec<(Name, LookupError)>,
}

impl Troubles {
    /// Remembers the trouble of a server that tells most: silence over UDP says more than a closed TCP port, an error code more still.
    pub fn note(&mut self, server: IpAddr, trouble: Trouble, raw: Option<Bytes>) {
        self.raw.extend(raw.filter(|_| self.raw.len() < MAX_RAW));
        match self.servers.iter_mut().find(|(ip, _)| *ip == server) {
            Some(known) if trouble.rank() >= known.1.rank() => known.1 = trouble,
            Some(_) => {}
            None => self.servers.push((server, trouble)),
        }
    }

    /// Remembers a name server without address.
    pub fn no_address(&mut self, name: Name, why: LookupError) {
        self.nameless.push((name, why));
    }

    /// Servers that it may help to ask again.
    pub fn worth_another_try(&self) -> Vec<IpAddr> {
        self.servers.iter().filter(|(_, trouble)| trouble.may_pass()).map(|(ip, _)| *ip).collect()
    }

    /// Servers whose trouble may have been bad luck: lost, overloaded, limited. Nonsense is not.
    pub fn of_chance(&self) -> Vec<IpAddr> {
        let chance = |trouble: &Trouble| trouble.may_pass() && matches!(trouble, Trouble::Timeout | Trouble::Rcode(_));
        self.servers.iter().filter(|(_, trouble)| chance(trouble)).map(|(ip, _)| *ip).collect()
    }

    /// What to report when the lookup's budget ran out on the way. If time ran out because nobody answers, the path is to blame, not us.
    pub fn into_budget_error(self, zone: &Name, question: &Question, over: LookupError, time_left: Duration) -> LookupError {
        let silent = |failure| matches!(failure, Failure::Timeout | Failure::Unreachable);
        let nobody_spoke =
            self.servers.iter().all(|(_, trouble)| silent(trouble.failure())) && self.nameless.iter().all(|(_, why)| silent(why.failure));
        let any = !self.servers.is_empty() || !self.nameless.is_empty();
        if !any {
            return over;
        }
        let failure = if nobody_spoke && time_left.is_zero() { Failure::Timeout } else { Failure::Budget };
        let LookupError { detail, raw, whom, .. } = self.into_error(zone, question);
        let detail = format!("{}; until then {detail}", over.detail);
        LookupError { failure, detail, raw, whom }
    }

    /// One failure out of all.
    pub fn into_error(self, zone: &Name, question: &Question) -> LookupError {
        let worst = self.servers.iter().max_by_key(|(_, trouble)| trouble.rank());
        let failure = match (worst, self.nameless.as_slice()) {
            (Some((_, trouble)), _) => trouble.failure(),
            (None, []) => Failure::Unreachable,
            // What kept us from every name server's address says most about why; but a name that does not exist is a dead delegation.
            (None, [(_, first), rest @ ..]) if rest.iter().all(|(_, why)| why.failure == first.failure) => first.failure,
            (None, _) => Failure::DelegationLoop,
        };
        let servers = self.servers.iter().map(|(ip, trouble)| format!("{ip} {trouble}"));
        let nameless = self.nameless.iter().map(|(name, why)| format!("no address for {}: {}", name.fmt_with_dot(), why.detail));
        let mut list: Vec<String> = servers.chain(nameless).collect();
        let more = list.len().saturating_sub(6);
        list.truncate(6);
        let mut detail = format!(
            "no server of {} answers {} {}: {}",
            zone.fmt_with_dot(),
            question.name.fmt_with_dot(),
            question.rtype,
            if list.is_empty() { "it has no server that can be asked".into() } else { list.join("; ") }
        );
        if more > 0 {
            detail.push_str(&format!("; and {more} more"));
        }
        // Details nest when a name server's address is missing for a reason that has a reason.
        if detail.len() > 1000 {
            let end = detail.char_indices().map(|(at, _)| at).take_while(|at| *at <= 1000).last().unwrap_or(0);
            detail.truncate(end);
            detail.push('…');
        }
        LookupError { failure, detail, raw: self.raw, whom: Some(Whom::Zone(zone.clone())) }
    }
}
