//! Table 1 and Figures 2, 3, 4 and 8 of P20, by counting every domain every day.

use crate::walk::{DAILY, Mail, SightKey, Walk, charts_hold, domain_look, key, rows, snapshot};
use analysis::Share;
use analysis::questions::find;
use analysis::study::{Answer, Cell, Settings, View, answers};
use archive::states::{Archive, Round, Writer};
use dane::paper::paper_valid;
use lab::history::domains::{DomainState, Domains, DomainsConfig};
use lab::history::{Dnssec, History, HistoryConfig, Sight};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tempfile::TempDir;

const DAY: i64 = 86_400;
const CONFIG: DomainsConfig = DomainsConfig { domains: 2500, days: 50, seed: 3, moves: 60 };
const START: i64 = 1_508_630_400;

/// Every domain on every day, and an archive of daily rounds.
struct Daily {
    days: Vec<BTreeMap<u32, DomainState>>,
    archive: Archive,
    _place: TempDir,
}

/// `unseen`: a domain that no round gets an answer of on a day. Some take no mail for a week.
fn daily(unseen: fn(u32, u16) -> bool, idle: fn(u32, u16) -> bool) -> Daily {
    let domains = Domains::new(CONFIG);
    let place = TempDir::new().unwrap();
    let mut writer = Writer::open(place.path()).unwrap();
    let mut days = Vec::new();
    for day in 0..CONFIG.days {
        let there: BTreeMap<u32, DomainState> = (0..CONFIG.domains)
            .filter(|number| !unseen(*number, day))
            .filter_map(|number| Some((number, domains.state(number, day)?)))
            .map(|(number, state)| {
                if idle(number, day) {
                    (number, DomainState { mx: Default::default(), tlsa: [false; 2], ..state })
                } else {
                    (number, state)
                }
            })
            .collect();
        let look = |(number, state): (&u32, &DomainState)| {
            let hosts = if takes_mail(state) { state.mx.to_vec() } else { Vec::new() };
            let mail = Mail { hosts, tlsa: has(state) as u16 };
            domain_look(&mut writer, &name(*number), &mail)
        };
        let looks: Vec<_> = there.iter().map(look).collect();
        let vantage = writer.parts().word(DAILY);
        let snapshot = snapshot(vantage, START + i64::from(day) * DAY, 86_400, looks.len());
        writer.append(&Round { snapshot, servers: None, domains: Some(looks) }).unwrap();
        days.push(there);
    }
    drop(writer);
    Daily { days, archive: Archive::open(place.path()).unwrap(), _place: place }
}

/// The lab tells names with changes only; a name is all that ties them.
fn name(number: u32) -> String {
    thread_local!(static NAMES: HashMap<u32, String> = Domains::new(CONFIG).changes().map(|change| (change.number, change.domain)).collect());
    NAMES.with(|names| names[&number].clone())
}

fn ask(archive: &Archive, settings: &Settings, id: &str) -> Answer {
    let answer = answers(archive, settings, &[find(id).unwrap()]).unwrap().remove(0);
    charts_hold(&answer);
    answer
}

fn operator(number: u32, state: &DomainState) -> String {
    let zone = state.mx[0].strip_prefix("mx1.").unwrap().to_owned();
    assert!(!zone.is_empty(), "{number}");
    zone
}

fn takes_mail(state: &DomainState) -> bool {
    !state.mx[0].is_empty()
}

fn has(state: &DomainState) -> usize {
    state.tlsa.iter().filter(|has| **has).count()
}

/// By operator and top-level domain, what became of domains that stayed: gained, lost, completed, reduced.
type Jumps = BTreeMap<(i64, String, String), [u64; 4]>;

