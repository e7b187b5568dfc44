//! From the changes of a server to what it counts as.

use super::{Grade, Graded, Late, Missing, Worth};

/// Why a server is not among those that are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LeftOut {
    /// No set ever matched what it showed.
    NeverMatched,
    /// Two TTLs are shorter than the interval between rounds.
    ShortTtl,
    /// A change was not seen well enough.
    NoData,
    /// No record refers to what changed.
    NotARollover,
    /// Its sets were wrong before every change.
    UnmatchedBefore,
}

/// What a server counts as in the paper view: the funnel of P22 section 6.1, and Table 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// No certificate changed.
    Unchanged,
    /// Certificates changed, and no key.
    SameKey,
    /// Keys changed, but nothing was right or wrong.
    LeftOut(LeftOut),
    /// Nothing was wrong and something right, but some change was not seen or had a short TTL. Leaving these out, and counting those with
    /// one mistake among many as wrong, is what makes 87 to 92% of the servers wrong.
    Dropped,
    /// Something was wrong.
    Wrong,
    /// All that was judged was right.
    Correct,
}

/// The mistakes of a server as Table 3 counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mistakes {
    /// A record went too early.
    pub early_retirement: bool,
    /// A record came too late, in any of the three ways.
    pub late_introduction: bool,
    /// Whenever the set did not match after a change, it never did again. (Figures 7 and 8 count any such change: [`Tally::never`].)
    pub no_introduction: bool,
}

/// How many changes of a server, or of many, have each grade: the rate per rollover, our view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Changes of certificates.
    pub certificates: u64,
    /// Changes of keys: the sum of all that follow.
    pub keys: u64,
    /// [`Grade::NotARollover`]
    pub not_a_rollover: u64,
    /// [`Grade::NeverMatched`]
    pub never_matched: u64,
    /// [`Grade::ShortTtl`]
    pub short_ttl: u64,
    /// [`Grade::NoData`] before the change or at it.
    pub no_data: u64,
    /// [`Grade::NoData`] two TTLs before.
    pub no_data_two_ttls_before: u64,
    /// [`Grade::UnmatchedBefore`]
    pub unmatched_before: u64,
    /// [`Grade::EarlyRetirement`]
    pub early: u64,
    /// [`Late::After`]
    pub late_after: u64,
    /// [`Late::SameTime`]
    pub late_same_time: u64,
    /// [`Late::InBetween`]
    pub late_in_between: u64,
    /// [`Grade::NeverIntroduced`]
    pub never: u64,
    /// [`Grade::Correct`]
    pub correct: u64,
}

impl Tally {
    /// Counts one change of keys.
    pub fn count(&mut self, grade: Grade) {
        self.keys += 1;
        *match grade {
            Grade::NotARollover => &mut self.not_a_rollover,
            Grade::NeverMatched => &mut self.never_matched,
            Grade::ShortTtl => &mut self.short_ttl,
            Grade::NoData(Missing::Before | Missing::At) => &mut self.no_data,
            Grade::NoData(Missing::TwoTtlsBefore) => &mut self.no_data_two_ttls_before,
            Grade::UnmatchedBefore => &mut self.unmatched_before,
            Grade::EarlyRetirement => &mut self.early,
            Grade::Late(Late::After(_)) => &mut self.late_after,
            Grade::Late(Late::SameTime) => &mut self.late_same_time,
            Grade::Late(Late::InBetween) => &mut self.late_in_between,
            Grade::NeverIntroduced => &mut self.never,
            Grade::Correct => &mut self.correct,
        } += 1;
    }

    /// Rollovers that were wrong.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.early + self.late_after + self.late_same_time + self.late_in_between + self.never
    }

    /// Rollovers that were judged: the denominator of the rate.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.wrong() + self.correct
    }

    fn any_no_data(&self) -> bool {
        self.no_data + self.no_data_two_ttls_before > 0
    }
}

impl Graded {
    /// How many changes have each grade.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for change in &self.changes {
            tally.certificates += u64::from(change.difference.certificates.is_some());
            if let Some(grade) = change.grade {
                tally.count(grade);
            }
        }
        tally
    }

    /// What the server counts as in the paper view.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let tally = self.tally();
        if tally.keys == 0 {
            return if tally.certificates == 0 { Verdict::Unchanged } else { Verdict::SameKey };
        }
        if tally.wrong() > 0 {
            return Verdict::Wrong;
        }
        if tally.correct > 0 {
            let incomplete = tally.short_ttl > 0 || tally.any_no_data();
            return if incomplete { Verdict::Dropped } else { Verdict::Correct };
        }
        // In the order of the studies' script. What it does with a short TTL beside other reasons is an accident: it counts such a server
        // as judged, neither right nor wrong.
        Verdict::LeftOut(match tally {
            t if t.never_matched > 0 => LeftOut::NeverMatched,
            t if t.short_ttl > 0 => LeftOut::ShortTtl,
            t if t.any_no_data() => LeftOut::NoData,
            t if t.not_a_rollover > 0 => LeftOut::NotARollover,
            _ => LeftOut::UnmatchedBefore,
        })
    }

    /// The mistakes of the server, as Table 3 counts them.
    #[must_use]
    pub fn mistakes(&self) -> Mistakes {
        let tally = self.tally();
        Mistakes {
            early_retirement: tally.early > 0,
            late_introduction: tally.late_after + tally.late_same_time + tally.late_in_between > 0,
            no_introduction: tally.never > 0 && tally.late_after == 0,
        }
    }

    /// Whether any change of keys has this worth.
    #[must_use]
    pub fn any(&self, worth: Worth) -> bool {
        self.changes.iter().filter_map(|change| change.grade).any(|grade| grade.worth() == worth)
    }
}
