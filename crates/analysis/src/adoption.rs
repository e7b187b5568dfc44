//! Who has DANE? Per top-level domain: domains with MX, share with TLSA on any MX host (P20 Table 1, Figure 2), and of these the share with
//! TLSA on every MX host (P20 Figure 4).

use crate::facts::{DomainFacts, Mail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One top-level domain, in the paper view: TLSA counts wherever it is, secure or not, right or wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionRow {
    /// The top-level domain, without dot.
    pub tld: String,
    /// Domains looked at.
    pub domains: u64,
    /// Those whose MX records name at least one host.
    pub with_mx: u64,
    /// Without MX record, mail to the domain's own address (not in `with_mx`).
    pub implicit_mx: u64,
    /// With null MX: no mail (not in `with_mx`).
    pub null_mx: u64,
    /// Those of `with_mx` that have TLSA records on at least one MX host.
    pub with_tlsa: u64,
    /// Those of `with_tlsa` that have them on every MX host.
    pub full: u64,
    /// Those of `with_tlsa` that have an MX host without.
    pub partial: u64,
    /// Those of `with_tlsa` of which neither is known: some host could not be asked.
    pub undetermined: u64,
}

/// The rows by top-level domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Adoption {
    rows: BTreeMap<String, AdoptionRow>,
}

impl Adoption {
    pub fn add(&mut self, domain: &DomainFacts) {
        let row = self.rows.entry(domain.tld.clone()).or_insert_with(|| AdoptionRow { tld: domain.tld.clone(), ..AdoptionRow::default() });
        row.domains += 1;
        match domain.mail {
            Mail::Mx => row.with_mx += 1,
            Mail::Implicit => row.implicit_mx += 1,
            Mail::Null => row.null_mx += 1,
            Mail::Nowhere | Mail::Unknown => {}
        }
        let tlsa: Vec<Option<bool>> = domain.hosts.iter().map(super::facts::HostFacts::has_tlsa).collect();
        if domain.mail != Mail::Mx || !tlsa.contains(&Some(true)) {
            return;
        }
        row.with_tlsa += 1;
        if tlsa.contains(&Some(false)) {
            row.partial += 1;
        } else if tlsa.contains(&None) {
            row.undetermined += 1;
        } else {
            row.full += 1;
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (tld, row) in other.rows {
            let mine = self.rows.entry(tld.clone()).or_insert_with(|| AdoptionRow { tld, ..AdoptionRow::default() });
            mine.add(&row);
        }
    }

    /// Most domains first.
    pub fn table(&self) -> Vec<AdoptionRow> {
        let mut rows: Vec<_> = self.rows.values().cloned().collect();
        rows.sort_by(|a, b| b.with_mx.cmp(&a.with_mx).then_with(|| a.tld.cmp(&b.tld)));
        rows
    }

    /// All top-level domains together.
    pub fn total(&self) -> AdoptionRow {
        let mut total = AdoptionRow { tld: "all".into(), ..AdoptionRow::default() };
        self.rows.values().for_each(|r| total.add(r));
        total
    }
}

impl AdoptionRow {
    fn add(&mut self, other: &Self) {
        self.domains += other.domains;
        self.with_mx += other.with_mx;
        self.implicit_mx += other.implicit_mx;
        self.null_mx += other.null_mx;
        self.with_tlsa += other.with_tlsa;
        self.full += other.full;
        self.partial += other.partial;
        self.undetermined += other.undetermined;
    }
}
