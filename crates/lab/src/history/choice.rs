//! What a server chooses: how long it is there, whose certificates it has, how it carries out a change.

use super::grid::{Grid, HOUR, Round};
use super::pki::{Issuer, Leaf};
use super::plan::{Manner, Plan, Profile};
use super::random::Chance;
use super::records;
use super::server::Server;
use super::steps::Step;
use super::truth::Where;

impl Server<'_, '_> {
    /// How to change to a new certificate, in the order in which the definition asks.
    pub(super) fn choose(&mut self, new: &Leaf, number: usize, last: bool) -> Step {
        let Some(place) = self.place(new, new.key != self.leaf.key) else { return Step::Renewal };
        if self.plan.profile == Profile::NeverMatched {
            return Step::NeverMatched;
        }
        if self.two_ttls_are_short() {
            return Step::ShortTtl;
        }
        let two = self.two_ttls();
        match self.plan.profile {
            Profile::NoData => return self.unseen(number),
            Profile::Dropped if number == 1 => return Step::SetUnseenAt,
            _ => {}
        }
        let (leaf, issuer) = self.plan.usage.numbers();
        let target = match place {
            Where::Leaf => leaf.is_some(),
            Where::Issuers => issuer.is_some(),
            Where::Both => true,
        };
        if !target {
            return Step::NotARollover;
        }
        if self.plan.profile == Profile::UnmatchedBefore {
            return Step::UnmatchedBefore(None);
        }
        if self.stale {
            // Where a record names the issuer, a new one would fit what was shown before, too, and that would not be never any more.
            let mends = self.plan.profile != Profile::Rolls(Manner::NeverMended) && issuer.is_none();
            return Step::UnmatchedBefore(mends.then(|| self.chance.between(1, 60)));
        }
        if leaf.is_some() && issuer.is_some() && place == Where::Leaf {
            return Step::Bridged;
        }
        let step = self.by_manner(two, last || place == Where::Both && issuer.is_some());
        self.rolled += 1;
        step
    }

    fn by_manner(&mut self, two: Round, last: bool) -> Step {
        let chance = &mut self.chance;
        let manner = if let Profile::Rolls(manner) = self.plan.profile { manner } else { Manner::Correct };
        match manner {
            Manner::SameTime => Step::SameTime,
            // Some are an hour late whenever they roll.
            Manner::After if chance.percent(40) => Step::After(1),
            Manner::After => Step::After(chance.between(2, 60)),
            Manner::InBetween => Step::InBetween(chance.between(1, two - 1)),
            Manner::SameThenNever if last => Step::Never,
            Manner::SameThenNever => Step::SameTime,
            Manner::Never | Manner::NeverMended => Step::Never,
            Manner::EarlyThenSame if self.rolled > 0 => Step::SameTime,
            Manner::Early | Manner::EarlyThenSame => Step::Early(chance.between(1, 30)),
            Manner::Correct if chance.percent(20) && two >= 2 => Step::AcrossGap,
            Manner::Correct => Step::Correct { ahead: chance.between(0, 24), behind: chance.between(0, 24) },
        }
    }

    fn unseen(&mut self, number: usize) -> Step {
        let outage = !self.shared.grid.outages.is_empty();
        match number % 5 {
            0 => Step::SetUnseenAt,
            1 if outage => Step::AfterOutage,
            2 => Step::SetUnseenBefore,
            // Only of a record of the leaf does the set two TTLs before matter here.
            3 if self.plan.usage.numbers().1.is_none() => Step::SetUnseenTwoTtlsBefore(self.chance.between(1, self.two_ttls() - 1)),
            _ => Step::ChainUnseenBefore,
        }
    }

    /// Two machines behind one name, in turn. `named`: which of them the records name, the first only or both.
    pub(super) fn flip(&mut self, named: Where) {
        let first = self.leaf.clone();
        let second = Leaf { key: 1000, number: 1000, ..first.clone() };
        let mut all = self.right(&first);
        if named == Where::Both {
            all = records::union(&all, &self.right(&second));
        }
        self.publish(self.timeline.appears, all);
        let two = self.two_ttls();
        let mut round = self.timeline.appears + two + 8;
        while round < self.timeline.gone - 4 {
            let other = if self.leaf == first { second.clone() } else { first.clone() };
            if self.shared.grid.all_looked(round - two - 1, round + 1) {
                let step = match (named, other == first) {
                    (Where::Both, _) => Step::Correct { ahead: 0, behind: 0 },
                    (_, true) => Step::Back,
                    (_, false) => Step::Never,
                };
                self.note(round, &other, step, None);
                self.show(round, other);
            }
            round += self.chance.between(1, 48);
        }
        self.reserved.push((self.timeline.appears, self.timeline.gone));
    }
}

/// Half of all servers are there from the beginning; others come later, and some go. (P22 section 8.1)
pub fn life(count: Round, profile: Profile, chance: &mut Chance) -> (Round, Round) {
    let changes = profile != Profile::Unchanged;
    let appears = if chance.percent(50) { 0 } else { chance.between(count * 15 / 100, count * if changes { 45 } else { 90 } / 100) };
    let gone = if chance.percent(90) { count } else { chance.between(count * 93 / 100, count - 1) };
    (appears, gone)
}

/// 94.4% of certificates that usage 3 names come from known authorities, 77.6% from Let's Encrypt. (P22 section 6.3.2)
pub fn first_issuer(plan: &Plan, chance: &mut Chance) -> Issuer {
    let names_issuer = plan.usage.numbers().1.is_some();
    match plan.profile {
        Profile::SameKey | Profile::Unchanged if names_issuer || chance.percent(80) => Issuer::Other,
        Profile::SameKey | Profile::Unchanged => Issuer::Nobody,
        Profile::NotARollover if names_issuer => Issuer::Other,
        Profile::NotARollover => Issuer::LetsEncryptX3,
        Profile::Pool | Profile::HalfPool => Issuer::Other,
        _ if names_issuer || chance.percent(85) => Issuer::LetsEncryptX3,
        _ if chance.percent(70) => Issuer::Other,
        _ => Issuer::Nobody,
    }
}

/// From when to when a certificate issued at a round is valid.
pub fn validity(grid: &Grid, round: Round, issuer: Issuer) -> (i64, i64) {
    let days = match issuer {
        Issuer::LetsEncryptX3 | Issuer::LetsEncryptR3 => 90,
        Issuer::Other => 397,
        Issuer::Nobody => 3650,
    };
    let from = grid.time(round) - HOUR;
    (from, from + days * 86_400 - 1)
}