/// The slow way, and what is not by an operator's doing: by moving, new, gone, unseen.
fn count(days: &[BTreeMap<u32, DomainState>]) -> (Jumps, BTreeMap<i64, [u64; 7]>) {
    let (mut jumps, mut ways) = (Jumps::new(), BTreeMap::new());
    for number in 0..CONFIG.domains {
        let ever: Vec<usize> = (0..days.len()).filter(|day| days[*day].contains_key(&number)).collect();
        let tld = || name(number).rsplit('.').next().unwrap().to_owned();
        for day in 1..days.len() {
            let at = START + day as i64 * DAY;
            let mut way = |which: usize| ways.entry(at).or_insert([0; 7])[which] += 1;
            let seen_before = ever.iter().copied().rfind(|seen| *seen < day);
            match (days[day - 1].get(&number), days[day].get(&number)) {
                (Some(before), Some(now)) if has(before) != has(now) => {
                    let what = match (has(before), has(now)) {
                        (0, _) => 0,
                        (_, 0) => 1,
                        (_, 2) => 2,
                        _ => 3,
                    };
                    if !takes_mail(before) || !takes_mail(now) {
                        way(if what == 0 { 2 } else { 5 });
                        continue;
                    }
                    let stayed = operator(number, before) == operator(number, now);
                    if stayed {
                        jumps.entry((at, operator(number, now), tld())).or_insert([0; 4])[what] += 1;
                    }
                    if what < 2 {
                        way(what * 3 + usize::from(!stayed));
                    }
                }
                (None, Some(now)) => match seen_before {
                    None if has(now) > 0 => way(2),
                    Some(seen) if has(&days[seen][&number]) != has(now) => way(6),
                    _ => {}
                },
                (Some(before), None) if has(before) > 0 && ever.iter().all(|seen| *seen < day) => way(5),
                _ => {}
            }
        }
    }
    (jumps, ways)
}

fn jumps_found(answer: &Answer) -> Jumps {
    let cells = |row: BTreeMap<&'static str, Cell>| {
        let text = |column: &str| if let Cell::Text(text) = &row[column] { text.clone() } else { panic!("{row:?}") };
        let Cell::Time(at) = row["time"] else { panic!("{row:?}") };
        let counts = ["gained", "lost", "completed", "reduced"]
            .map(|column| if let Cell::Count(count) = row[column] { count } else { panic!("{row:?}") });
        ((at, text("operator"), text("tld")), counts)
    };
    rows(answer, "jumps-by-tld", View::Paper).into_iter().map(cells).collect()
}

#[test]
fn every_jump_is_the_doing_of_whom_the_lab_says() {
    // Some domains are not seen for two days, over which some of them change.
    let unseen = |number: u32, day: u16| number.is_multiple_of(7) && (24 + (number % 5) as u16..26 + (number % 5) as u16).contains(&day);
    let daily = daily(unseen, |number, day| number % 11 == 0 && (30..37).contains(&day));
    let settings = Settings { many: 0, ..Settings::new() };
    let answer = ask(&daily.archive, &settings, "p20-attribution");
    let (jumps, ways) = count(&daily.days);
    assert_eq!(jumps_found(&answer), jumps);
    let columns =
        ["gained_with_operator", "gained_by_moving", "gained_new", "lost_with_operator", "lost_by_moving", "lost_gone", "after_unseen"];
    let mut sums = [0; 7];
    let mut found = BTreeMap::new();
    for row in rows(&answer, "by-round", View::Paper) {
        let Cell::Time(at) = row["time"] else { panic!("{row:?}") };
        let counts = columns.map(|column| if let Cell::Count(count) = row[column] { count } else { panic!("{row:?}") });
        sums = std::array::from_fn(|at| sums[at] + counts[at]);
        if counts != [0; 7] {
            found.insert(at, counts);
        }
    }
    assert_eq!(found, ways);
    assert!(sums.iter().all(|sum| *sum > 0), "too little to find: {sums:?}");
}

