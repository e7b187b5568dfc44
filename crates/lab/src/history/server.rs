//! One server's history, from its plan.

use super::choice::{first_issuer, life, validity};
use super::grid::{DAY, Grid, HOUR, Round};
use super::pki::{Issuer, Leaf, Pki};
use super::plan::{Plan, Profile, Usage};
use super::random::Chance;
use super::records::{self, Material};
use super::steps::Step;
use super::timeline::{Gap, Timeline, Unseen};
use super::truth::{ChangeTruth, Ends, P20, P20Standing, ServerTruth, ServerVerdict, Where};
use dane::tlsa::Tlsa;

/// What all servers share.
pub struct Shared<'a> {
    /// The rounds.
    pub grid: &'a Grid,
    /// The authorities.
    pub pki: &'a Pki,
    /// Sets and chains of the history.
    pub material: &'a mut Material,
    /// The round at which Let's Encrypt issues from another intermediate.
    pub switch: Round,
}

/// A server in the making.
pub struct Server<'a, 'b> {
    pub(super) shared: &'a mut Shared<'b>,
    pub(super) plan: Plan,
    pub(super) chance: Chance,
    pub(super) timeline: Timeline,
    /// Stretches in which nothing else may happen, first and last round.
    pub(super) reserved: Vec<(Round, Round)>,
    pub(super) truth: ServerTruth,
    pub(super) leaf: Leaf,
    pub(super) records: Vec<Tlsa>,
    /// The records do not match the chain, and nothing will make them.
    pub(super) stale: bool,
    pub(super) rolled: usize,
}

impl<'a, 'b> Server<'a, 'b> {
    /// A server that shows its first certificate and records.
    pub fn new(shared: &'a mut Shared<'b>, plan: Plan, host: String, mut chance: Chance) -> Self {
        let (appears, gone) = life(shared.grid.count, plan.profile, &mut chance);
        let issuer = first_issuer(&plan, &mut chance);
        let age = chance.between(1, 30) * DAY;
        let leaf = Leaf { host: host.clone(), key: 0, number: 0, validity: validity(shared.grid, appears - age, issuer), issuer };
        let truth = ServerTruth {
            host,
            class: plan.class,
            profile: plan.profile,
            usage: plan.usage,
            selector: plan.selector,
            matching: plan.matching,
            ttl: plan.ttl,
            appears: shared.grid.time(appears),
            gone: (gone < shared.grid.count).then(|| shared.grid.time(gone)),
            dnssec: "secure",
            bogus: Vec::new(),
            wrong_field: None,
            changes: Vec::new(),
            verdict: ServerVerdict::Unchanged,
            p20: P20Standing::SameKeys,
        };
        let timeline = Timeline { appears, gone, ttl: plan.ttl, ..Timeline::default() };
        let records = Vec::new();
        let mut server = Self { shared, plan, chance, timeline, reserved: Vec::new(), truth, leaf, records, stale: false, rolled: 0 };
        let (first, wrong) = match plan.profile {
            Profile::NeverMatched => records::wrong(&server.leaf, &plan, server.shared.pki, &mut server.chance),
            _ => (server.right(&server.leaf), None),
        };
        server.truth.wrong_field = wrong;
        server.publish(appears, first);
        server.show(appears, server.leaf.clone());
        server
    }

    /// Plays its whole life.
    pub fn live(mut self) -> (Timeline, ServerTruth) {
        match self.plan.profile {
            Profile::Unchanged => {}
            Profile::Pool => self.flip(Where::Both),
            Profile::HalfPool => self.flip(Where::Leaf),
            _ => self.renew(),
        }
        self.suffer();
        self.truth.verdict = self.truth.count_as();
        let whole = self.timeline.appears == 0 && self.timeline.gone == self.shared.grid.count;
        self.truth.p20 = self.truth.count_as_p20(if whole { Ends::Both } else { Ends::One });
        (self.timeline, self.truth)
    }

    /// Rounds of two TTLs, rounded up: the set of that many rounds ago is S(t−2T).
    pub(super) fn two_ttls(&self) -> Round {
        (2 * i64::from(self.plan.ttl)).div_euclid(HOUR) + i64::from(2 * i64::from(self.plan.ttl) % HOUR != 0)
    }

