//! TLS versions, and keys that are too weak, over time.
//!
//! Of the hosts that showed a certificate in a round: the TLS version agreed on, and the kind and size of the leaf's key. *Weak* is RSA below 2,048
//! bits and an elliptic curve below 224 (NIST SP 800-131A). With which digest a certificate is signed the tables of an archive do not say, so SHA-1 is
//! no part of this.

use crate::Share;
use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Scale, Steps, Study, Table, View, stretches};
use archive::states::model::{Cert, ChainId, Id, ServerState, WordId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// TLS versions and keys over time.
pub struct Tls;

/// Hosts by round.
#[derive(Default, Serialize, Deserialize)]
pub struct Counts {
    /// By the number of the version's word.
    versions: Vec<Steps>,
    /// By kind and bits.
    keys: BTreeMap<(String, u32), Steps>,
}

impl Question for Tls {
    type Part = Counts;

    const ABOUT: About = About {
        id: "beyond-tls",
        title: "TLS versions and weak keys",
        source: "danelaw",
        views: &[View::Ours],
        definition: "Of the hosts whose TLS version was seen in a round, the share with each version; of those that showed a certificate that can be read, the share whose key is \
                     weak: RSA below 2,048 bits, or an elliptic curve below 224. Keys by kind and size in the last round. The digest by which a certificate is signed \
                     (SHA-1) is not known to an archive.",
        published: "",
    };

    const NEEDS: Needs = Needs { servers: Some(&["chain_id", "tls_version"]), certificates: true, certificate_names: true, ..Needs::NONE };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        let Some((vantage, grid)) = study.vantage() else { return };
        let stream = host.stream(vantage);
        let version = |state: &ServerState| state.seen.tls_version;
        stretches(&stream, version, |version, span| {
            if part.versions.len() <= version.index() {
                part.versions.resize(version.index() + 1, Steps::default());
            }
            part.versions[version.index()].add(&grid.rounds(span), 1);
        });
        let chain = |state: &ServerState| state.seen.chain;
        stretches(&stream, chain, |chain, span| part.add_key(study, chain, &grid.rounds(span)));
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.versions.resize(part.versions.len().max(other.versions.len()), Steps::default());
        part.versions.iter_mut().zip(&other.versions).for_each(|(mine, other)| mine.merge(other));
        for (key, other) in other.keys {
            part.keys.entry(key).or_default().merge(&other);
        }
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let Some((_, grid)) = study.vantage() else { return answer };
        let mut versions = Table::new("versions", View::Ours, "Hosts by TLS version and round", &["time", "version", "hosts"]);
        let of = sum(&part.versions).counts(grid.len());
        let mut seen: Vec<(&str, &Steps)> = part
            .versions
            .iter()
            .enumerate()
            .filter(|(_, steps)| **steps != Steps::default())
            .map(|(word, steps)| (study.text(Some(WordId::at(word))), steps))
            .collect();
        seen.sort_by_key(|(version, _)| *version);
        for (version, steps) in seen {
            let counts = steps.counts(grid.len()).into_iter().zip(&of).zip(grid.times());
            versions.rows.extend(counts.map(|((count, of), time)| vec![Cell::Time(*time), version.into(), Share::new(count, *of).into()]));
        }
        let mut weak = Table::new("weak-keys", View::Ours, "Hosts with a weak key by round", &["time", "weak"]);
        let all = sum(part.keys.values()).counts(grid.len());
        let of_weak = sum(part.keys.iter().filter(|((kind, bits), _)| is_weak(kind, *bits)).map(|(_, steps)| steps)).counts(grid.len());
        weak.rows = grid
            .times()
            .iter()
            .zip(of_weak.iter().zip(&all))
            .map(|(time, (weak, all))| vec![Cell::Time(*time), Share::new(*weak, *all).into()])
            .collect();
        let mut sizes = Table::new("keys", View::Ours, "Keys in the last round", &["key", "bits", "hosts"]);
        for ((kind, bits), steps) in &part.keys {
            if let (Some(count @ 1..), Some(all)) = (steps.counts(grid.len()).last().copied(), all.last()) {
                let bits = if *bits == 0 { Cell::Nothing } else { Cell::Count(u64::from(*bits)) };
                sizes.rows.push(vec![kind.as_str().into(), bits, Share::new(count, *all).into()]);
            }
        }
        let lines = Chart::new("versions", "TLS versions", &versions, Drawing::Lines, "time", &[("hosts", "")]);
        answer.charts.push(Chart { by: Some("version"), ..lines });
        answer.charts.push(Chart::new("weak-keys", "Hosts with a weak key", &weak, Drawing::Lines, "time", &[("weak", "Weak keys")]));
        let bars = Chart::new("keys", "Keys in the last round", &sizes, Drawing::Bars, "key", &[("hosts", "")]);
        answer.charts.push(Chart { by: Some("bits"), scale: Scale::Percent, ..bars });
        answer.tables = vec![versions, weak, sizes];
        answer
    }
}

impl Counts {
    fn add_key(&mut self, study: &Study<'_>, chain: ChainId, rounds: &Range<usize>) {
        let Some(Cert { key_kind: Some(kind), key_bits, .. }) = study.matching.leaf(chain) else { return };
        self.keys.entry((kind.clone(), key_bits.unwrap_or(0))).or_default().add(rounds, 1);
    }
}

fn sum<'s>(of: impl IntoIterator<Item = &'s Steps>) -> Steps {
    let mut sum = Steps::default();
    of.into_iter().for_each(|steps| sum.merge(steps));
    sum
}

/// NIST SP 800-131A Rev. 2, section 3: less than 112 bits of security.
fn is_weak(kind: &str, bits: u32) -> bool {
    match kind {
        "RSA" => (1..2048).contains(&bits),
        _ => (1..224).contains(&bits),
    }
}
