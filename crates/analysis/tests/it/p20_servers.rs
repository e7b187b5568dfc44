//! Table 2, Figures 6 and 7 and section 5.5 of P20, by walking round by round over the lab's timelines.

use crate::codes::NOT_OFFERED;
use crate::walk::{FORGED, Walk, charts_hold, rows};
use analysis::Share;
use analysis::questions::find;
use analysis::study::{Answer, Cell, Settings, View, answers};
use dane::paper::paper_match;
use dane::tlsa::Tlsa;
use lab::history::{CITIES, ChainId, Dnssec, History, HistoryConfig, P20, P20Standing, SetId, Sight};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// All that unbound says, in the words of the lab and in others.
const TEXTS: [(&str, &str); 15] = [
    ("validation failure: signature expired", "signature-expired"),
    ("no keys have a DS with algorithm 8", "no-key-for-ds"),
    ("No DNSKEY record for key", "no-dnskey"),
    ("DS hash mismatches key", "ds-digest"),
    ("signature crypto failed", "signature-wrong"),
    ("signature missing from answer", "signature-missing"),
    ("signatures from unknown keys", "signature-unknown-key"),
    ("no signatures over the answer", "signature-missing"),
    ("signature before inception date", "signature-not-yet-valid"),
    ("wildcard proof failed", "denial-wrong"),
    ("signature inception after expiration", "inception-after-expiration"),
    ("cname proof failed", "cname-proof-wrong"),
    ("no DNSSEC records from the server", "signature-missing"),
    ("no NSEC3 records from the server", "denial-wrong"),
    ("no DS for DNSKEY", "other"),
];

/// Bogus sets for every reason, a server without STARTTLS, and records with other fields.
fn doctor(history: &History, server: usize, time: i64, sight: &mut Sight) {
    let hour = (time - history.config().start) / 3600;
    if server.is_multiple_of(5)
        && (200..207).contains(&(hour - server as i64))
        && let Some(answer) = &mut sight.tlsa
    {
        answer.dnssec = Dnssec::Bogus(TEXTS[server / 5 % TEXTS.len()].0);
    }
    if let (30..46, 600..640, Some(answer)) = (server, hour, &mut sight.tlsa) {
        answer.set = FORGED + server as SetId - 30;
    }
    if server == 7 && (240..480).contains(&hour) {
        sight.chain = Err(NOT_OFFERED);
    }
}

/// The records of some servers with one or several fields changed.
fn forged(walk: &Walk) -> Vec<Vec<Tlsa>> {
    let of_server = |server: usize| {
        let stretches = walk.history.stretches(server, 0);
        let at = walk.history.config().start + 600 * 3600;
        let there = stretches.iter().find(|stretch| stretch.from <= at && at < stretch.to).and_then(|stretch| stretch.sight.tlsa);
        let change = |record: &Tlsa| {
            let (usage, selector, matching) = (record.usage, record.selector, record.matching);
            let (usage, selector, matching) = match server % 4 {
                0 => (if usage == 3 { 2 } else { 3 }, selector, matching),
                1 => (usage, 1 - selector, matching),
                2 => (usage, selector, (matching + 1) % 3),
                _ => (usage, 1 - selector, (matching + 1) % 3),
            };
            Tlsa { usage, selector, matching, data: record.data.clone() }
        };
        there.map_or(Vec::new(), |answer| walk.history.records(answer.set).iter().map(change).collect())
    };
    // An empty set would be the answer that there are none.
    let nothing = || vec![Tlsa { usage: 3, selector: 1, matching: 1, data: vec![7; 32] }];
    (30..46).map(of_server).map(|records: Vec<Tlsa>| if records.is_empty() { nothing() } else { records }).collect()
}

static WALK: LazyLock<(Walk, BTreeMap<&'static str, Answer>)> = LazyLock::new(|| {
    let mut walk = Walk::new(HistoryConfig { servers: 100, days: 40, seed: 5, vantages: 2, ..HistoryConfig::new() }, doctor);
    walk.forged = forged(&walk);
    let (archive, _place) = walk.archive();
    let ids = ["p20-table-2", "p20-figure-6", "p20-figure-7", "p20-section-5.5"];
    let found = answers(&archive, &Settings::new(), &ids.map(|id| find(id).unwrap())).unwrap();
    found.iter().for_each(charts_hold);
    (walk, ids.into_iter().zip(found).collect())
});

