//! What kind of server each one is: the shares of P22, exactly.

use super::random::Chance;
use serde::Serialize;

/// Who manages mail server and name server. (P22 section 5.1)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Class {
    /// The mail server is a provider's.
    #[serde(rename = "SO")]
    Outsourced,
    /// The mail server is the domain's own, the name server is not.
    #[serde(rename = "SSDO")]
    OwnMail,
    /// Both are its own.
    #[serde(rename = "SSDS")]
    Own,
}

/// The usages of a server's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Usage {
    /// 0
    #[serde(rename = "0")]
    PkixTa,
    /// 1
    #[serde(rename = "1")]
    PkixEe,
    /// 2
    #[serde(rename = "2")]
    DaneTa,
    /// 3
    #[serde(rename = "3")]
    DaneEe,
    /// 2 and 3
    #[serde(rename = "2_3")]
    Both,
}

impl Usage {
    /// Usage numbers that name the leaf, and an issuer.
    pub fn numbers(self) -> (Option<u8>, Option<u8>) {
        match self {
            Usage::PkixTa => (None, Some(0)),
            Usage::PkixEe => (Some(1), None),
            Usage::DaneTa => (None, Some(2)),
            Usage::DaneEe => (Some(3), None),
            Usage::Both => (Some(3), Some(2)),
        }
    }
}

/// How a server changes keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// As RFC 7671 wants it.
    Correct,
    /// Record and certificate together.
    SameTime,
    /// The record after the certificate.
    After,
    /// The record before the certificate, but too shortly.
    InBetween,
    /// Together, but the last time the record never comes.
    SameThenNever,
    /// The record does not come; every second time somebody mends it.
    Never,
    /// The record does not come, and nobody ever mends it.
    NeverMended,
    /// The old record goes first.
    Early,
    /// Once so, once together.
    EarlyThenSame,
}

/// What a server is planned to count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// It never changes certificates.
    Unchanged,
    /// It renews them for the same key.
    SameKey,
    /// What changes is nothing that its records name.
    NotARollover,
    /// TTLs too short for hourly rounds.
    ShortTtl,
    /// Its records never match.
    NeverMatched,
    /// Its records are wrong before every change.
    UnmatchedBefore,
    /// Each change is next to something that was not seen.
    NoData,
    /// One change is right, another not seen.
    Dropped,
    /// Two machines behind one name, both in the records.
    Pool,
    /// Two machines behind one name, one of them forgotten.
    HalfPool,
    /// It rolls keys.
    Rolls(Manner),
}

/// One server.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Who manages it.
    pub class: Class,
    /// Its kind.
    pub profile: Profile,
    /// Usages of its records.
    pub usage: Usage,
    /// Their selector.
    pub selector: u8,
    /// Their matching type.
    pub matching: u8,
    /// Their TTL, seconds.
    pub ttl: u32,
}

/// Of 13,902 servers 10,334 changed certificates and 8,837 keys; of these 2,560 no rollover, 2,569 judged. (P22 section 6.1) How the rest
/// divides is not published. Of the judged ones 1,039 of 1,146 wrong; 81% of these late, 31% never, 6% early (Table 3).
const PROFILES: [(Profile, f64); 19] = {
    use Manner::{After, Correct, Early, EarlyThenSame, InBetween, Never, NeverMended, SameThenNever, SameTime};
    [
        (Profile::Unchanged, 25.67),
        (Profile::SameKey, 10.76),
        (Profile::NotARollover, 18.41),
        (Profile::ShortTtl, 12.0),
        (Profile::NeverMatched, 8.0),
        (Profile::UnmatchedBefore, 4.18),
        (Profile::NoData, 1.5),
        (Profile::Dropped, 1.0),
        (Profile::Pool, 0.1),
        (Profile::HalfPool, 0.1),
        (Profile::Rolls(Correct), 1.62),
        (Profile::Rolls(SameTime), 7.66),
        (Profile::Rolls(After), 2.33),
        (Profile::Rolls(InBetween), 0.66),
        (Profile::Rolls(SameThenNever), 2.49),
        (Profile::Rolls(Never), 0.92),
        (Profile::Rolls(NeverMended), 1.74),
        (Profile::Rolls(Early), 0.5),
        (Profile::Rolls(EarlyThenSame), 0.36),
    ]
};

