//! Which domains have MTA-STS and TLS reporting?
//!
//! View: RFC 8461 and RFC 8460. Denominator: domains with mail whose record's presence is known; of policies, domains that announce one and
//! whose policy was looked for.

use super::Transported;
use crate::Share;
use dane::policies::sts::Mode;
use dane::verdict::PolicyState;
use serde::{Deserialize, Serialize};

/// The answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTable {
    /// Domains that publish something for MTA-STS, well-formed or not, of those of which it is known.
    pub sts: Share,
    /// Domains with a policy that senders can use, of those with a good record whose policy was looked for.
    pub sts_valid: Share,
    /// Domains whose policy is enforced, of those with a policy that senders can use.
    pub sts_enforced: Share,
    /// Domains that publish something for TLS reporting, well-formed or not, of those of which it is known.
    pub tlsrpt: Share,
    /// Those whose record is good, of these.
    pub tlsrpt_valid: Share,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Policies {
    table: PolicyTable,
}

impl Policies {
    pub fn add(&mut self, domain: &Transported) {
        let Some(policies) = domain.facts.verdict.policies.as_deref() else { return };
        let (sts, tlsrpt, t) = (&policies.sts, policies.tlsrpt.state, &mut self.table);
        let is = |what: bool| u64::from(what);
        // A good record without an answer from its policy host is known to be there.
        if sts.id.is_some() || sts.state != PolicyState::CouldNotTell {
            t.sts += Share::new(is(sts.state != PolicyState::None), 1);
        }
        let looked_for = !matches!(sts.state, PolicyState::Announced | PolicyState::CouldNotTell);
        if sts.id.is_some() && looked_for {
            t.sts_valid += Share::new(is(sts.state == PolicyState::Valid), 1);
        }
        if sts.state == PolicyState::Valid {
            t.sts_enforced += Share::new(is(sts.mode == Some(Mode::Enforce)), 1);
        }
        if tlsrpt != PolicyState::CouldNotTell {
            t.tlsrpt += Share::new(is(tlsrpt != PolicyState::None), 1);
        }
        if matches!(tlsrpt, PolicyState::Valid | PolicyState::Invalid) {
            t.tlsrpt_valid += Share::new(is(tlsrpt == PolicyState::Valid), 1);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.table, &other.table);
        mine.sts += theirs.sts;
        mine.sts_valid += theirs.sts_valid;
        mine.sts_enforced += theirs.sts_enforced;
        mine.tlsrpt += theirs.tlsrpt;
        mine.tlsrpt_valid += theirs.tlsrpt_valid;
    }

    pub fn table(&self) -> Option<PolicyTable> {
        (self.table.sts.of + self.table.tlsrpt.of > 0).then_some(self.table)
    }
}