    /// The records that fit a certificate.
    pub(super) fn right(&self, leaf: &Leaf) -> Vec<Tlsa> {
        records::right(leaf, &self.plan, self.shared.pki)
    }

    pub(super) fn publish(&mut self, round: Round, records: Vec<Tlsa>) {
        let set = self.shared.material.set(&records);
        self.timeline.sets.insert(round, set);
        self.records = records;
    }

    pub(super) fn show(&mut self, round: Round, leaf: Leaf) {
        let chain = self.shared.material.chain(&leaf);
        self.timeline.chains.insert(round, chain);
        self.leaf = leaf;
    }

    fn hide(&mut self, round: Round, what: Unseen) {
        self.timeline.gaps.push(Gap { from: round, to: round, vantage: None, what });
    }

    /// Renews certificates time and again.
    fn renew(&mut self) {
        let times = self.times();
        let count = times.len();
        for (i, wanted) in times.into_iter().enumerate() {
            let mut new = self.next_leaf(wanted);
            let step = self.choose(&new, i, i + 1 == count);
            let Some(at) = self.find_room(wanted, step) else { continue };
            // The day may have moved across the switch of intermediates: then the choice would be another.
            if self.next_leaf(at).issuer != new.issuer {
                continue;
            }
            new.validity = validity(self.shared.grid, at, new.issuer);
            self.carry_out(at, new, step);
        }
    }

    /// When certificates are renewed, about.
    fn times(&mut self) -> Vec<Round> {
        let (first, last) = (self.timeline.appears + self.two_ttls() + 14, self.timeline.gone - 14);
        let lets_encrypt = matches!(self.leaf.issuer, Issuer::LetsEncryptX3 | Issuer::LetsEncryptR3);
        let period = match self.plan.profile {
            Profile::Dropped => (last - first) / 4,
            _ if lets_encrypt => self.chance.between(58, 88) * DAY,
            _ => self.chance.between(90, 360) * DAY,
        };
        // Whoever must meet the switch of intermediates has one renewal soon after.
        let switch = self.shared.switch;
        let anchor = if self.meets_switch() {
            self.chance.between(switch + 2, (switch + period).min(last))
        } else {
            self.chance.between(first, (first + period).min(last))
        };
        let mut times: Vec<Round> = (1..).map(|i| anchor - i * period.max(1)).take_while(|round| *round >= first).collect();
        times.reverse();
        times.extend((0..).map(|i| anchor + i * period.max(1)).take_while(|round| *round <= last));
        times
    }

    /// Whether the change of Let's Encrypt's intermediate is what this server is about.
    fn meets_switch(&self) -> bool {
        let names_issuer_only = matches!(self.plan.usage, Usage::DaneTa | Usage::PkixTa);
        match self.plan.profile {
            Profile::NotARollover => !names_issuer_only,
            Profile::Rolls(_) => self.plan.usage.numbers().1.is_some(),
            _ => false,
        }
    }

    /// The next certificate, if it is issued at a round.
    fn next_leaf(&self, round: Round) -> Leaf {
        let mut new = self.leaf.clone();
        let keeps_key = match self.plan.profile {
            Profile::SameKey => true,
            Profile::NotARollover => self.plan.usage.numbers().1.is_none(),
            _ => false,
        };
        new.number += 1;
        new.key += u32::from(!keeps_key);
        if new.issuer == Issuer::LetsEncryptX3 && round >= self.shared.switch {
            new.issuer = Issuer::LetsEncryptR3;
        }
        new
    }

    /// Where a new certificate differs.
    pub(super) fn place(&self, new: &Leaf, leaf: bool) -> Option<Where> {
        let issuers = new.issuer != self.leaf.issuer && new.issuer != Issuer::Nobody && self.leaf.issuer != Issuer::Nobody;
        match (leaf, issuers) {
            (true, true) => Some(Where::Both),
            (true, false) => Some(Where::Leaf),
            (false, true) => Some(Where::Issuers),
            (false, false) => None,
        }
    }

    pub(super) fn two_ttls_are_short(&self) -> bool {
        2 * i64::from(self.plan.ttl) < HOUR
    }