fn all() -> impl Iterator<Item = (usize, usize, i64)> {
    let walk = &WALK.0;
    walk.times.iter().enumerate().flat_map(|(vantage, times)| times.iter().enumerate().map(move |(round, time)| (vantage, round, *time)))
}

type Row = BTreeMap<&'static str, Cell>;

fn by_time(answer: &Answer, view: View) -> HashMap<(i64, String), Row> {
    let key = |row: &BTreeMap<&'static str, Cell>| match (&row["time"], &row["vantage"]) {
        (Cell::Time(time), Cell::Text(vantage)) => (*time, vantage.clone()),
        other => panic!("{other:?}"),
    };
    rows(answer, "by-round", view).into_iter().map(|row| (key(&row), row)).collect()
}

#[test]
fn table_2_counts_the_last_round() {
    let (walk, answers) = &*WALK;
    for view in [View::Paper, View::Ours] {
        let found = rows(&answers["p20-table-2"], "last-round", view);
        assert_eq!(found.len(), 2);
        for row in found {
            let vantage = CITIES.iter().position(|city| row["vantage"] == Cell::from(*city)).unwrap();
            let last = walk.times[vantage].len() - 1;
            let count =
                |wanted: fn(&Sight) -> bool| walk.sights[vantage].iter().filter(|rounds| rounds[last].as_ref().is_some_and(wanted)).count();
            assert_eq!(row["tlsa"], Cell::Count(count(|sight| sight.tlsa.is_some()) as u64));
            assert_eq!(row["certificates"], Cell::Count(count(|sight| sight.chain.is_ok()) as u64));
            assert_eq!(row["rounds"], Cell::Count(last as u64 + 1));
        }
    }
}

/// The class of a text of the studies' scanner, by its prefix.
fn prefix(text: &str) -> &'static str {
    let starts = |with: &[&str]| with.iter().any(|prefix| text.starts_with(prefix));
    match () {
        () if text == NOT_OFFERED => "not_implemented",
        () if starts(&["4"]) => "temporary",
        () if starts(&["500", "502", "503", "504"]) => "not_implemented",
        () if starts(&["551", "550", "554"]) => "refused",
        () if starts(&["dial tcp", "write tcp", "read tcp"]) => "tcp",
        () if starts(&["remote error", "tls"]) => "tls",
        () => "other",
    }
}

#[test]
fn figure_6_in_the_paper_view_goes_by_prefixes() {
    let (walk, answers) = &*WALK;
    let found = by_time(&answers["p20-figure-6"], View::Paper);
    assert_eq!(found.len(), all().count());
    let mut classes = std::collections::BTreeSet::new();
    for (vantage, round, time) in all() {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for sight in walk.sights[vantage].iter().filter_map(|rounds| rounds[round]) {
            let class = sight.chain.map_or_else(prefix, |_| "works");
            *counts.entry(class).or_default() += 1;
            classes.insert(class);
        }
        let count = |class: &str| counts.get(class).copied().unwrap_or(0);
        let failed = count("not_implemented") + count("tls");
        let of = failed + count("works") + count("temporary");
        let row = &found[&(time, CITIES[vantage].to_owned())];
        assert_eq!(row["failed"], Cell::Share(Share::new(failed, of)), "{time}");
        assert_eq!(row["tls"], Cell::Share(Share::new(count("tls"), of)));
        for apart in ["temporary", "refused", "tcp", "other"] {
            assert_eq!(row[apart], Cell::Count(count(apart)), "{apart} {time}");
        }
    }
    assert_eq!(classes.len(), 7, "too little to find: {classes:?}");
}

