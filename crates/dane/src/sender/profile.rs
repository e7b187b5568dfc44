//! All scenarios together: what kind of sender it is, and its row in Table 3 of the study.

use super::trial::{Confidence, Evidence, Outcome, Ruling, Trial};
use super::{Event, Operators, Query, Visit};
use domain::base::iana::Rtype;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The kind of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It does what RFC 7672 wants wherever that is known.
    Validates,
    /// It validates DANE, and gets some of it wrong.
    ValidatesWithFaults,
    /// It asks for TLSA records and delivers whatever they say.
    Ignores,
    /// It never asks for TLSA records.
    Opportunistic,
    /// It keeps messages back that it is to deliver, and makes no other mistake.
    TooStrict,
    /// The message of `valid` has not arrived yet, or too little else is known.
    CannotTellYet,
}

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// The question does not arise: no TLSA records are asked for, or no TLS is wanted.
    NotApplicable,
    /// Not known yet.
    CannotTellYet,
}

/// The columns of Table 3, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// DNSSEC: queries have the DO bit.
    DnssecOk,
    /// DNSSEC: DNSKEY requested.
    Dnskey,
    /// DNSSEC: DS requested.
    Ds,
    /// DNSSEC: the four domains with a broken MX RRset or zone get no mail.
    Validation,
    /// DNSSEC: the resolver is in the sender's own network.
    SameOperator,
    /// STARTTLS: the command is sent.
    Starttls,
    /// STARTTLS: an expired certificate is rejected (without TLSA records nobody has to).
    RejectsExpired,
    /// STARTTLS: a self-signed certificate is rejected.
    RejectsSelfSigned,
    /// STARTTLS: a certificate for another name is rejected.
    RejectsOtherName,
    /// DANE: TLSA requested.
    Tlsa,
    /// DANE: no mail where TLSA records are and no certificate is to be had.
    RejectsNoCertificate,
    /// DANE: no mail where the usage is wrong. (RFC 7672 wants it delivered: usages 0 and 1 are unusable.)
    RejectsUsage,
    /// DANE: no mail where the selector is wrong.
    RejectsSelector,
    /// DANE: no mail where the matching type is wrong.
    RejectsMatching,
    /// DANE: no mail where the data are wrong.
    RejectsCertificate,
}

impl Column {
    /// All, in the order of the table.
    pub const ALL: [Self; 15] = [
        Self::DnssecOk,
        Self::Dnskey,
        Self::Ds,
        Self::Validation,
        Self::SameOperator,
        Self::Starttls,
        Self::RejectsExpired,
        Self::RejectsSelfSigned,
        Self::RejectsOtherName,
        Self::Tlsa,
        Self::RejectsNoCertificate,
        Self::RejectsUsage,
        Self::RejectsSelector,
        Self::RejectsMatching,
        Self::RejectsCertificate,
    ];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Column::DnssecOk => "DO bit",
            Column::Dnskey => "DNSKEY",
            Column::Ds => "DS",
            Column::Validation => "validation",
            Column::SameOperator => "own resolver",
            Column::Starttls => "STARTTLS",
            Column::RejectsExpired => "rejects expired",
            Column::RejectsSelfSigned => "rejects self-signed",
            Column::RejectsOtherName => "rejects other name",
            Column::Tlsa => "TLSA",
            Column::RejectsNoCertificate => "rejects no TLS",
            Column::RejectsUsage => "rejects usage",
            Column::RejectsSelector => "rejects selector",
            Column::RejectsMatching => "rejects matching type",
            Column::RejectsCertificate => "rejects certificate",
        }
    }

    /// The scenarios that decide it, where it is a rejection.
    fn scenarios(self) -> &'static [&'static str] {
        match self {
            Column::Validation => &["mx-rrsig-missing", "mx-rrsig-wrong", "mx-rrsig-expired", "dnskey-missing"],
            Column::RejectsExpired => &["cert-expired-no-tlsa"],
            Column::RejectsSelfSigned => &["cert-self-signed-no-tlsa"],
            Column::RejectsOtherName => &["cert-name-mismatch-no-tlsa"],
            Column::RejectsNoCertificate => &["starttls-refused"],
            Column::RejectsUsage => &["tlsa-wrong-usage"],
            Column::RejectsSelector => &["tlsa-wrong-selector"],
            Column::RejectsMatching => &["tlsa-wrong-matching-type"],
            Column::RejectsCertificate => &["tlsa-wrong-data"],
            _ => &[],
        }
    }
}

