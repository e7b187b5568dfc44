//! What is known of a history because it was planned so. Nothing here comes from looking at it.

use super::plan::{Class, Profile, Usage};
use dane::Epoch;
use serde::Serialize;
use std::collections::BTreeMap;

/// Where a change was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// In the leaf only.
    Leaf,
    /// In the issuers only.
    Issuers,
    /// In both.
    Both,
}

/// One planned change of a server's certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeTruth {
    /// The round that is the first to show the new chain.
    pub at: Epoch,
    /// Where certificates change.
    pub certificates: Where,
    /// Where keys change, if they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Where>,
    /// What was planned, in words of the plan.
    pub planned: &'static str,
    /// The grade that follows from it, as `dane::rollover::Grade::word`; none if keys do not change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<&'static str>,
    /// Of a record that came after the certificate: the round that is the first to show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mended: Option<Epoch>,
    /// What the other rules, those of P20 section 5.5, make of it; none if keys do not change, or records never matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p20: Option<P20>,
}

/// A change by the rules of P20 section 5.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum P20 {
    /// No record refers to what changed.
    NotARollover,
    /// Short TTL.
    ShortTtl,
    /// Not seen.
    Unknown,
    /// Wrong before.
    Neither,
    /// The old record was gone two TTLs before.
    Early,
    /// The new one was not there two TTLs before, but from this round on.
    Late(Epoch),
    /// It never was.
    Never,
    /// Right.
    Correct,
}

/// A server by the rules of P20 section 5.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum P20Standing {
    /// Not there at one end.
    NotAtBothEnds,
    /// No key changed.
    SameKeys,
    /// Not judged.
    LeftOut,
    /// Something was wrong.
    Wrong,
    /// All was right.
    Correct,
}

/// What the studies count a server as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerVerdict {
    /// No certificate changed.
    Unchanged,
    /// No key changed.
    SameKey,
    /// Left out: nothing ever matched.
    NeverMatched,
    /// Left out: short TTL.
    ShortTtl,
    /// Left out: not seen.
    NoData,
    /// Left out: no record named what changed.
    NotARollover,
    /// Left out: wrong before every change.
    UnmatchedBefore,
    /// Dropped: right, but something was not seen or short.
    Dropped,
    /// Something was wrong.
    Wrong,
    /// All was right.
    Correct,
}

/// At how many ends of the period a server is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// One or none.
    One,
    /// Both.
    Both,
}

/// P22 Table 4: servers that are not there in the first 15% of the period (three of its twenty months), as they are when they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Initial {
    /// Servers.
    pub servers: u64,
    /// Of these, with any of what follows.
    pub incorrect: u64,
    /// Insecure.
    pub insecure: u64,
    /// A field of the records is wrong.
    pub wrong_fields: u64,
    /// The records do not match, and no field explains it: the digest of nothing, PEM text, a slip and what is not known.
    pub unknown_mismatch: u64,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerTruth {
    /// Host name, without final dot.
    pub host: String,
    /// Who manages it.
    pub class: Class,
    /// What it was planned to be.
    pub profile: Profile,
    /// Usages of its records.
    pub usage: Usage,
    /// Selector of its records.
    pub selector: u8,
    /// Matching type of its records.
    pub matching: u8,
    /// TTL of its records, seconds.
    pub ttl: u32,
    /// First round that it is there.
    pub appears: Epoch,
    /// First round that it is no more; absent if it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<Epoch>,
    /// DNSSEC at first: `secure`, `no-ds` or `unsigned`.
    pub dnssec: &'static str,
    /// Stretches in which its set is bogus: from, to (not included), and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bogus: Vec<(Epoch, Epoch, &'static str)>,
    /// What is wrong with records that never match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_field: Option<&'static str>,
    /// Changes in the order of time.
    pub changes: Vec<ChangeTruth>,
    /// What it counts as.
    pub verdict: ServerVerdict,
    /// What it counts as by the rules of P20.
    pub p20: P20Standing,
}

impl ServerTruth {
    fn grades(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.changes.iter().filter_map(|change| change.grade)
    }

    /// Whether any change has this grade.
    pub fn has(&self, grade: &str) -> bool {
        self.grades().any(|found| found == grade)
    }

    /// What the server counts as by P20, if it was there at both ends or not.
    pub fn count_as_p20(&self, ends: Ends) -> P20Standing {
        let any = |wanted: fn(&P20) -> bool| self.changes.iter().filter_map(|change| change.p20).any(|outcome| wanted(&outcome));
        match () {
            () if ends == Ends::One => P20Standing::NotAtBothEnds,
            () if self.grades().next().is_none() => P20Standing::SameKeys,
            () if self.has("never-matched") || any(|o| *o == P20::ShortTtl) => P20Standing::LeftOut,
            () if any(|o| matches!(o, P20::Early | P20::Late(_) | P20::Never)) => P20Standing::Wrong,
            () if any(|o| *o == P20::Unknown) => P20Standing::LeftOut,
            () if any(|o| *o == P20::Correct) => P20Standing::Correct,
            () => P20Standing::LeftOut,
        }
    }