/// What `domains-truth.json` says: the day, the provider, and its customers that day, some of which came only then.
#[test]
fn named_are_the_providers_that_the_lab_planned() {
    let daily = daily(|_, _| false, |_, _| false);
    let answer = ask(&daily.archive, &Settings { many: 4, ..Settings::new() }, "p20-attribution");
    let found = jumps_found(&answer);
    let planned = Domains::new(CONFIG).jumps();
    let mut named: Vec<(i64, &str)> = found.keys().map(|(at, operator, _)| (*at, operator.as_str())).collect();
    named.dedup();
    let mut wanted: Vec<(i64, &str)> = planned.iter().map(|jump| (START + i64::from(jump.day) * DAY, jump.provider)).collect();
    wanted.sort_unstable();
    assert_eq!(named, wanted);
    for jump in planned {
        let (at, day) = (START + i64::from(jump.day) * DAY, usize::from(jump.day));
        for (tld, customers) in jump.customers {
            let with = |number: &&u32| {
                operator(**number, &daily.days[day][number]) == jump.provider && name(**number).ends_with(&format!(".{tld}"))
            };
            let came = daily.days[day]
                .keys()
                .filter(with)
                .filter(|number| daily.days[day - 1].get(number).is_none_or(|before| operator(**number, before) != jump.provider));
            let changed = found.get(&(at, jump.provider.to_owned(), tld.to_owned())).map_or(0, |counts| counts.iter().sum());
            assert_eq!(changed + came.count() as u64, customers, "{} {tld}", jump.provider);
        }
    }
    // staged.nl has its first records at 30% of the period, the others at 55%.
    let lags = rows(&answer, "partial-to-full", View::Paper);
    assert_eq!(lags.len(), 1, "{lags:?}");
    let at = |percent: i64| Cell::Time(START + i64::from(CONFIG.days) * percent / 100 * DAY);
    assert_eq!((&lags[0]["operator"], &lags[0]["partial_at"], &lags[0]["full_at"]), (&Cell::from("staged.nl"), &at(30), &at(55)));
    assert_eq!(lags[0]["days"], Cell::Number(12.0));
}

#[test]
fn adoption_is_as_planned() {
    let daily = daily(|_, _| false, |_, _| false);
    let answer = ask(&daily.archive, &Settings::new(), "p20-adoption");
    let planned: HashMap<&str, _> = Domains::new(CONFIG).adoption().into_iter().collect();
    let found = rows(&answer, "by-round", View::Paper);
    assert_eq!(found.len(), planned.len() * usize::from(CONFIG.days));
    for row in &found {
        let (Cell::Time(at), Cell::Text(tld)) = (&row["time"], &row["tld"]) else { panic!("{row:?}") };
        let day = planned[tld.as_str()][((at - START) / DAY) as usize];
        let share = |count: i64, of: i64| Cell::Share(Share::new(count as u64, of as u64));
        assert_eq!((&row["with_tlsa"], &row["full"]), (&share(day.any, day.domains), &share(day.full, day.any)), "{tld} {at}");
    }
    assert_eq!(rows(&answer, "last-round", View::Paper).len(), planned.len());
}

#[test]
fn popular_domains_are_counted_by_rank() {
    let daily = daily(|_, _| false, |_, _| false);
    // Ranks with gaps, and names that nobody knows.
    let rank = |number: u32| number * 7 % 2503 * 9 + 1;
    let mut ranks: HashMap<String, u32> = (0..CONFIG.domains).step_by(2).map(|number| (name(number), rank(number))).collect();
    ranks.insert("nobody.example".to_owned(), 31_000);
    let settings = Settings { ranks: Some(ranks), ..Settings::new() };
    let answer = ask(&daily.archive, &settings, "p20-figure-3");
    for (table, width) in [("by-1000", 1000), ("by-10000", 10_000)] {
        let found = rows(&answer, table, View::Paper);
        assert_eq!(found.len(), 31_000_usize.div_ceil(width as usize));
        for row in found {
            let Cell::Count(last) = row["last_rank"] else { panic!("{row:?}") };
            let in_bin = |number: &u32| (last - width + 1..=last).contains(&u64::from(rank(*number)));
            let there = (0..CONFIG.domains).step_by(2).filter(in_bin).filter_map(|number| daily.days.last().unwrap().get(&number));
            let share = there.fold(Share::default(), |sum, state| Share::new(sum.count + u64::from(has(state) > 0), sum.of + 1));
            assert_eq!(row["with_tlsa"], Cell::Share(share), "{table} {last}");
        }
    }
    assert!(ask(&daily.archive, &Settings::new(), "p20-figure-3").notes[0].contains("--ranks"));
}

/// One provider's records are bogus for seven hours, one server's for long.
fn doctor(history: &History, server: usize, time: i64, sight: &mut Sight) {
    let hour = (time - history.config().start) / 3600;
    let provider = history.truth()[server].host.contains(".provider1.") && (500..507).contains(&hour);
    if let (true, Some(answer)) = (provider || (server == 50 && (100..300).contains(&hour)), &mut sight.tlsa) {
        answer.dnssec = Dnssec::Bogus("DS hash mismatches key");
    }
}

