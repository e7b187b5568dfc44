//! What goes beyond the papers, by walking round by round over the lab's timelines.

use crate::walk::{FORGED, Walk, charts_hold, rows};
use analysis::Share;
use analysis::questions::find;
use analysis::study::{Answer, Cell, Settings, View, answers};
use dane::cert::Certificate;
use dane::paper::paper_match;
use dane::tlsa::Tlsa;
use lab::history::{ChainId, Dnssec, History, HistoryConfig, SetId, Sight};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

const START: i64 = 1_562_976_000;
const DAYS: i64 = 45;

/// A provider whose zone breaks and is mended server by server, records withdrawn, a key in two places.
fn doctor(history: &History, server: usize, time: i64, sight: &mut Sight) {
    let (hour, host) = ((time - START) / 3600, &history.truth()[server].host);
    if let Some(answer) = &mut sight.tlsa {
        if host.contains(".provider1.") && (500..507 + (server as i64 % 4) * 20).contains(&hour) {
            answer.dnssec = Dnssec::Bogus("DS hash mismatches key");
        }
        if (60..66).contains(&server) && hour >= 300 {
            answer.dnssec = Dnssec::Bogus("signature expired");
            if hour >= 400 {
                (answer.set, answer.dnssec) = (FORGED, Dnssec::Secure);
            }
        }
    }
    if host.contains(".provider2.") && (800..810).contains(&hour) {
        sight.chain = Err("502 5.5.1 command not implemented");
    }
    let copied = match (server, hour) {
        (11, 200..600) => Some(12),
        (13, 300..700) => Some(12),
        (40, 100..) => Some(41),
        _ => None,
    };
    if let (Some(other), Ok(chain)) = (copied, &mut sight.chain) {
        let there = history.stretches(other, 0).into_iter().find(|stretch| stretch.from <= time && time < stretch.to);
        *chain = there.and_then(|stretch| stretch.sight.chain.ok()).unwrap_or(*chain);
    }
}

/// Signed for two weeks, every week.
fn weekly(time: i64) -> i64 {
    let week = 7 * 86_400;
    time.div_euclid(week) * week + 2 * week
}

/// The same, until the signer stopped.
fn stopped(time: i64) -> i64 {
    weekly(time).min(START + DAYS * 86_400 + 12 * 3600)
}

static WALK: LazyLock<(Walk, BTreeMap<&'static str, Answer>)> = LazyLock::new(|| {
    let mut walk = Walk::new(HistoryConfig { servers: 100, days: DAYS as u32, seed: 21, ..HistoryConfig::new() }, doctor);
    walk.forged = vec![Vec::new()];
    for server in 0..walk.servers() {
        walk.expirations.insert(server, if server % 8 == 3 { stopped } else { weekly });
    }
    let (archive, _place) = walk.archive();
    let ids = ["beyond-survival", "beyond-incidents", "beyond-fixes", "beyond-keys", "beyond-forecast", "beyond-tls"];
    let found = answers(&archive, &Settings::new(), &ids.map(|id| find(id).unwrap())).unwrap();
    found.iter().for_each(charts_hold);
    (walk, ids.into_iter().zip(found).collect())
});

const FAULTS: [&str; 4] = ["insecure", "bogus", "mismatch", "starttls"];