#[test]
fn figure_6_in_our_view_has_not_offered_apart_and_nobody_blamed_for_a_block_list() {
    let (walk, answers) = &*WALK;
    let found = by_time(&answers["p20-figure-6"], View::Ours);
    for (vantage, round, time) in all() {
        let there = || walk.sights[vantage].iter().filter_map(|rounds| rounds[round]);
        let count = |wanted: &dyn Fn(&str) -> bool| there().filter(|sight| sight.chain.is_err_and(wanted)).count() as u64;
        let works = there().filter(|sight| sight.chain.is_ok()).count() as u64;
        let (not_offered, refused) = (count(&|why| why == NOT_OFFERED), count(&|why| why.starts_with("502")));
        let tls = count(&|why| why.contains("tls: "));
        let of = works + not_offered + refused + tls;
        let row = &found[&(time, CITIES[vantage].to_owned())];
        assert_eq!(row["failed"], Cell::Share(Share::new(not_offered + refused + tls, of)), "{time}");
        assert_eq!(row["not_offered"], Cell::Share(Share::new(not_offered, of)));
        assert_eq!(row["not_implemented"], Cell::Share(Share::new(refused, of)));
        assert_eq!(row["blocked"], Cell::Count(count(&|why| why.contains("block list"))));
        assert_eq!(row["rate_limited"], Cell::Count(count(&|why| why.starts_with("421"))));
        assert_eq!(row["temporary"], Cell::Count(0));
    }
}

/// By trying every other value of every field, from bytes.
fn least_change(walk: &Walk, set: SetId, chain: ChainId) -> &'static str {
    let chain = walk.certificates(chain);
    let mut best = (usize::MAX, 0, "nothing-in-chain");
    for record in walk.records(set) {
        for (usage, selector, matching) in (0..4).flat_map(|u| (0..2).flat_map(move |s| (0..3).map(move |m| (u, s, m)))) {
            let other = Tlsa { usage, selector, matching, data: record.data.clone() };
            if paper_match(&chain, &[other], &[]) != Some(true) {
                continue;
            }
            let changed = [usage != record.usage, selector != record.selector, matching != record.matching];
            let many = changed.iter().filter(|changed| **changed).count();
            let first = changed.iter().position(|changed| *changed).unwrap();
            let label = if many > 1 { "several" } else { ["usage", "selector", "matching-type"][first] };
            best = best.min((many, first, label));
        }
    }
    best.2
}

#[test]
fn figure_7_finds_every_bogus_set_and_mismatch_with_its_reason() {
    let (walk, answers) = &*WALK;
    let mut known: HashMap<(SetId, ChainId), &str> = HashMap::new();
    for view in [View::Paper, View::Ours] {
        let found = by_time(&answers["p20-figure-7"], view);
        let mut reasons: BTreeMap<(usize, String), u64> = BTreeMap::new();
        let mut split: BTreeMap<(usize, &str), u64> = BTreeMap::new();
        for (vantage, round, time) in all() {
            let (mut bogus, mut mismatched) = (Share::default(), Share::default());
            for (sight, answer) in
                walk.sights[vantage].iter().filter_map(|rounds| rounds[round].and_then(|sight| Some((sight, sight.tlsa?))))
            {
                let insecure = matches!(answer.dnssec, Dnssec::NoDs | Dnssec::Unsigned);
                if view == View::Paper && insecure {
                    continue;
                }
                bogus += Share::new(u64::from(matches!(answer.dnssec, Dnssec::Bogus(_))), 1);
                if let Dnssec::Bogus(text) = answer.dnssec {
                    // The lab's own texts for the rest.
                    let reason =
                        TEXTS.iter().find(|(known, _)| *known == text || text.contains(known)).map_or("other", |(_, reason)| reason);
                    let non_existent = view == View::Paper && ["no-key-for-ds", "no-dnskey"].contains(&reason);
                    let reason = if non_existent { "non-existent-dnskey" } else { reason };
                    *reasons.entry((vantage, reason.to_owned())).or_default() += 1;
                }
                if let Ok(chain) = sight.chain {
                    let wrong = !walk.matches(answer.set, chain);
                    mismatched += Share::new(u64::from(wrong), 1);
                    if wrong {
                        let label = known.entry((answer.set, chain)).or_insert_with(|| least_change(walk, answer.set, chain));
                        *split.entry((vantage, *label)).or_default() += 1;
                    }
                }
            }
            let row = &found[&(time, CITIES[vantage].to_owned())];
            assert_eq!((&row["bogus"], &row["mismatched"]), (&Cell::Share(bogus), &Cell::Share(mismatched)), "{time} {view:?}");
        }
        assert!(reasons.len() > 15 && split.len() > 8, "too little to find: {reasons:?} {split:?}");
        for (table, column, wanted) in [
            ("reasons", "reason", reasons),
            ("split", "wrong", split.into_iter().map(|((vantage, label), count)| ((vantage, label.to_owned()), count)).collect()),
        ] {
            for row in rows(&answers["p20-figure-7"], table, view) {
                let vantage = CITIES.iter().position(|city| row["vantage"] == Cell::from(*city)).unwrap();
                let Cell::Text(word) = &row[column] else { panic!("{row:?}") };
                let of = wanted.iter().filter(|((of, _), _)| *of == vantage).map(|(_, count)| count).sum();
                let count = wanted.get(&(vantage, word.clone())).copied().unwrap_or(0);
                assert_eq!(row["sets"], Cell::Share(Share::new(count, of)), "{table} {word} {view:?}");
            }
        }
    }
}