/// Domains that use the history's servers: two each or one, and some move.
fn mail(walk: &mut Walk) {
    let start = walk.history.config().start;
    let tlds = ["nl", "se", "com"];
    for day in 0..i64::from(walk.history.config().days) {
        let at = start + day * DAY;
        // A day on which nobody looked, and domains are seen only on days when servers were.
        let Some(round) = walk.times[0].iter().position(|time| *time == at).filter(|_| day != 12) else { continue };
        let mut domains = BTreeMap::new();
        for number in 0..400_usize {
            let mut hosts = vec![number * 7 % walk.servers()];
            if number % 3 == 0 {
                hosts.push((number * 7 + 1 + number % 4) % walk.servers());
            }
            if number % 5 == 0 && day >= 10 + number as i64 % 9 {
                hosts[0] = number * 11 % walk.servers();
            }
            hosts.dedup();
            let tlsa = hosts.iter().filter(|host| walk.sights[0][**host][round].is_some_and(|sight| sight.tlsa.is_some())).count() as u16;
            let hosts = hosts.into_iter().map(|host| walk.host(host).to_owned()).collect();
            domains.insert(format!("d{number}.{}", tlds[number % 3]), Mail { hosts, tlsa });
        }
        walk.days.push((at, domains));
    }
}

const FAULTS: [&str; 4] = ["insecure", "bogus", "mismatch", "starttls"];

/// Which faults a sight shows.
fn faults(walk: &Walk, sight: Sight, at: i64) -> [bool; 4] {
    let Some(answer) = sight.tlsa else { return [false; 4] };
    let insecure = matches!(answer.dnssec, Dnssec::NoDs | Dnssec::Unsigned);
    let bogus = matches!(answer.dnssec, Dnssec::Bogus(_));
    let starttls = sight.chain.is_err_and(|why| why.starts_with("502") || why.contains("tls: "));
    let mismatch = sight.chain.is_ok_and(|chain| {
        let valid = || paper_valid(dane::dns::Security::Secure, &walk.certificates(chain), walk.records(answer.set), &[], at);
        !walk.matches(answer.set, chain) || (!insecure && !bogus && valid() == Some(false))
    });
    [insecure, bogus, mismatch, starttls]
}

/// Domains by server and round, with what is wrong with each server.
struct Impact {
    walk: Walk,
    answer: Answer,
    numbers: HashMap<String, usize>,
    known: HashMap<(usize, SightKey), [bool; 4]>,
}

fn impact() -> Impact {
    let mut walk = Walk::new(HistoryConfig { servers: 60, days: 30, seed: 8, ..HistoryConfig::new() }, doctor);
    mail(&mut walk);
    let (archive, _place) = walk.archive();
    let answer = ask(&archive, &Settings { many: 20, ..Settings::new() }, "p20-figure-8");
    let numbers = (0..walk.servers()).map(|server| (walk.host(server).to_owned(), server)).collect();
    Impact { walk, answer, numbers, known: HashMap::new() }
}

impl Impact {
    fn host(&mut self, host: &str, round: usize) -> [bool; 4] {
        let server = self.numbers[host];
        let (walk, at) = (&self.walk, self.walk.times[0][round]);
        let sight = walk.sights[0][server][round];
        sight.map_or([false; 4], |sight| *self.known.entry((server, key(sight))).or_insert_with(|| faults(walk, sight, at)))
    }

    /// The domains with TLSA records on the day of a round; `None`: nobody looked.
    fn domains(&self, round: usize) -> Option<Vec<(String, Mail)>> {
        let at = self.walk.times[0][round];
        let (_, domains) = self.walk.days.iter().find(|(day, _)| (*day..day + DAY).contains(&at))?;
        Some(domains.iter().filter(|(_, mail)| mail.tlsa > 0).map(|(name, mail)| (name.clone(), mail.clone())).collect())
    }

    fn by_round(&self, view: View) -> HashMap<(i64, String), BTreeMap<&'static str, Cell>> {
        let key = |row: &BTreeMap<&'static str, Cell>| match (&row["time"], &row["tld"]) {
            (Cell::Time(at), Cell::Text(tld)) => (*at, tld.clone()),
            other => panic!("{other:?}"),
        };
        rows(&self.answer, "by-round", view).into_iter().map(|row| (key(&row), row)).collect()
    }
}