/// A cell of Table 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Which column.
    pub column: Column,
    /// What it says.
    pub answer: Answer,
    /// How sure that is.
    pub confidence: Confidence,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// A sender, as one test shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What kind of sender it is.
    pub class: Class,
    /// Its row in Table 3.
    pub cells: Vec<Cell>,
    /// Whether it looks at TLSA records and certificates without acting on them, as far as that shows.
    pub audits: bool,
    /// Who runs the resolvers that asked for it, as far as that is known.
    pub resolvers: Vec<String>,
}

impl Profile {
    /// Judges the trials of a test by all its events.
    #[must_use]
    pub fn judge(trials: &[Trial], events: &[&Event], operators: &Operators) -> Self {
        let seen = Seen { trials, events };
        let mut cells: Vec<Cell> = Vec::with_capacity(Column::ALL.len());
        for column in Column::ALL {
            let cell = seen.cell(column, operators, &cells);
            cells.push(cell);
        }
        let mut resolvers: Vec<String> = seen.resolvers().iter().filter_map(|r| operators.of(*r)).map(str::to_owned).collect();
        resolvers.sort_unstable();
        resolvers.dedup();
        Self { class: seen.class(&cells), cells, audits: trials.iter().any(|t| t.audits), resolvers }
    }

    /// The cell of a column.
    #[must_use]
    pub fn cell(&self, column: Column) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.column == column)
    }
}

struct Seen<'a> {
    trials: &'a [Trial],
    events: &'a [&'a Event],
}