/// P22 section 6.3.2; the rest of 0.4% are usages 0 and 1.
const USAGES: [(Usage, f64); 5] =
    [(Usage::DaneEe, 90.6), (Usage::DaneTa, 4.6), (Usage::Both, 4.4), (Usage::PkixEe, 0.3), (Usage::PkixTa, 0.1)];

/// P22 Table 2.
const CLASSES: [(Class, f64); 3] = [(Class::Outsourced, 9766.0), (Class::OwnMail, 1786.0), (Class::Own, 2840.0)];

/// Selector and matching type: 11% have selector 0, over 96% matching type 1. (P22 section 5.2.2)
const FIELDS: [((u8, u8), f64); 5] = [((1, 1), 86.2), ((0, 1), 10.5), ((1, 2), 1.9), ((0, 0), 0.5), ((1, 0), 0.9)];

/// With the short ones 93% are below a day. (P22 section 4.1)
const TTLS: [(u32, f64); 7] = [(1800, 12.0), (3600, 48.0), (7200, 8.0), (14_400, 12.0), (43_200, 12.0), (86_400, 6.5), (172_800, 1.5)];
const SHORT_TTLS: [u32; 6] = [60, 300, 600, 900, 1200, 1799];

/// The plans of so many servers.
pub fn plans(count: usize, chance: &mut Chance) -> Vec<Plan> {
    let profiles = chance.shares(count, &PROFILES);
    let mut usages = chance.shares(count, &USAGES);
    settle(&profiles, &mut usages);
    let classes = chance.shares(count, &CLASSES);
    let fields = chance.shares(count, &FIELDS);
    let ttls = chance.shares(count, &TTLS);
    let plan = |i: usize| {
        let (profile, (selector, matching)) = (profiles[i], fields[i]);
        let ttl = match profile {
            Profile::ShortTtl => *chance.pick(&SHORT_TTLS),
            // There has to be a round between two TTLs before and the change.
            Profile::Rolls(Manner::InBetween) | Profile::NoData => ttls[i].max(3600),
            _ => ttls[i],
        };
        Plan { class: classes[i], profile, usage: usages[i], selector, matching, ttl }
    };
    (0..count).map(plan).collect()
}

/// Some kinds go with some usages only: they change places with servers that never change anything.
fn settle(profiles: &[Profile], usages: &mut [Usage]) {
    let wants_leaf_only = |profile| matches!(profile, Profile::Pool | Profile::HalfPool);
    let misfits = |profile, usage| match usage {
        Usage::Both => profile == Profile::NotARollover || wants_leaf_only(profile),
        Usage::DaneTa | Usage::PkixTa => wants_leaf_only(profile) || matches!(profile, Profile::UnmatchedBefore | Profile::Dropped),
        Usage::DaneEe | Usage::PkixEe => false,
    };
    let mut free = (0..profiles.len()).filter(|i| profiles[*i] == Profile::Unchanged);
    for i in 0..profiles.len() {
        if misfits(profiles[i], usages[i])
            && let Some(other) = free.by_ref().find(|other| usages[*other] == Usage::DaneEe)
        {
            usages.swap(i, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// Worked out by hand from the published figures.
    #[test]
    fn shares_are_those_of_the_paper() {
        let plans = plans(13_902, &mut Chance::of(&Seed::new(1), "plans"));
        let count = |wanted: &dyn Fn(&Plan) -> bool| plans.iter().filter(|plan| wanted(plan)).count();
        let near = |found: usize, published: usize| assert!(found.abs_diff(published) <= 3, "{found}, not {published}");
        near(count(&|p| p.profile != Profile::Unchanged), 10_334);
        near(count(&|p| !matches!(p.profile, Profile::Unchanged | Profile::SameKey)), 8837);
        near(count(&|p| p.profile == Profile::NotARollover), 2560);
        let judged = |p: &Plan| matches!(p.profile, Profile::Rolls(_) | Profile::Pool | Profile::HalfPool);
        near(count(&judged), 2569);
        // 90.6% of 13,902; 4.6%; 4.4%.
        near(count(&|p| p.usage == Usage::DaneEe), 12_595);
        near(count(&|p| p.usage == Usage::DaneTa), 639);
        near(count(&|p| p.usage == Usage::Both), 612);
        let short = count(&|p| p.ttl < 86_400) as f64 / 13_902.0;
        assert!((0.925..0.94).contains(&short), "{short}");
        assert_eq!(count(&|p| p.profile == Profile::NotARollover && p.usage == Usage::Both), 0);
    }
}
