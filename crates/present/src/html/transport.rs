//! The section on transport security: STARTTLS, certificates, parameters, operators, policies.

use super::rows::ClassLine;
use super::svg::{Piece, bar};
use crate::terminal::{percent, transport_lines};
use crate::text::{clean, number};
use analysis::{ProviderRow, Share, Tables};
use std::collections::BTreeMap;

/// Values shown of one parameter.
const VALUES: usize = 12;

/// What the section shows.
pub(super) struct Transport {
    pub with_mail: String,
    pub shares: Vec<ShareLine>,
    /// Empty: not judged.
    pub trust: Vec<ClassLine>,
    pub trust_bar: String,
    pub parameters: Vec<ParameterBlock>,
    pub providers: Vec<ProviderLine>,
    pub providers_left_out: String,
    /// Of when the list is by which operators are told apart.
    pub public_suffixes: &'static str,
}

/// A share with its denominator.
pub(super) struct ShareLine {
    pub question: &'static str,
    pub of_what: &'static str,
    pub count: String,
    pub of: String,
    pub share: String,
    pub bar: String,
}

/// Domains by the values of one parameter.
pub(super) struct ParameterBlock {
    pub title: &'static str,
    pub lines: Vec<ClassLine>,
}

/// One operator of MX hosts.
pub(super) struct ProviderLine {
    pub operator: String,
    pub domains: String,
    pub share: String,
    pub starttls: String,
    pub trusted: String,
    pub matches: String,
    pub bar: String,
}

impl Transport {
    pub fn new(tables: &Tables) -> Self {
        let transport = &tables.transport;
        let (trust_bar, trust) = trust(tables);
        let parameters = &transport.parameters;
        let blocks = [
            ("TLS version", &parameters.version),
            ("Key exchange", &parameters.key_exchange),
            ("Cipher", &parameters.cipher),
            ("MAC", &parameters.mac),
            ("Certificate's key", &parameters.key),
        ];
        let most = transport.providers.first().map_or(0, |p| p.domains.count);
        let left_out = transport.providers_in_all.saturating_sub(transport.providers.len() as u64);
        Self {
            with_mail: number(transport.with_mail),
            shares: transport_lines(tables).into_iter().filter_map(share).collect(),
            trust,
            trust_bar,
            parameters: blocks.into_iter().map(|(title, counts)| ParameterBlock { title, lines: values(counts) }).collect(),
            providers: transport.providers.iter().map(|p| provider(p, most)).collect(),
            public_suffixes: dane::suffix::version(),
            providers_left_out: if left_out > 0 { format!("… and {} more operators.", number(left_out)) } else { String::new() },
        }
    }
}

fn share((question, of_what, share): (&'static str, &'static str, Option<Share>)) -> Option<ShareLine> {
    let share = share?;
    Some(ShareLine {
        question,
        of_what,
        count: number(share.count),
        of: number(share.of),
        share: percent(share),
        bar: bar(&[Piece { class: "c-none", count: share.count }], share.of),
    })
}

/// A row with its own small bar.
fn line(class: &'static str, label: String, share: Share) -> ClassLine {
    ClassLine {
        class,
        label,
        count: number(share.count),
        share: percent(share),
        bar: bar(&[Piece { class, count: share.count }], share.of),
        tlsa: String::new(),
    }
}

fn trust(tables: &Tables) -> (String, Vec<ClassLine>) {
    let Some(trust) = &tables.transport.trust else { return (String::new(), Vec::new()) };
    let rows = [
        ("c-good", "trusted, for the mail domain", trust.for_domain),
        ("c-part", "trusted, for the MX host only", trust.for_server),
        ("c-none", "trusted, for neither", trust.for_neither),
        ("c-bad", "not trusted", trust.untrusted),
    ];
    let pieces: Vec<Piece> = rows.iter().map(|(class, _, share)| Piece { class, count: share.count }).collect();
    (bar(&pieces, trust.trusted.of), rows.into_iter().map(|(class, label, share)| line(class, label.to_owned(), share)).collect())
}

/// Values, most frequent first.
fn values(counts: &BTreeMap<String, u64>) -> Vec<ClassLine> {
    let of = counts.values().sum();
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    sorted.into_iter().take(VALUES).map(|(value, n)| line("c-none", clean(value), Share::new(*n, of))).collect()
}

fn provider(row: &ProviderRow, most: u64) -> ProviderLine {
    ProviderLine {
        operator: clean(&row.operator),
        domains: number(row.domains.count),
        share: percent(row.domains),
        starttls: percent(row.starttls),
        trusted: row.trusted.map_or_else(|| "not judged".to_owned(), percent),
        matches: percent(row.matches),
        bar: bar(&[Piece { class: "c-none", count: row.domains.count }], most),
    }
}