impl Seen<'_> {
    fn queries(&self) -> impl Iterator<Item = &Query> {
        self.events.iter().filter_map(|e| if let Event::Query(q) = e { Some(q) } else { None })
    }

    fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.events.iter().filter_map(|e| if let Event::Visit(v) = e { Some(v) } else { None })
    }

    fn trial(&self, scenario: &str) -> Option<&Trial> {
        self.trials.iter().find(|t| t.scenario == scenario)
    }

    /// Whether the reference message has arrived: before that, silence means nothing.
    fn control(&self) -> bool {
        self.trial("valid").is_some_and(|t| t.outcome.delivered())
    }

    fn cell(&self, column: Column, operators: &Operators, before: &[Cell]) -> Cell {
        let answered = |of: Column| before.iter().find(|c| c.column == of).map(|c| c.answer);
        match column {
            Column::DnssecOk => self.asked(column, |q| q.dnssec_ok),
            Column::Dnskey => self.asked(column, |q| q.rtype == Rtype::DNSKEY),
            Column::Ds => self.asked(column, |q| q.rtype == Rtype::DS),
            Column::Tlsa => self.asked(column, |q| q.rtype == Rtype::TLSA),
            Column::SameOperator => self.same_operator(operators),
            Column::Starttls => self.starttls(),
            Column::Validation => self.rejected(column),
            Column::RejectsExpired | Column::RejectsSelfSigned | Column::RejectsOtherName => match answered(Column::Starttls) {
                Some(Answer::No) => not_applicable(column),
                _ => self.rejected(column),
            },
            _ => match answered(Column::Tlsa) {
                Some(Answer::No) => not_applicable(column),
                _ => self.rejected(column),
            },
        }
    }

    /// Yes with the first query that shows it; no once the reference message has arrived without, and questions were seen at all.
    fn asked(&self, column: Column, wanted: impl Fn(&Query) -> bool) -> Cell {
        let tell = |q: &Query| Evidence { at_ms: q.at_ms, what: format!("{} asks for {} {}", q.source.ip(), q.name, q.rtype) };
        match self.queries().find(|q| wanted(q)) {
            Some(query) => Cell { column, answer: Answer::Yes, confidence: Confidence::Certain, evidence: vec![tell(query)] },
            None if self.control() && self.queries().next().is_some() => {
                let evidence = self.queries().take(3).map(tell).collect();
                Cell { column, answer: Answer::No, confidence: Confidence::High, evidence }
            }
            None => unknown(column),
        }
    }

    /// Addresses that asked, each once.
    fn resolvers(&self) -> Vec<IpAddr> {
        let mut resolvers: Vec<IpAddr> = self.queries().map(|q| q.source.ip()).collect();
        resolvers.sort_unstable();
        resolvers.dedup();
        resolvers
    }

    fn same_operator(&self, operators: &Operators) -> Cell {
        let column = Column::SameOperator;
        let Some(visit) = self.visits().next() else { return unknown(column) };
        let client = visit.source.ip();
        let known: Vec<(IpAddr, bool)> = self.resolvers().into_iter().filter_map(|r| Some((r, operators.same(client, r)?))).collect();
        if known.is_empty() {
            return unknown(column);
        }
        let told = |address: IpAddr| operators.of(address).map_or_else(|| address.to_string(), |name| format!("{address} ({name})"));
        let evidence = known.iter().take(8).map(|(resolver, own)| Evidence {
            at_ms: visit.at_ms,
            what: format!(
                "mail from {}, questions from {}: {}",
                told(client),
                told(*resolver),
                if *own { "one operator" } else { "another operator" }
            ),
        });
        let answer = if known.iter().all(|(_, own)| *own) { Answer::Yes } else { Answer::No };
        Cell { column, answer, confidence: Confidence::High, evidence: evidence.collect() }
    }

    fn starttls(&self) -> Cell {
        let column = Column::Starttls;
        let tell = |v: &Visit, what: &str| vec![Evidence { at_ms: v.at_ms, what: format!("{} {what}", v.source.ip()) }];
        if let Some(visit) = self.visits().find(|v| v.starttls) {
            return Cell { column, answer: Answer::Yes, confidence: Confidence::Certain, evidence: tell(visit, "sends STARTTLS") };
        }
        match self.visits().find(|v| !v.mails.is_empty()) {
            Some(visit) => {
                Cell { column, answer: Answer::No, confidence: Confidence::High, evidence: tell(visit, "delivers without STARTTLS") }
            }
            None => unknown(column),
        }
    }

    /// Yes if none of the scenarios' messages arrived and that is known; no as soon as one did.
    fn rejected(&self, column: Column) -> Cell {
        let trials: Vec<&Trial> = column.scenarios().iter().filter_map(|id| self.trial(id)).collect();
        let evidence = |of: &[&Trial]| of.iter().flat_map(|t| t.evidence.last().cloned()).collect();
        let came: Vec<&Trial> = trials.iter().copied().filter(|t| t.outcome.delivered()).collect();
        if !came.is_empty() {
            return Cell { column, answer: Answer::No, confidence: Confidence::Certain, evidence: evidence(&came) };
        }
        let sure = |t: &&Trial| t.outcome != Outcome::Nothing && t.ruling != Ruling::CannotTellYet;
        let all = trials.len() == column.scenarios().len() && trials.iter().all(sure);
        match trials.iter().map(|t| t.confidence).min() {
            Some(confidence) if all && self.control() => Cell { column, answer: Answer::Yes, confidence, evidence: evidence(&trials) },
            _ => unknown(column),
        }
    }

    fn class(&self, cells: &[Cell]) -> Class {
        let answer = |column| cells.iter().find(|c| c.column == column).map(|c| c.answer);
        // Not the two that hold unusable records: RFC 7672 wants those messages delivered.
        let dane = [Column::RejectsNoCertificate, Column::RejectsSelector, Column::RejectsCertificate];
        let says = |what| dane.iter().filter(|c| answer(**c) == Some(what)).count();
        let lax = self.trials.iter().any(|t| t.ruling == Ruling::TooLax);
        let strict = self.trials.iter().any(|t| t.ruling == Ruling::TooStrict);
        match answer(Column::Tlsa) {
            _ if !self.control() => Class::CannotTellYet,
            Some(Answer::No) => Class::Opportunistic,
            Some(Answer::Yes) if says(Answer::No) == dane.len() => Class::Ignores,
            // Nobody validates who was never seen to reject anything.
            _ if says(Answer::Yes) == 0 => Class::CannotTellYet,
            _ if lax => Class::ValidatesWithFaults,
            _ if strict => Class::TooStrict,
            _ if says(Answer::Yes) == dane.len() => Class::Validates,
            _ => Class::CannotTellYet,
        }
    }
}

fn unknown(column: Column) -> Cell {
    Cell { column, answer: Answer::CannotTellYet, confidence: Confidence::None, evidence: vec![] }
}

fn not_applicable(column: Column) -> Cell {
    Cell { column, answer: Answer::NotApplicable, confidence: Confidence::High, evidence: vec![] }
}