/// What a round says of a fault: `None` nothing, `Some(None)` that there are no records.
fn finding(walk: &Walk, sight: Sight, fault: &str) -> Option<Option<bool>> {
    let records = sight.tlsa.map(|answer| walk.records(answer.set));
    if records.is_some_and(<[Tlsa]>::is_empty) {
        return Some(None);
    }
    let bad = match fault {
        "insecure" => matches!(sight.tlsa?.dnssec, Dnssec::NoDs | Dnssec::Unsigned),
        "bogus" => matches!(sight.tlsa?.dnssec, Dnssec::Bogus(_)),
        "mismatch" => !walk.matches(sight.tlsa?.set, sight.chain.ok()?),
        _ => match sight.chain {
            Ok(_) => false,
            Err(why) if why.starts_with("502") || why.contains("tls: ") => true,
            Err(_) => return None,
        },
    };
    Some(Some(bad))
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spell {
    host: String,
    fault: &'static str,
    from: usize,
    to: usize,
    begin: &'static str,
    end: &'static str,
}

fn operator(host: &str) -> String {
    let labels: Vec<&str> = host.rsplit('.').take(2).collect();
    format!("{}.{}", labels[1], labels[0])
}

/// All spells, one round after the other.
fn spells(walk: &Walk) -> Vec<Spell> {
    let mut out = Vec::new();
    for (server, fault) in (0..walk.servers()).flat_map(|server| FAULTS.map(|fault| (server, fault))) {
        let rounds = &walk.sights[0][server];
        let found: Vec<Option<Option<bool>>> = rounds.iter().map(|sight| sight.and_then(|sight| finding(walk, sight, fault))).collect();
        let known: Vec<(usize, Option<bool>)> = found.iter().enumerate().filter_map(|(round, found)| Some((round, (*found)?))).collect();
        for group in known.chunk_by(|one, other| one.1 == other.1).filter(|group| group[0].1 == Some(true)) {
            let (from, last) = (group[0].0, group.last().unwrap().0);
            let before = known.iter().rfind(|(round, _)| *round < from).map(|(round, _)| *round);
            let blind = (0..from).any(|round| rounds[round].is_some() && found[round].is_none());
            let begin = match before {
                Some(before) if before + 1 == from => "sharp",
                None if from == 0 || blind => "before",
                _ => "known",
            };
            let there_last = rounds.iter().rposition(Option::is_some).unwrap();
            let (to, end) = match known.iter().find(|(round, _)| *round > last) {
                Some((round, Some(false))) => (*round, "fixed"),
                Some((round, _)) => (*round, "withdrawn"),
                None if there_last + 1 < rounds.len() => (there_last + 1, "gone"),
                None => (last + 1, "open"),
            };
            out.push(Spell { host: walk.host(server).to_owned(), fault, from, to, begin, end });
        }
    }
    out
}

fn time(walk: &Walk, round: usize) -> i64 {
    walk.times[0].get(round).copied().unwrap_or(walk.times[0].last().unwrap() + 3600)
}

fn share(count: usize, of: usize) -> Cell {
    Cell::Share(Share::new(count as u64, of as u64))
}

#[test]
fn errors_last_as_long_as_the_lab_made_them() {
    let (walk, answers) = &*WALK;
    let spells = spells(walk);
    let ends: BTreeSet<&str> = spells.iter().map(|spell| spell.end).collect();
    let begins: BTreeSet<&str> = spells.iter().map(|spell| spell.begin).collect();
    assert!(ends.len() == 4 && begins.len() == 3, "too little to find: {ends:?} {begins:?}");
    let curve = rows(&answers["beyond-survival"], "curve", View::Ours);
    for row in rows(&answers["beyond-survival"], "ends", View::Ours) {
        let of: Vec<&Spell> = spells.iter().filter(|spell| row["fault"] == Cell::from(spell.fault)).collect();
        let count = |end: &str| of.iter().filter(|spell| spell.end == end).count();
        assert_eq!(row["spells"], Cell::Count(of.len() as u64), "{row:?}");
        for (column, end) in [("fixed", "fixed"), ("withdrawn", "withdrawn"), ("gone", "gone"), ("still_there", "open")] {
            assert_eq!(row[column], share(count(end), of.len()), "{row:?}");
        }
        let watched: Vec<&&Spell> = of.iter().filter(|spell| spell.begin != "before").collect();
        assert_eq!(row["began_before"], Cell::Count((of.len() - watched.len()) as u64), "{row:?}");
        // The estimate by its definition, for every length at which something was over.
        let length = |spell: &Spell| time(walk, spell.to) - time(walk, spell.from);
        let over = |spell: &Spell| ["fixed", "withdrawn"].contains(&spell.end);
        let lengths: BTreeSet<i64> = watched.iter().filter(|spell| over(spell)).map(|spell| length(spell)).collect();
        let mine: Vec<_> = curve.iter().filter(|step| step["fault"] == row["fault"]).collect();
        assert_eq!(mine.len(), lengths.len(), "{row:?}");
        let mut surviving = 1.0;
        for (step, at) in mine.into_iter().zip(lengths) {
            let at_risk = watched.iter().filter(|spell| length(spell) >= at).count();
            let ended = watched.iter().filter(|spell| length(spell) == at && over(spell)).count();
            surviving *= (at_risk - ended) as f64 / at_risk as f64;
            assert_eq!((&step["at_risk"], &step["ended"]), (&Cell::Count(at_risk as u64), &Cell::Count(ended as u64)));
            let (Cell::Number(hours), Cell::Number(percent)) = (&step["hours"], &step["surviving"]) else { panic!("{step:?}") };
            assert!((hours - at as f64 / 3600.0).abs() < 1e-9 && (percent - surviving * 100.0).abs() < 1e-9, "{step:?} {surviving}");
        }
    }
}

#[test]
fn servers_that_turn_bad_together_are_an_incident() {
    let (walk, answers) = &*WALK;
    let mut onsets: BTreeMap<(i64, String, &str), Vec<Spell>> = BTreeMap::new();
    for spell in spells(walk).into_iter().filter(|spell| spell.begin == "sharp") {
        onsets.entry((time(walk, spell.from), operator(&spell.host), spell.fault)).or_default().push(spell);
    }
    let mut wanted: Vec<Vec<Cell>> = Vec::new();
    for ((at, operator, fault), hosts) in onsets.iter().filter(|(_, hosts)| hosts.len() > 2) {
        let fixed = hosts.iter().filter(|spell| spell.end == "fixed").count();
        let last = hosts.iter().map(|spell| time(walk, spell.to)).max().unwrap();
        let last = if hosts.iter().any(|spell| spell.end == "open") { Cell::Nothing } else { Cell::Time(last) };
        wanted.push(vec![
            Cell::Time(*at),
            operator.as_str().into(),
            (*fault).into(),
            Cell::Count(hosts.len() as u64),
            share(fixed, hosts.len()),
            last,
        ]);
    }
    assert!(wanted.len() > 1, "too little to find");
    let columns = ["time", "operator", "fault", "hosts", "fixed", "last_end"];
    let found: Vec<Vec<Cell>> = rows(&answers["beyond-incidents"], "incidents", View::Ours)
        .iter()
        .map(|row| columns.map(|column| row[column].clone()).to_vec())
        .collect();
    assert!(found.iter().all(|row| wanted.contains(row)) && found.len() == wanted.len(), "{found:?}\n{wanted:?}");
    for row in rows(&answers["beyond-incidents"], "by-fault", View::Ours) {
        let of = onsets.iter().filter(|((.., fault), _)| row["fault"] == Cell::from(*fault)).map(|(_, hosts)| hosts.len());
        assert_eq!(row["shared"], share(of.clone().filter(|many| *many > 2).sum(), of.sum()));
    }
}

#[test]
fn who_was_fixed_after_whom() {
    let (walk, answers) = &*WALK;
    let mut rest: Vec<Spell> = spells(walk);
    let mut wanted: Vec<Vec<Cell>> = Vec::new();
    let mut order: Vec<(String, i64, i64)> = Vec::new();
    while let Some(first) = rest.pop() {
        let mut group = vec![first];
        // Until nothing more overlaps.
        loop {
            let touches = |spell: &Spell| {
                group.iter().any(|of| {
                    operator(&of.host) == operator(&spell.host) && of.fault == spell.fault && spell.from < of.to && of.from < spell.to
                })
            };
            let Some(at) = rest.iter().position(touches) else { break };
            group.push(rest.remove(at));
        }
        let hosts: BTreeSet<&str> = group.iter().map(|spell| spell.host.as_str()).collect();
        let mut fixed: Vec<&Spell> = group.iter().filter(|spell| spell.end == "fixed").collect();
        fixed.sort_by_key(|spell| (spell.to, &spell.host));
        if hosts.len() < 2 || fixed.is_empty() {
            continue;
        }
        let first = time(walk, fixed[0].to);
        let lags: Vec<i64> = fixed.iter().skip(1).map(|spell| time(walk, spell.to) - first).collect();
        let within = |low: i64, high: i64| lags.iter().filter(|lag| low < **lag && **lag <= high).count();
        let counts = [within(-1, 0), within(0, 86_400), within(86_400, 604_800), within(604_800, i64::MAX), group.len() - fixed.len()];
        let from = group.iter().map(|spell| time(walk, spell.from)).min().unwrap();
        let head =
            [operator(&group[0].host).into(), group[0].fault.into(), Cell::Time(from), Cell::Count(hosts.len() as u64), Cell::Time(first)];
        wanted.push(head.into_iter().chain(counts.map(|count| share(count, group.len() - 1))).collect());
        order.extend(fixed.iter().map(|spell| (spell.host.clone(), time(walk, spell.to), first)));
    }
    let columns =
        ["operator", "fault", "from", "hosts", "first_fixed", "same_round", "within_a_day", "within_a_week", "later", "not_fixed"];
    let found: Vec<Vec<Cell>> =
        rows(&answers["beyond-fixes"], "groups", View::Ours).iter().map(|row| columns.map(|column| row[column].clone()).to_vec()).collect();
    assert!(found.iter().all(|row| wanted.contains(row)) && found.len() == wanted.len(), "{found:?}\n{wanted:?}");
    assert!(wanted.len() > 2, "too little to find");
    let listed = rows(&answers["beyond-fixes"], "order", View::Ours);
    assert_eq!(listed.len(), order.len());
    for row in listed {
        let (Cell::Text(host), Cell::Time(at), Cell::Number(hours)) = (&row["host"], &row["fixed"], &row["hours_after_first"]) else {
            panic!("{row:?}")
        };
        assert!(
            order.iter().any(|(of, fixed, first)| of == host && fixed == at && ((at - first) as f64 / 3600.0 - hours).abs() < 1e-9),
            "{row:?}"
        );
    }
}

#[test]
fn keys_in_several_places_are_found_in_every_round() {
    let (walk, answers) = &*WALK;
    let mut keys: HashMap<ChainId, Vec<u8>> = HashMap::new();
    let found = rows(&answers["beyond-keys"], "by-round", View::Ours);
    let mut most: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut strange = 0;
    for (round, row) in found.iter().enumerate() {
        let mut hosts: HashMap<Vec<u8>, Vec<&str>> = HashMap::new();
        for server in 0..walk.servers() {
            let Some(Ok(chain)) = walk.sights[0][server][round].map(|sight| sight.chain) else { continue };
            let key = keys.entry(chain).or_insert_with(|| Certificate::parse(&walk.certificates(chain)[0].0).unwrap().spki);
            hosts.entry(key.clone()).or_default().push(walk.host(server));
        }
        let all: usize = hosts.values().map(Vec::len).sum();
        let shared: Vec<&Vec<&str>> = hosts.values().filter(|hosts| hosts.len() > 1).collect();
        let strangers =
            shared.iter().filter(|hosts| hosts.iter().any(|host| operator(host) != operator(hosts[0]))).map(|hosts| hosts.len()).sum();
        assert_eq!(
            (&row["sharing"], &row["strangers"]),
            (&share(shared.iter().map(|hosts| hosts.len()).sum(), all), &share(strangers, all)),
            "{round}"
        );
        strange += strangers;
        for (key, hosts) in hosts.into_iter().filter(|(_, hosts)| hosts.len() > 1) {
            let entry = most.entry(key).or_default();
            *entry = hosts.len().max(*entry);
        }
    }
    let mut wanted: Vec<Cell> = most.values().map(|most| Cell::Count(*most as u64)).collect();
    wanted.sort_by_key(|cell| if let Cell::Count(count) = cell { std::cmp::Reverse(*count) } else { std::cmp::Reverse(0) });
    let named: Vec<Cell> = rows(&answers["beyond-keys"], "keys", View::Ours).into_iter().map(|row| row["most_hosts"].clone()).collect();
    assert_eq!(named, wanted);
    assert!(strange > 0 && wanted.contains(&Cell::Count(3)), "too little to find: {wanted:?}");
}

#[test]
fn tls_versions_and_keys_are_counted_in_every_round() {
    let (walk, answers) = &*WALK;
    let found = rows(&answers["beyond-tls"], "versions", View::Ours);
    for row in &found {
        let (Cell::Time(at), Cell::Text(version)) = (&row["time"], &row["version"]) else { panic!("{row:?}") };
        let round = walk.times[0].iter().position(|time| time == at).unwrap();
        let chains: Vec<ChainId> = walk.sights[0].iter().filter_map(|rounds| rounds[round]?.chain.ok()).collect();
        let with = chains.iter().filter(|chain| (**chain % 3 == 0) == (version == "TLSv1.2")).count();
        assert_eq!(row["hosts"], share(with, chains.len()), "{at} {version}");
    }
    assert_eq!(found.len(), 2 * walk.times[0].len());
    let last = walk.sights[0].iter().filter(|rounds| rounds.last().unwrap().is_some_and(|sight| sight.chain.is_ok())).count();
    let keys = rows(&answers["beyond-tls"], "keys", View::Ours);
    assert_eq!(keys.len(), 1);
    assert_eq!((&keys[0]["key"], &keys[0]["bits"], &keys[0]["hosts"]), (&"RSA".into(), &Cell::Count(2048), &share(last, last)));
    let weak = rows(&answers["beyond-tls"], "weak-keys", View::Ours);
    assert!(weak.len() == walk.times[0].len() && weak.iter().all(|row| matches!(row["weak"], Cell::Share(Share { count: 0, of: 1.. }))));
}

/// From bytes, by the definition: kind, host and moment, and how many are right now.
fn forecast(walk: &Walk) -> (Vec<(i64, String, &'static str)>, usize) {
    let month = 30 * 86_400;
    let now = *walk.times[0].last().unwrap();
    let certs = |chain: ChainId| walk.certificates(chain).iter().map(|der| Certificate::parse(&der.0).unwrap()).collect::<Vec<_>>();
    let fits = |record: &Tlsa, chain: ChainId| paper_match(&walk.certificates(chain), std::slice::from_ref(record), &[]) == Some(true);
    // Renewals: server, round, old chain, new chain.
    let mut renewals: Vec<(usize, usize, ChainId, ChainId)> = Vec::new();
    for server in 0..walk.servers() {
        let shown: Vec<(usize, ChainId)> =
            walk.sights[0][server].iter().enumerate().filter_map(|(round, sight)| Some((round, (*sight)?.chain.ok()?))).collect();
        renewals.extend(shown.windows(2).filter(|pair| pair[0].1 != pair[1].1).map(|pair| (server, pair[1].0, pair[0].1, pair[1].1)));
    }
    let issuer = |chain: ChainId| certs(chain).get(1).map(|cert| cert.spki.clone());
    let recent = || renewals.iter().filter(|(_, round, ..)| walk.times[0][*round] > now - month);
    let leaves = |from: &Vec<u8>| {
        let of = || recent().filter(|(_, _, old, new)| issuer(*old).as_ref() == Some(from) && issuer(*new).is_some());
        of().filter(|(.., new)| issuer(*new).as_ref() != Some(from)).count()
            > of().filter(|(.., new)| issuer(*new).as_ref() == Some(from)).count()
    };
    let (mut out, mut right) = (Vec::new(), 0);
    for server in 0..walk.servers() {
        let rounds = &walk.sights[0][server];
        let Some(Sight { tlsa: Some(answer), chain: Ok(chain) }) = rounds.last().unwrap() else { continue };
        if answer.dnssec != Dnssec::Secure || walk.records(answer.set).is_empty() || !walk.matches(answer.set, *chain) {
            continue;
        }
        right += 1;
        let host = walk.host(server).to_owned();
        let until = walk.expirations[&server];
        // A state ends where the next sight is another, or the host is not seen.
        let ends = (1..rounds.len()).filter(|round| rounds[round - 1].is_some() && rounds[*round] != rounds[round - 1]);
        let least = ends.map(|round| until(walk.times[0][round - 1]) - walk.times[0][round - 1]).min();
        let left = until(now) - now;
        if left >= 0 && least.map_or(left < 6 * 3600, |least| left * 2 < least) {
            out.push((until(now), host.clone(), "signature-not-renewed"));
        }
        let last = renewals.iter().rfind(|(of, ..)| *of == server);
        let not_after = |chain: ChainId| certs(chain)[0].not_after.unwrap();
        let held = last.map_or(0, |(_, round, old, _)| not_after(*old) - walk.times[0][*round]);
        let due = (not_after(*chain) - held).max(now);
        let shown: BTreeSet<ChainId> = rounds.iter().filter_map(|sight| (*sight)?.chain.ok()).collect();
        let records = walk.records(answer.set);
        let waits = records.iter().any(|record| !shown.iter().any(|chain| fits(record, *chain)));
        if due > now + month || waits {
            continue;
        }
        let leaf: Vec<&Tlsa> = records.iter().filter(|record| record.usage % 2 == 1 && fits(record, *chain)).collect();
        let by_issuer = records.iter().any(|record| record.usage % 2 == 0 && fits(record, *chain));
        let new_key = last.is_some_and(|(_, _, old, new)| certs(*old)[0].spki != certs(*new)[0].spki);
        if !leaf.is_empty() && !by_issuer && (new_key || leaf.iter().all(|record| record.selector == 0)) {
            out.push((due, host, "renewal-unprepared"));
        } else if leaf.is_empty() && by_issuer && leaves(&issuer(*chain).unwrap()) {
            out.push((due, host, "issuer-changed"));
        }
    }
    out.sort();
    (out, right)
}

fn forecast_found(answer: &Answer) -> Vec<(i64, String, String)> {
    let row = |row: BTreeMap<&'static str, Cell>| match (&row["at"], &row["host"], &row["kind"]) {
        (Cell::Time(at), Cell::Text(host), Cell::Text(kind)) => (*at, host.clone(), kind.clone()),
        other => panic!("{other:?}"),
    };
    let mut found: Vec<_> = rows(answer, "next", View::Ours).into_iter().map(row).collect();
    found.sort();
    found
}

#[test]
fn what_breaks_next_is_what_the_definition_says() {
    let (walk, answers) = &*WALK;
    let (wanted, right) = forecast(walk);
    let found = forecast_found(&answers["beyond-forecast"]);
    assert_eq!(found, wanted.iter().map(|(at, host, kind)| (*at, host.clone(), (*kind).to_owned())).collect::<Vec<_>>());
    let kinds: BTreeSet<&str> = wanted.iter().map(|(.., kind)| *kind).collect();
    assert!(kinds.len() > 1, "too little to find: {wanted:?}");
    for row in rows(&answers["beyond-forecast"], "by-kind", View::Ours) {
        assert_eq!(row["hosts"], share(wanted.iter().filter(|(.., kind)| row["kind"] == Cell::from(*kind)).count(), right));
    }
}

/// Let's Encrypt's customers that name its old intermediate alone, at the time when it changes.
#[test]
fn who_names_an_issuer_that_others_left_is_warned() {
    let mut walk = Walk::new(HistoryConfig { servers: 300, days: DAYS as u32, seed: 4, ..HistoryConfig::new() }, |_, _, _, _| {});
    walk.expirations = (0..walk.servers()).map(|server| (server, weekly as fn(i64) -> i64)).collect();
    let (archive, _place) = walk.archive();
    let answer = answers(&archive, &Settings::new(), &[find("beyond-forecast").unwrap()]).unwrap().remove(0);
    let (wanted, _) = forecast(&walk);
    assert_eq!(forecast_found(&answer), wanted.iter().map(|(at, host, kind)| (*at, host.clone(), (*kind).to_owned())).collect::<Vec<_>>());
    assert!(wanted.iter().any(|(.., kind)| *kind == "issuer-changed"), "nothing to find");
}

/// A set that nobody has, to be withdrawn to.
#[test]
fn a_forged_set_is_none_of_the_historys() {
    assert!(WALK.0.history.sizes().0 < FORGED as usize);
    assert!(WALK.0.records(FORGED as SetId).is_empty());
}
