//! What is wrong with a host in a state, and for how long: what several questions count.

use super::connection::Classes;
use crate::study::{Grid, HostStates, Study, stretches};
use archive::states::model::{ServerSeen, ServerState};
use dane::dns::Security;
use dane::rollover::Part;
use serde::{Deserialize, Serialize};

/// What can be wrong with a host that has TLSA records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fault {
    /// The records are insecure: nobody uses them.
    Insecure,
    /// The records are bogus.
    Bogus,
    /// No record matches the chain, by [`dane::paper::paper_match`].
    Mismatch,
    /// No TLS, or no certificate, for whoever comes.
    Starttls,
}

impl Fault {
    /// All, in the order of their numbers.
    pub const ALL: [Fault; 4] = [Fault::Insecure, Fault::Bogus, Fault::Mismatch, Fault::Starttls];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Fault::Insecure => "insecure",
            Fault::Bogus => "bogus",
            Fault::Mismatch => "mismatch",
            Fault::Starttls => "starttls",
        }
    }
}

/// What a state says of one fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// There are no TLSA records.
    Absent,
    /// It was not seen.
    Unseen,
    /// It is not there.
    Good,
    /// It is there.
    Bad,
}

/// What a state says of every fault, in the order of [`Fault::ALL`].
pub fn findings(study: &Study<'_>, classes: &mut Classes, seen: &ServerSeen) -> [Finding; 4] {
    let is = |bad: bool| if bad { Finding::Bad } else { Finding::Good };
    let starttls = classes.of(study, seen).fails().map_or(Finding::Unseen, is);
    let Some(set) = seen.tlsa_set else { return [Finding::Unseen, Finding::Unseen, Finding::Unseen, starttls] };
    if !study.has_records(set) {
        return [Finding::Absent; 4];
    }
    let (insecure, bogus) = match seen.dnssec {
        Some(Security::Secure) => (Finding::Good, Finding::Good),
        Some(Security::Insecure) => (Finding::Bad, Finding::Good),
        Some(Security::Bogus) => (Finding::Good, Finding::Bad),
        Some(Security::Indeterminate) | None => (Finding::Unseen, Finding::Unseen),
    };
    let mismatch = seen.chain.map_or(Finding::Unseen, |chain| is(!study.matching.any_fits(set, chain, Part::All)));
    [insecure, bogus, mismatch, starttls]
}

/// How a spell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum End {
    /// A round saw it mended.
    Fixed,
    /// A round saw that the TLSA records are gone.
    Withdrawn,
    /// The host is no more.
    Gone,
    /// It was there when last seen.
    Open,
}

/// How a spell began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Begin {
    /// The round before saw that all was well.
    Sharp,
    /// An earlier round did, or the host or its records are new.
    Known,
    /// It was there when first seen: nobody knows for how long.
    Before,
}

/// Rounds in which a host had a fault, those between in which it could not be seen included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spell {
    /// Which.
    pub fault: Fault,
    /// The first round that saw it.
    pub from: u32,
    /// The first round that saw its end; of one that is open, the one after the last that saw it.
    pub to: u32,
    /// How it began.
    pub begin: Begin,
    /// How it ended.
    pub end: End,
}

/// A spell and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpell {
    /// Place of the host in [`Study::hosts`].
    pub host: u32,
    /// What it had, and when.
    pub spell: Spell,
}

/// Spells of many hosts.
#[derive(Default, Serialize, Deserialize)]
pub struct HostSpells {
    /// They, in no order.
    pub spells: Vec<HostSpell>,
    #[serde(skip)]
    classes: Classes,
}

impl HostSpells {
    /// Those of a host that ever had TLSA records, as the one vantage point saw it that counts.
    pub fn host(&mut self, study: &Study<'_>, host: &HostStates<'_>) {
        let place = host.host.servers.first().and_then(|server| study.host_of(*server));
        let (Some((vantage, grid)), Some(place)) = (study.vantage(), place) else { return };
        let stream = host.stream(vantage);
        if stream.iter().any(|state| state.seen.tlsa_set.is_some_and(|set| study.has_records(set))) {
            let spells = spells(study, &mut self.classes, grid, &stream);
            self.spells.extend(spells.into_iter().map(|spell| HostSpell { host: number(place), spell }));
        }
    }

    /// Those of another partition, too.
    pub fn merge(&mut self, mut other: Self) {
        self.spells.append(&mut other.spells);
    }
}

/// What is known of one fault while states go by.
#[derive(Clone, Copy)]
struct Watch {
    /// The last round before now that saw it good, or without records.
    good: Option<usize>,
    open: Option<Spell>,
    /// The round after the last that saw it bad.
    last: usize,
    /// Some round looked and could not tell, before anything was known.
    blind: bool,
}

/// Every spell of every fault in a stream of states, in the order of their ends.
pub fn spells(study: &Study<'_>, classes: &mut Classes, grid: &Grid, stream: &[ServerState]) -> Vec<Spell> {
    let mut out = Vec::new();
    let mut watches = [Watch { good: None, open: None, last: 0, blind: false }; 4];
    let mut end = 0;
    let found = |state: &ServerState| Some(findings(study, classes, &state.seen));
    stretches(stream, found, |found, span| {
        let rounds = grid.rounds(span);
        if rounds.is_empty() {
            return;
        }
        end = rounds.end;
        for ((watch, finding), fault) in watches.iter_mut().zip(found).zip(Fault::ALL) {
            match finding {
                Finding::Unseen => watch.blind |= watch.good.is_none(),
                Finding::Bad => {
                    let begin = match watch.good {
                        Some(good) if good + 1 == rounds.start => Begin::Sharp,
                        Some(_) => Begin::Known,
                        None if rounds.start == 0 || watch.blind => Begin::Before,
                        None => Begin::Known,
                    };
                    let from = number(rounds.start);
                    watch.open.get_or_insert(Spell { fault, from, to: from, begin, end: End::Open });
                    watch.last = rounds.end;
                }
                Finding::Good | Finding::Absent => {
                    let how = if finding == Finding::Good { End::Fixed } else { End::Withdrawn };
                    out.extend(watch.open.take().map(|spell| Spell { to: number(rounds.start), end: how, ..spell }));
                    watch.good = Some(rounds.end - 1);
                }
            }
        }
    });
    for watch in watches {
        // Rounds that did not reach everybody do not say that it is no more.
        let gone = (end..grid.len()).any(|round| grid.is_complete(round));
        let (to, how) = if gone { (end, End::Gone) } else { (watch.last, End::Open) };
        out.extend(watch.open.map(|spell| Spell { to: number(to), end: how, ..spell }));
    }
    out
}

/// Rounds are few enough for 32 bits.
pub fn number(round: usize) -> u32 {
    u32::try_from(round).unwrap_or(u32::MAX)
}