#[test]
fn figure_8_counts_pairs_and_domains() {
    let mut impact = impact();
    let (paper, ours) = (impact.by_round(View::Paper), impact.by_round(View::Ours));
    for round in 0..impact.walk.times[0].len() {
        let (at, domains) = (impact.walk.times[0][round], impact.domains(round));
        for tld in ["nl", "se", "com"] {
            let rows = (&paper[&(at, tld.to_owned())], &ours[&(at, tld.to_owned())]);
            let Some(domains) = &domains else {
                assert_eq!((&rows.0["bad"], &rows.1["bad"], &rows.1["broken"]), (&Cell::Nothing, &Cell::Nothing, &Cell::Nothing));
                continue;
            };
            let (mut pairs, mut bad, mut broken) = (Share::default(), Share::default(), Share::default());
            for (_, mail) in domains.iter().filter(|(name, _)| name.ends_with(&format!(".{tld}"))) {
                let hosts: Vec<[bool; 4]> = mail.hosts.iter().map(|host| impact.host(host, round)).collect();
                pairs += Share::new(hosts.iter().filter(|faults| faults.contains(&true)).count() as u64, mail.tlsa.into());
                bad += Share::new(u64::from(hosts.iter().any(|faults| faults.contains(&true))), 1);
                broken += Share::new(u64::from(hosts.iter().any(|faults| faults[1..].contains(&true))), 1);
            }
            assert_eq!(rows.0["bad"], Cell::Share(pairs), "{tld} {at}");
            assert_eq!((&rows.1["bad"], &rows.1["broken"]), (&Cell::Share(bad), &Cell::Share(broken)), "{tld} {at}");
        }
    }
}

#[test]
fn figure_8_names_what_many_domains_share() {
    let mut impact = impact();
    let mut counts: BTreeMap<(String, &str), BTreeMap<usize, BTreeSet<String>>> = BTreeMap::new();
    let seen: Vec<usize> = (0..impact.walk.times[0].len()).filter(|round| impact.domains(*round).is_some()).collect();
    for round in &seen {
        for (name, mail) in impact.domains(*round).unwrap() {
            for host in &mail.hosts {
                let zone: Vec<&str> = host.rsplit('.').take(2).collect();
                for (fault, _) in FAULTS.into_iter().zip(impact.host(host, *round)).filter(|(_, bad)| *bad) {
                    let rounds = counts.entry((format!("{}.{}", zone[1], zone[0]), fault)).or_default();
                    rounds.entry(*round).or_default().insert(name.clone());
                }
            }
        }
    }
    // Runs of more than twenty domains, one round after the other of those that were seen.
    let mut wanted: BTreeSet<(String, &str, i64, i64, u64)> = BTreeSet::new();
    let time = |round: usize| impact.walk.times[0].get(round).copied().unwrap_or(impact.walk.times[0].last().unwrap() + 3600);
    for ((zone, fault), rounds) in counts {
        let many = |round: &usize| rounds.get(round).map_or(0, BTreeSet::len) as u64;
        for run in seen.chunk_by(|one, other| (many(one) > 20) == (many(other) > 20)).filter(|run| many(&run[0]) > 20) {
            let most = run.iter().map(many).max().unwrap();
            wanted.insert((zone.clone(), fault, time(run[0]), time(run.last().unwrap() + 1), most));
        }
    }
    let row = |row: BTreeMap<&'static str, Cell>| match (&row["zone"], &row["fault"], &row["from"], &row["to"], &row["domains"]) {
        (Cell::Text(zone), Cell::Text(fault), Cell::Time(from), Cell::Time(to), Cell::Count(domains)) => {
            (zone.clone(), *FAULTS.iter().find(|word| *word == fault).unwrap(), *from, *to, *domains)
        }
        other => panic!("{other:?}"),
    };
    let found: BTreeSet<_> = rows(&impact.answer, "shared-causes", View::Ours).into_iter().map(row).collect();
    assert_eq!(found, wanted);
    let start = impact.walk.history.config().start;
    let planned = |(zone, fault, from, to, _): &&(String, &str, i64, i64, u64)| {
        zone.starts_with("provider1.") && *fault == "bogus" && (*from, *to) == (start + 500 * 3600, start + 507 * 3600)
    };
    assert!(wanted.iter().any(|row| planned(&row)), "nothing to find: {wanted:?}");
}