    /// The first round from one on at which there is room for a step: everybody looks, and nothing else happens.
    fn find_room(&mut self, wanted: Round, step: Step) -> Option<Round> {
        let (before, after) = step.room(self.two_ttls());
        // A key change has to come after its certificate was there for a while, and a record before it is wrong has to be right.
        let earliest = self.reserved.iter().map(|(_, end)| end + 1).max().unwrap_or(self.timeline.appears + 8) + before + 1;
        let latest = self.timeline.gone - after - 1;
        let grid = self.shared.grid;
        if step == Step::AfterOutage {
            let mut ends = grid.outages.iter().map(|(_, last)| last + 1);
            let at = ends.find(|at| *at >= wanted.max(earliest) && *at <= latest && grid.all_looked(*at, at + 1))?;
            self.reserved.push((at - before, at + after));
            return Some(at);
        }
        let clear = |at: &Round| grid.all_looked(at - before, at + after);
        let mut later = (wanted.max(earliest)..=latest).take(40 * DAY as usize);
        let at = later.find(clear).or_else(|| (earliest..=latest.min(wanted)).rev().take(40 * DAY as usize).find(clear))?;
        self.reserved.push((at - before, at + after));
        Some(at)
    }

    /// Carries a step out and writes down what follows from it.
    fn carry_out(&mut self, at: Round, new: Leaf, step: Step) {
        let two = self.two_ttls();
        let right = self.right(&new);
        let both = records::union(&self.records, &right);
        let mut mended = None;
        match step {
            Step::Never | Step::UnmatchedBefore(None) => {
                if step != Step::Never && !self.stale {
                    // Somebody breaks the records while nothing else happens.
                    let broken = records::broken(&self.plan, &mut self.chance);
                    self.publish(at - two - 4, broken);
                }
                self.stale = true;
            }
            Step::NeverMatched => {}
            Step::Correct { ahead, behind } => {
                self.publish(at - two - ahead, both);
                self.publish(at + behind, right);
            }
            Step::AcrossGap => {
                self.publish(at - two - 2, both);
                self.hide(at - two, Unseen::Tlsa);
                self.publish(at, right);
            }
            Step::InBetween(ahead) => {
                self.publish(at - ahead, both);
                self.publish(at, right);
            }
            Step::SetUnseenTwoTtlsBefore(ahead) => {
                self.publish(at - ahead, both);
                self.hide(at - two, Unseen::Tlsa);
                self.publish(at, right);
            }
            Step::Early(ahead) => self.publish(at - ahead, right),
            Step::After(delay) => {
                self.publish(at + delay, right);
                mended = Some(self.shared.grid.time(at + delay));
            }
            Step::UnmatchedBefore(Some(delay)) => {
                self.publish(at + delay, right);
                self.stale = false;
            }
            // Who does not mend broken records does not do so at a renewal either.
            Step::Renewal | Step::NotARollover if self.stale => {}
            _ => self.publish(at, right),
        }
        match step {
            Step::ChainUnseenBefore => self.hide(at - 1, Unseen::Chain("dial tcp: i/o timeout")),
            Step::SetUnseenBefore => self.hide(at - 1, Unseen::Tlsa),
            Step::SetUnseenAt => self.hide(at, Unseen::Tlsa),
            _ => {}
        }
        self.note(at, &new, step, mended);
        self.show(at, new);
    }

    pub(super) fn note(&mut self, at: Round, new: &Leaf, step: Step, mended: Option<i64>) {
        let (planned, grade) = step.words();
        let certificates = self.place(new, true).unwrap_or(Where::Leaf);
        let keys = self.place(new, new.key != self.leaf.key);
        let (two, grid) = (self.two_ttls(), self.shared.grid);
        let p20 = match (step, keys, self.plan.usage.numbers()) {
            // There P20 has what is nearest, and so asks what it always asks.
            (Step::ChainUnseenBefore | Step::SetUnseenAt, Some(Where::Leaf), (None, Some(_))) => Some(P20::NotARollover),
            (Step::ChainUnseenBefore | Step::SetUnseenAt, Some(Where::Leaf), (Some(_), Some(_))) => Some(P20::Correct),
            _ => step.p20(two, |rounds| grid.time(at + rounds)),
        };
        self.truth.changes.push(ChangeTruth { at: self.shared.grid.time(at), certificates, keys, planned, grade, mended, p20 });
    }
}