/// The lab knows from its plan what the rules of section 5.5 make of every change.
#[test]
fn section_5_5_is_as_planned() {
    let history = History::new(HistoryConfig { servers: 200, days: 90, seed: 11, ..HistoryConfig::new() }).unwrap();
    let planned = crate::planted::planted(history);
    let answer = answers(&planned.archive, &Settings::new(), &[find("p20-section-5.5").unwrap()]).unwrap().remove(0);
    let truth = planned.history.counts().p20;
    let count = |standing| truth.get(&standing).copied().unwrap_or(0);
    let standings: BTreeMap<String, Cell> = rows(&answer, "standings", View::Paper)
        .into_iter()
        .map(|row| if let Cell::Text(word) = &row["standing"] { (word.clone(), row["servers"].clone()) } else { panic!("{row:?}") })
        .collect();
    for (word, standing) in [
        ("not-at-both-ends", P20Standing::NotAtBothEnds),
        ("same-keys", P20Standing::SameKeys),
        ("left-out", P20Standing::LeftOut),
        ("wrong", P20Standing::Wrong),
        ("correct", P20Standing::Correct),
    ] {
        assert_eq!(standings.get(word).cloned().unwrap_or(Cell::Count(0)), Cell::Count(count(standing)), "{word}");
        assert!(count(standing) > 0 || word == "correct", "nothing to find: {word}");
    }
    // Changes of servers that were there at both ends. What the plan knows of records that never matched is that they do not: their outcome
    // is not planned.
    let judged = planned.history.truth().iter().filter(|server| server.p20 != P20Standing::NotAtBothEnds);
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    for (at, outcome) in judged.flat_map(|server| &server.changes).filter_map(|change| Some((change.at, change.p20?))) {
        let word = match outcome {
            P20::NotARollover => "not-a-rollover",
            P20::ShortTtl => "short-ttl",
            P20::Unknown => "unknown",
            P20::Neither => "neither",
            P20::Early => "early-retirement",
            P20::Late(first) if first < at => "late-in-between",
            P20::Late(_) => "late-at-once-or-after",
            P20::Never => "never-introduced",
            P20::Correct => "correct",
        };
        *wanted.entry(word).or_default() += 1;
    }
    let found: BTreeMap<String, u64> = rows(&answer, "outcomes", View::Ours)
        .into_iter()
        .map(|row| match (&row["outcome"], &row["changes"]) {
            (Cell::Text(word), Cell::Share(share)) => (word.clone(), share.count),
            other => panic!("{other:?}"),
        })
        .collect();
    for (word, count) in wanted.iter().filter(|(word, _)| !["neither", "not-a-rollover"].contains(word)) {
        assert_eq!(found.get(*word), Some(count), "{word}");
    }
    assert!(wanted.len() > 5, "too little to find: {wanted:?}");
}
