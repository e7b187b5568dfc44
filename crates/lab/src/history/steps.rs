//! How one change of certificates is carried out, and the grade that this way of doing it has by definition.

use super::grid::Round;
use super::truth::P20;

/// A way to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The key stays.
    Renewal,
    /// No record names what changes.
    NotARollover,
    /// TTLs are short.
    ShortTtl,
    /// Records that never matched.
    NeverMatched,
    /// Both records there so many rounds longer before than two TTLs, and after.
    Correct {
        /// Rounds before two TTLs before.
        ahead: Round,
        /// Rounds after the change.
        behind: Round,
    },
    /// The same, but nobody saw the set two TTLs before.
    AcrossGap,
    /// A record of the other kind covers it.
    Bridged,
    /// Both records there so many rounds before, fewer than two TTLs.
    InBetween(Round),
    /// At once.
    SameTime,
    /// The record follows after so many rounds.
    After(Round),
    /// The record never comes.
    Never,
    /// The new record replaces the old one so many rounds before.
    Early(Round),
    /// The records were wrong; perhaps mended so many rounds after.
    UnmatchedBefore(Option<Round>),
    /// Back to the machine that the records name, from one that they never did.
    Back,
    /// The chain was not seen the round before.
    ChainUnseenBefore,
    /// The set was not seen the round before.
    SetUnseenBefore,
    /// Nobody looked the round before.
    AfterOutage,
    /// The set was not seen at the change.
    SetUnseenAt,
    /// Too short, and the set two TTLs before was not seen: both records there so many rounds before.
    SetUnseenTwoTtlsBefore(Round),
}

impl Step {
    /// Rounds before and after the change in which all must be seen, for the grade to be what it should. `two` are those of two TTLs.
    pub fn room(self, two: Round) -> (Round, Round) {
        let (before, after) = match self {
            Step::Correct { ahead, behind } => (two + ahead, behind),
            Step::Early(ahead) => (two.max(ahead), 1),
            Step::After(delay) | Step::UnmatchedBefore(Some(delay)) => (two, delay),
            _ => (two, 1),
        };
        (before + 6, after + 3)
    }

    /// What P20's rules make of it: they look at the set two TTLs before, and do not ask for the chain of the round before
    /// or the set of this one. `time` gives the
    /// time of a round so many after the change.
    pub fn p20(self, two: Round, time: impl Fn(Round) -> i64) -> Option<P20> {
        Some(match self {
            Step::Renewal | Step::NeverMatched => return None,
            Step::NotARollover => P20::NotARollover,
            Step::ShortTtl => P20::ShortTtl,
            Step::Correct { .. } | Step::AcrossGap | Step::Bridged => P20::Correct,
            Step::InBetween(ahead) => P20::Late(time(-ahead)),
            Step::SameTime | Step::ChainUnseenBefore => P20::Late(time(0)),
            // The next set seen stands for the one that was not.
            Step::SetUnseenAt => P20::Late(time(1)),
            Step::After(delay) => P20::Late(time(delay)),
            Step::Never => P20::Never,
            Step::Early(ahead) if ahead < two => P20::Late(time(-ahead)),
            Step::Early(_) | Step::Back => P20::Early,
            Step::UnmatchedBefore(_) => P20::Neither,
            Step::SetUnseenBefore | Step::AfterOutage | Step::SetUnseenTwoTtlsBefore(_) => P20::Unknown,
        })
    }

    /// What it is called, and its grade.
    pub fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Step::Renewal => ("renewal", None),
            Step::NotARollover => ("no record names it", Some("not-a-rollover")),
            Step::ShortTtl => ("short TTL", Some("short-ttl")),
            Step::NeverMatched => ("never matched", Some("never-matched")),
            Step::Correct { .. } => ("both records in time", Some("correct")),
            Step::AcrossGap => ("both records in time, not seen", Some("correct")),
            Step::Bridged => ("covered by the other kind of record", Some("correct")),
            Step::InBetween(_) => ("both records too shortly", Some("late-in-between")),
            Step::SameTime => ("at once", Some("late-same-time")),
            Step::After(_) => ("record later", Some("late-after")),
            Step::Never => ("record never", Some("never-introduced")),
            Step::Early(_) => ("old record first", Some("early-retirement")),
            Step::Back => ("back to the machine that is named", Some("unmatched-before")),
            Step::UnmatchedBefore(None) => ("wrong before", Some("unmatched-before")),
            Step::UnmatchedBefore(Some(_)) => ("wrong before, then mended", Some("unmatched-before")),
            Step::ChainUnseenBefore => ("at once, chain not seen before", Some("no-data-before")),
            Step::SetUnseenBefore => ("at once, set not seen before", Some("no-data-before")),
            Step::AfterOutage => ("at once, while nobody looked", Some("no-data-before")),
            Step::SetUnseenAt => ("at once, set not seen", Some("no-data-at")),
            Step::SetUnseenTwoTtlsBefore(_) => ("both records too shortly, not seen", Some("no-data-two-ttls-before")),
        }
    }
}
