//! The slow way: what a history shows on every day, read off its plan, without states and without questions.

use crate::planted::{Planted, planted};
use analysis::Share;
use analysis::study::{Answer, Cell, View};
use dane::Epoch;
use dane::dns::Security;
use dane::observation::CertificateBytes;
use dane::paper::{paper_match, paper_valid};
use lab::history::{ChainId, Class, Dnssec, History, SetId, Sight};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An archive, and what it shows.
pub struct World {
    pub planted: Planted,
    /// By day and server.
    pub days: Vec<(Epoch, Vec<Option<Fact>>)>,
}

impl World {
    pub fn new(history: History) -> Self {
        let planted = planted(history);
        let days = days(&planted);
        Self { planted, days }
    }

    pub fn history(&self) -> &History {
        &self.planted.history
    }
}

/// A server on a day on which its records were got.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    pub sight: Sight,
    pub matches: Option<bool>,
    pub valid: Option<bool>,
}

/// Valid, or not, or not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Is {
    Unseen,
    Valid,
    Invalid,
}

impl Fact {
    pub fn is(&self, view: View) -> Option<Is> {
        let judged = self.valid.map(|valid| if valid { Is::Valid } else { Is::Invalid });
        match (view, judged, self.sight.chain) {
            (_, Some(is), _) => Some(is),
            (View::Paper, None, _) => None,
            (View::Ours, None, Ok(_)) => Some(Is::Unseen),
            // The words of the lab's list that are the server's own doing.
            (View::Ours, None, Err(why)) if why.starts_with("502") || why.contains("tls:") => Some(Is::Invalid),
            (View::Ours, None, Err(_)) => Some(Is::Unseen),
        }
    }
}

/// What the first round of each day saw: by day and server.
pub fn days(planted: &Planted) -> Vec<(Epoch, Vec<Option<Fact>>)> {
    let history = &planted.history;
    let rounds = history.rounds(0);
    let servers = history.truth().len();
    let stretches: Vec<_> = (0..servers).map(|server| history.stretches(server, 0)).collect();
    let mut facts_of = Facts::new(planted);
    let mut out = Vec::new();
    for day in 0..history.config().days {
        let midnight = history.day(day);
        let Some(round) = rounds.iter().find(|round| **round >= midnight && **round < midnight + 86_400) else { continue };
        // Domains are looked at at midnight only.
        if *round != midnight {
            continue;
        }
        let facts = stretches.iter().map(|stretches| {
            let sight = stretches.iter().find(|stretch| (stretch.from..stretch.to).contains(round))?.sight;
            facts_of.of(sight, *round)
        });
        out.push((midnight, facts.collect()));
    }
    out
}

/// A set, a chain, and what DNSSEC says.
type Shown = (SetId, Option<ChainId>, Security);

/// What sights come to: certificates are made once.
pub struct Facts<'p> {
    planted: &'p Planted,
    chains: HashMap<ChainId, Vec<CertificateBytes>>,
    known: HashMap<Shown, (Option<bool>, Option<bool>)>,
}

impl<'p> Facts<'p> {
    pub fn new(planted: &'p Planted) -> Self {
        Self { planted, chains: HashMap::new(), known: HashMap::new() }
    }

    pub fn certificates(&mut self, chain: ChainId) -> &[CertificateBytes] {
        self.chains.entry(chain).or_insert_with(|| self.planted.history.certificates(chain))
    }

    /// In the lab no chain stops being valid while it is shown with a record that matches.
    pub fn of(&mut self, sight: Sight, at: Epoch) -> Option<Fact> {
        let answer = sight.tlsa?;
        let status = match answer.dnssec {
            Dnssec::Secure => Security::Secure,
            Dnssec::NoDs | Dnssec::Unsigned => Security::Insecure,
            Dnssec::Bogus(_) => Security::Bogus,
        };
        let key = (answer.set, sight.chain.ok(), status);
        if !self.known.contains_key(&key) {
            let records = self.planted.history.records(answer.set);
            let certificates = sight.chain.map_or_else(|_| Vec::new(), |chain| self.certificates(chain).to_vec());
            let found = (paper_match(&certificates, records, &[]), paper_valid(status, &certificates, records, &[], at));
            self.known.insert(key, found);
        }
        let (matches, valid) = self.known[&key];
        Some(Fact { sight, matches, valid })
    }
}

/// The classes of servers, in the papers' words: by what domains they have.
pub fn classes(planted: &Planted) -> Vec<BTreeSet<&'static str>> {
    let mut classes: Vec<BTreeSet<&'static str>> = vec![BTreeSet::from(["all"]); planted.history.truth().len()];
    for stay in &planted.stays {
        for (class, servers) in &stay.classes {
            servers.iter().for_each(|server| _ = classes[*server].insert(word(*class)));
        }
        if stay.classes.is_empty() {
            stay.mx.iter().for_each(|server| _ = classes[*server].insert("unclassified"));
        }
    }
    classes
}

/// The classes of a domain, each with its servers.
pub fn memberships(stay: &lab::history::Stay) -> Vec<(&'static str, Vec<usize>)> {
    let mut all = vec![("all", stay.mx.clone())];
    all.extend(stay.classes.iter().map(|(class, servers)| (word(*class), servers.clone())));
    all.extend(stay.classes.is_empty().then(|| ("unclassified", stay.mx.clone())));
    all
}

pub fn word(class: Class) -> &'static str {
    match class {
        Class::Outsourced => "SO",
        Class::OwnMail => "SSDO",
        Class::Own => "SSDS",
    }
}

/// The rows of a table: by the cells that are no shares or counts, those that are, as pairs; a count is of itself.
pub fn rows(answer: &Answer, table: &str, view: View) -> BTreeMap<String, Vec<Share>> {
    let table = answer.tables.iter().find(|t| t.name == table && t.view == view).expect("a table of this name");
    let mut rows = BTreeMap::new();
    for row in &table.rows {
        let (mut key, mut values) = (Vec::new(), Vec::new());
        for (cell, column) in row.iter().zip(&table.columns) {
            match cell {
                Cell::Text(word) => key.push(word.clone()),
                Cell::Time(time) => key.push(time.to_string()),
                Cell::Share(share) => values.push(*share),
                Cell::Count(count) => values.push(Share::new(*count, *count)),
                other => panic!("{column}: {other:?}"),
            }
        }
        assert!(rows.insert(key.join(" "), values).is_none(), "{key:?} twice");
    }
    rows
}