    /// What the server counts as, from the grades of its changes.
    pub fn count_as(&self) -> ServerVerdict {
        let wrong = ["early-retirement", "late-after", "late-same-time", "late-in-between", "never-introduced"];
        let no_data = ["no-data-before", "no-data-at", "no-data-two-ttls-before"];
        let any = |words: &[&str]| words.iter().any(|word| self.has(word));
        match () {
            () if self.changes.is_empty() => ServerVerdict::Unchanged,
            () if self.grades().next().is_none() => ServerVerdict::SameKey,
            () if any(&wrong) => ServerVerdict::Wrong,
            () if any(&["correct"]) && (any(&no_data) || any(&["short-ttl"])) => ServerVerdict::Dropped,
            () if any(&["correct"]) => ServerVerdict::Correct,
            () if any(&["never-matched"]) => ServerVerdict::NeverMatched,
            () if any(&["short-ttl"]) => ServerVerdict::ShortTtl,
            () if any(&no_data) => ServerVerdict::NoData,
            () if any(&["not-a-rollover"]) => ServerVerdict::NotARollover,
            () => ServerVerdict::UnmatchedBefore,
        }
    }
}

/// A row of P22 Table 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MistakesTruth {
    /// Servers judged.
    pub servers: u64,
    /// Of these, with any mistake.
    pub wrong: u64,
    /// With an early retirement.
    pub early: u64,
    /// With any late introduction.
    pub late: u64,
    /// Whose records, if not there after a change, never came.
    pub never: u64,
}

impl Initial {
    fn count(&mut self, server: &ServerTruth) {
        let field = ["undefined-value", "usage", "selector", "matching-type"];
        let insecure = server.dnssec != "secure";
        let wrong = server.wrong_field.is_some_and(|label| field.contains(&label));
        let unknown = server.profile == Profile::NeverMatched && !wrong;
        self.servers += 1;
        self.incorrect += u64::from(insecure || wrong || unknown);
        self.insecure += u64::from(insecure);
        self.wrong_fields += u64::from(wrong);
        self.unknown_mismatch += u64::from(unknown);
    }
}

/// What tables over the whole history must say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Servers.
    pub servers: u64,
    /// Servers whose certificates changed.
    pub certificate_changed: u64,
    /// Servers whose keys changed.
    pub key_changed: u64,
    /// Servers judged: right or wrong.
    pub targets: u64,
    /// Changes of certificates.
    pub certificate_changes: u64,
    /// Changes of keys by grade.
    pub grades: BTreeMap<&'static str, u64>,
    /// Servers by what they count as.
    pub verdicts: BTreeMap<ServerVerdict, u64>,
    /// Table 3 by class.
    pub table3: BTreeMap<Class, MistakesTruth>,
    /// Table 4.
    pub table4: Initial,
    /// Servers by what P20 section 5.5 counts them as.
    pub p20: BTreeMap<P20Standing, u64>,
}

impl Counts {
    /// Of servers whose truth is known.
    /// `reference` is the end of the time that Table 4 takes as known.
    pub fn of(servers: &[ServerTruth], reference: Epoch) -> Self {
        let mut counts = Self { servers: servers.len() as u64, ..Self::default() };
        for server in servers {
            *counts.p20.entry(server.p20).or_default() += 1;
            if server.appears >= reference {
                counts.table4.count(server);
            }
            counts.certificate_changed += u64::from(!server.changes.is_empty());
            counts.key_changed += u64::from(server.grades().next().is_some());
            counts.certificate_changes += server.changes.len() as u64;
            server.grades().for_each(|grade| *counts.grades.entry(grade).or_default() += 1);
            *counts.verdicts.entry(server.verdict).or_default() += 1;
            let (wrong, right) = (server.verdict == ServerVerdict::Wrong, server.verdict == ServerVerdict::Correct);
            if wrong || right {
                counts.targets += 1;
                let row = counts.table3.entry(server.class).or_default();
                let late = ["late-after", "late-same-time", "late-in-between"].iter().any(|grade| server.has(grade));
                row.servers += 1;
                row.wrong += u64::from(wrong);
                row.early += u64::from(server.has("early-retirement"));
                row.late += u64::from(late);
                row.never += u64::from(server.has("never-introduced") && !server.has("late-after"));
            }
        }
        counts
    }
}
