//! P22 sections 5.2.2, 5.2.3, 6 and 8: what explains mismatches, and what comes of rollovers.

use crate::planted::settings;
use crate::reference::{Fact, Facts, World, classes, memberships, rows, word};
use analysis::Share;
use analysis::questions::find;
use analysis::study::{Answer, Cell, Settings, View, answers};
use dane::cert::Certificate;
use dane::paper::{WrongField, paper_match, wrong_field};
use lab::history::{ChainId, ChangeTruth, Class, History, Profile, ServerTruth, ServerVerdict, SetId, Stretch, Usage};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const CLASSES: [&str; 5] = ["SO", "SSDO", "SSDS", "unclassified", "all"];

const QUESTIONS: [&str; 8] =
    ["p22-figure-5", "p22-wrong-fields", "p22-parameters", "p22-ttl", "p22-issuers", "p22-figure-7", "p22-figure-8", "p22-table-4"];

/// All of it.
pub fn check(world: &World) {
    let intermediates = Some(["Let's Encrypt Authority X3".to_owned(), "R3".to_owned()].into());
    let settings = Settings { intermediates, ..settings() };
    let questions: Vec<_> = QUESTIONS.iter().map(|id| find(id).unwrap()).collect();
    let answers = answers(&world.planted.archive, &settings, &questions).unwrap();
    let answer = |id: &str| answers.iter().find(|answer| answer.about.id == id).unwrap();
    unmatched(world, answer("p22-figure-5"), answer("p22-wrong-fields"));
    parameters(world, answer("p22-parameters"));
    ttls(world, answer("p22-ttl"));
    issuers(world, answer("p22-issuers"));
    figure(world, answer("p22-figure-7"), |usage| usage == Usage::DaneEe);
    figure(world, answer("p22-figure-8"), |usage| matches!(usage, Usage::DaneTa | Usage::Both));
    intermediates_by_day(world, answer("p22-figure-8"));
    newcomers(world, answer("p22-table-4"));
}

/// What explains an unmatched set on a day, found by looking at every chain that the server ever showed.
struct Explained {
    label: Option<WrongField>,
    earlier: bool,
    expired: bool,
    later: bool,
}

/// Matches and labels, each found out once.
struct Oracle<'p> {
    history: &'p History,
    facts: Facts<'p>,
    matches: HashMap<(SetId, ChainId), bool>,
    labels: HashMap<(SetId, ChainId), Option<WrongField>>,
}

impl Oracle<'_> {
    fn matches(&mut self, set: SetId, chain: ChainId) -> bool {
        let (history, facts) = (self.history, &mut self.facts);
        *self.matches.entry((set, chain)).or_insert_with(|| paper_match(facts.certificates(chain), history.records(set), &[]) == Some(true))
    }

    fn explain(&mut self, stretches: &[Stretch], rounds: &[i64], at: i64, set: SetId, chain: ChainId) -> Explained {
        let (history, facts) = (self.history, &mut self.facts);
        let label = *self.labels.entry((set, chain)).or_insert_with(|| wrong_field(facts.certificates(chain), history.records(set)));
        let mut explained = Explained { label, earlier: false, expired: false, later: false };
        for stretch in stretches {
            let Ok(other) = stretch.sight.chain else { continue };
            if !self.matches(set, other) {
                continue;
            }
            let seen = |when: &dyn Fn(i64) -> bool| rounds.iter().any(|round| (stretch.from..stretch.to).contains(round) && when(*round));
            explained.later |= seen(&|round| round > at);
            if seen(&|round| round < at) {
                explained.earlier = true;
                // Only leaves expire in the lab.
                let leaf = self.facts.certificates(other)[..1].to_vec();
                let of_leaf: Vec<_> = self.history.records(set).iter().filter(|record| record.usage % 2 == 1).cloned().collect();
                let until = Certificate::parse(&leaf[0].0).unwrap().not_after.unwrap();
                explained.expired |= paper_match(&leaf, &of_leaf, &[]) == Some(true) && until < at;
            }
        }
        explained
    }
}

fn word_of(label: WrongField) -> &'static str {
    match label {
        WrongField::UndefinedValue => "undefined-value",
        WrongField::Usage => "usage",
        WrongField::Selector => "selector",
        WrongField::MatchingType => "matching-type",
        WrongField::DigestOfNothing => "digest-of-nothing",
        WrongField::Pem => "pem",
        WrongField::CopyPaste => "copy-paste",
    }
}

fn is_field(label: WrongField) -> bool {
    label <= WrongField::MatchingType
}

/// Figure 5 and wrong fields.
fn unmatched(world: &World, outdated: &Answer, wrong_fields: &Answer) {
    let history = world.history();
    let mut oracle = Oracle { history, facts: Facts::new(&world.planted), matches: HashMap::new(), labels: HashMap::new() };
    let (of_server, rounds) = (classes(&world.planted), history.rounds(0));
    let stretches: Vec<Vec<Stretch>> = (0..of_server.len()).map(|server| history.stretches(server, 0)).collect();
    let mut figure: [BTreeMap<String, Vec<Share>>; 2] = Default::default();
    // By view, class, whether ever or on the last day, and label: servers.
    let mut labels: BTreeMap<(usize, &str, bool, &str), BTreeSet<usize>> = BTreeMap::new();
    let last = world.days.len() - 1;
    for (number, (day, facts)) in world.days.iter().enumerate() {
        let mut counts: BTreeMap<(usize, &str), [u64; 4]> = BTreeMap::new();
        for (server, fact) in facts.iter().enumerate() {
            let Some(fact) = fact.filter(|fact| fact.matches == Some(false)) else { continue };
            let (set, chain) = (fact.sight.tlsa.unwrap().set, fact.sight.chain.unwrap());
            let found = oracle.explain(&stretches[server], &rounds, *day, set, chain);
            for (view, class) in [0, 1].into_iter().flat_map(|view| of_server[server].iter().map(move |class| (view, *class))) {
                let label = found.label.filter(|label| view == 1 || is_field(*label)).map_or("unknown", word_of);
                labels.entry((view, class, true, label)).or_default().insert(server);
                if number == last {
                    labels.entry((view, class, false, label)).or_default().insert(server);
                }
                if label == "unknown" {
                    let counts = counts.entry((view, class)).or_default();
                    let found = [true, found.earlier, found.expired, found.later];
                    counts.iter_mut().zip(found).for_each(|(count, found)| *count += u64::from(found));
                }
            }
        }
        for (view, class) in [0, 1].into_iter().flat_map(|view| CLASSES.map(|class| (view, class))) {
            let [of, earlier, expired, later] = counts.get(&(view, class)).copied().unwrap_or_default();
            let shares = [earlier, expired, later].map(|count| Share::new(count, of));
            figure[view].insert(format!("{day} {class}"), shares[..if view == 0 { 1 } else { 3 }].to_vec());
        }
    }
    let met: Vec<u64> = (0..3).map(|i| figure[1].values().map(|shares| shares[i].count).sum()).collect();
    assert!(met.iter().all(|count| *count > 0), "something is earlier, expired, later: {met:?}");
    for (expected, view) in figure.iter().zip([View::Paper, View::Ours]) {
        assert_eq!(&rows(outdated, "by-day", view), expected, "{view:?}");
    }
    for (number, view) in [View::Paper, View::Ours].into_iter().enumerate() {
        let found = rows(wrong_fields, "labels", view);
        let words: BTreeSet<&str> = found.keys().map(|key| key.split_once(' ').unwrap().1).collect();
        for (class, word) in CLASSES.into_iter().flat_map(|class| words.iter().map(move |word| (class, *word))) {
            let share = |ever: bool| {
                let of = labels.iter().filter(|((v, c, e, _), _)| (*v, *c, *e) == (number, class, ever)).flat_map(|(_, servers)| servers);
                let count = labels.get(&(number, class, ever, word)).map_or(0, BTreeSet::len) as u64;
                Share::new(count, of.collect::<BTreeSet<_>>().len() as u64)
            };
            assert_eq!(found[&format!("{class} {word}")], [share(false), share(true)], "{view:?} {class} {word}");
        }
        assert_eq!(words.len(), if view == View::Paper { 5 } else { 8 });
    }
    let fields =
        labels.keys().filter(|(view, class, _, _)| (*view, *class) == (1, "all")).map(|(.., label)| *label).collect::<BTreeSet<_>>();
    assert!(fields.len() > 4, "several labels occur: {fields:?}");
}

/// Section 5.2.2, by the plan: records of servers that are there on the last day.
fn parameters(world: &World, answer: &Answer) {
    let (history, of_server) = (world.history(), classes(&world.planted));
    let (_, facts) = world.days.last().unwrap();
    for view in [View::Paper, View::Ours] {
        let mut expected: BTreeMap<String, Vec<Share>> = BTreeMap::new();
        for class in CLASSES {
            let mut counts: BTreeMap<String, [u64; 3]> = BTreeMap::new();
            let (mut servers, mut records) = (0, 0);
            for fact in facts.iter().zip(&of_server).filter(|(_, classes)| classes.contains(class)).filter_map(|(fact, _)| fact.as_ref()) {
                let set = history.records(fact.sight.tlsa.unwrap().set);
                let chain = fact.sight.chain.ok().map(|chain| history.certificates(chain));
                let mut values: Vec<(String, Option<bool>)> = Vec::new();
                for record in set {
                    let fits = chain.as_ref().and_then(|chain| paper_match(chain, std::slice::from_ref(record), &[]));
                    let matches = if view == View::Paper { fact.matches } else { fits };
                    values.push((format!("usage {}", record.usage), matches));
                    values.push((format!("selector {}", record.selector), matches));
                    values.push((format!("matching-type {}", record.matching), matches));
                }
                if view == View::Paper {
                    values.sort();
                    values.dedup();
                }
                let usages: BTreeSet<String> = set.iter().map(|record| record.usage.to_string()).collect();
                values.push((format!("usages {}", usages.into_iter().collect::<Vec<_>>().join(" ")), fact.matches));
                for (value, matches) in values {
                    let [count, wrong, of] = counts.entry(value).or_default();
                    *count += 1;
                    *wrong += u64::from(matches == Some(false));
                    *of += u64::from(matches.is_some());
                }
                servers += 1;
                records += set.len() as u64;
            }
            for (value, [count, wrong, with]) in counts {
                let of = if view == View::Paper || value.starts_with("usages") { servers } else { records };
                expected.insert(format!("{class} {value}"), vec![Share::new(count, of), Share::new(wrong, with)]);
            }
        }
        assert!(expected.len() > 20);
        assert_eq!(rows(answer, "last-day", view), expected, "{view:?}");
    }
}

fn ttls(world: &World, answer: &Answer) {
    let truth = world.history().truth();
    let has = |facts: &Vec<Option<Fact>>, below: u32| {
        let with = facts.iter().zip(truth).filter(|(fact, _)| fact.is_some());
        with.filter(|(_, truth)| truth.ttl < below).count() as u64
    };
    for view in [View::Paper, View::Ours] {
        let looked = if view == View::Paper { &world.days[..] } else { &world.days[world.days.len() - 1..] };
        let table = answer.tables.iter().find(|table| table.view == view).unwrap();
        for row in &table.rows {
            let [Cell::Count(below), Cell::Share(share)] = row[..] else { panic!("{row:?}") };
            let sum = |below: u32| looked.iter().map(|(_, facts)| has(facts, below)).sum::<u64>();
            assert_eq!(share, Share::new(sum(below as u32), sum(u32::MAX)), "{view:?} {below}");
        }
    }
}

/// The common name of who issued the leaf of a chain.
fn issuer(history: &History, chain: ChainId) -> Option<String> {
    let leaf = history.certificates(chain).into_iter().next()?;
    Certificate::parse(&leaf.0).unwrap().issuer_common_names().into_iter().next()
}

fn is_lets_encrypts(name: &str) -> bool {
    name == "R3" || name == "Let's Encrypt Authority X3"
}

fn issuers(world: &World, answer: &Answer) {
    let history = world.history();
    let (_, facts) = world.days.last().unwrap();
    let (mut by_usages, mut by_issuer): (BTreeMap<String, Share>, BTreeMap<String, u64>) = Default::default();
    for (fact, truth) in facts.iter().zip(history.truth()) {
        let Some(Ok(chain)) = fact.map(|fact| fact.sight.chain) else { continue };
        let name = issuer(history, chain).unwrap();
        let records = history.records(fact.unwrap().sight.tlsa.unwrap().set);
        let usages: BTreeSet<String> = records.iter().map(|record| record.usage.to_string()).collect();
        let usages = usages.into_iter().collect::<Vec<_>>().join(" ");
        *by_usages.entry(usages).or_default() += Share::new(u64::from(is_lets_encrypts(&name)), 1);
        *by_issuer.entry(if name == truth.host { "(self-signed)".to_owned() } else { name }).or_default() += 1;
    }
    let all: u64 = by_issuer.values().sum();
    let expected = by_issuer.into_iter().map(|(name, count)| (name, vec![Share::new(count, all)]));
    assert_eq!(rows(answer, "by-issuer", View::Paper), expected.collect());
    let expected = by_usages.into_iter().map(|(usages, share)| (usages, vec![Share::new(share.of, share.of), share]));
    assert_eq!(rows(answer, "by-usages", View::Paper), expected.collect());
    let ours = answer.tables.iter().find(|table| table.name == "by-usages" && table.view == View::Ours).unwrap();
    assert!(ours.rows.iter().all(|row| row[2] == Cell::Nothing), "nobody knows, and nobody says 0");
}

/// Figures 7 and 8: of every server, what had come of its renewals by each day.
fn figure(world: &World, answer: &Answer, wanted: impl Fn(Usage) -> bool) {
    let id = answer.about.id;
    let history = world.history();
    let mut expected: [BTreeMap<String, Vec<Share>>; 2] = Default::default();
    let mut theirs: Vec<Vec<&ChangeTruth>> = Vec::new();
    for (server, truth) in history.truth().iter().enumerate().filter(|(_, truth)| wanted(truth.usage)) {
        let stretches = history.stretches(server, 0);
        let is_theirs = |change: &&ChangeTruth| {
            let judged = ["early-retirement", "late-after", "late-same-time", "late-in-between", "never-introduced", "correct"];
            let shown = stretches.iter().find(|stretch| (stretch.from..stretch.to).contains(&change.at));
            let chain = shown.and_then(|stretch| stretch.sight.chain.ok());
            let name = chain.and_then(|chain| issuer(history, chain));
            change.grade.is_some_and(|grade| judged.contains(&grade)) && name.is_some_and(|name| is_lets_encrypts(&name))
        };
        theirs.push(truth.changes.iter().filter(is_theirs).collect());
    }
    for (day, _) in &world.days {
        let so_far = |at: i64| at < day + 86_400;
        let count = |is: &dyn Fn(&ChangeTruth) -> bool| {
            theirs.iter().filter(|changes| changes.iter().any(|change| so_far(change.at) && is(change))).count() as u64
        };
        let judged = count(&|_| true);
        let grade = |change: &ChangeTruth| change.grade.unwrap();
        let mended = |change: &ChangeTruth| change.mended.is_none_or(so_far);
        let early = count(&|change| grade(change) == "early-retirement");
        let late =
            [count(&|change| grade(change).starts_with("late")), count(&|change| grade(change).starts_with("late") && mended(change))];
        let never = [
            count(&|change| grade(change) == "never-introduced"),
            count(&|change| grade(change) == "never-introduced" || grade(change) == "late-after" && !mended(change)),
        ];
        for view in 0..2 {
            let shares = [early, late[view], never[view]].map(|count| Share::new(count, judged));
            expected[view].insert(day.to_string(), [&[Share::new(judged, judged)], &shares[..]].concat());
        }
    }
    for (expected, view) in expected.iter().zip([View::Paper, View::Ours]) {
        assert_eq!(&rows(answer, "by-day", view), expected, "{id} {view:?}");
    }
    let last = expected[0].values().last().unwrap();
    assert!(last[0].count > 2 && last[1..].iter().any(|share| share.count > 0), "{id}: there is something to find: {last:?}");
}

fn intermediates_by_day(world: &World, answer: &Answer) {
    let history = world.history();
    let mut names: HashMap<ChainId, Option<String>> = HashMap::new();
    let mut counts: BTreeMap<(i64, String), u64> = BTreeMap::new();
    for (day, facts) in &world.days {
        for fact in facts.iter().flatten() {
            let records = history.records(fact.sight.tlsa.unwrap().set);
            let usages: BTreeSet<u8> = records.iter().map(|record| record.usage).collect();
            let Some(chain) = fact.sight.chain.ok().filter(|_| usages == [2].into() || usages == [2, 3].into()) else { continue };
            let name = names.entry(chain).or_insert_with(|| issuer(history, chain)).clone();
            if let Some(name) = name.filter(|name| is_lets_encrypts(name)) {
                *counts.entry((*day, name)).or_default() += 1;
            }
        }
    }
    let issuers: BTreeSet<String> = counts.keys().map(|(_, name)| name.clone()).collect();
    assert_eq!(issuers.len(), 2, "{issuers:?}");
    let mut expected = BTreeMap::new();
    for (day, _) in &world.days {
        let of = |name: &String| counts.get(&(*day, name.clone())).copied().unwrap_or(0);
        let all = issuers.iter().map(of).sum();
        expected.extend(issuers.iter().map(|name| (format!("{day} {name}"), vec![Share::new(of(name), all)])));
    }
    assert_eq!(rows(answer, "by-issuer", View::Paper), expected);
}

/// Table 4, by the lab's own count.
fn newcomers(world: &World, answer: &Answer) {
    let truth = world.history().counts().table4;
    for view in [View::Paper, View::Ours] {
        let newcomers = rows(answer, "newcomers", view);
        assert_eq!(newcomers["newcomers"], [Share::new(truth.servers, world.history().truth().len() as u64)]);
        assert_eq!(newcomers["incorrect"], [Share::new(truth.incorrect, truth.servers)]);
        assert_eq!(newcomers["no-data"][0].count, 0, "in the lab every server begins with a certificate");
        let causes = rows(answer, "causes", view);
        let counts = ["insecure", "bogus", "wrong-fields", "unknown-mismatch"].map(|cause| causes[cause][0]);
        let expected = [truth.insecure, 0, truth.wrong_fields, truth.unknown_mismatch].map(|count| Share::new(count, truth.incorrect));
        assert_eq!(counts, expected);
        let start = world.history().config().start + 120 * 86_400 * 15 / 100;
        let count = |is: &dyn Fn(&ServerTruth) -> bool| {
            let newcomers = world.history().truth().iter().filter(|truth| truth.appears >= start);
            newcomers.filter(|truth| is(truth)).count() as u64
        };
        for label in ["digest-of-nothing", "pem", "copy-paste"] {
            assert_eq!(causes[label][0].count, count(&|truth| truth.wrong_field == Some(label)), "{label}");
        }
        // Such a set names, by usage 2, a key that is no issuer's.
        let unexplained = |truth: &ServerTruth| truth.profile == Profile::NeverMatched && truth.wrong_field.is_none();
        let other_key = count(&|truth| unexplained(truth) && truth.usage.numbers().1 == Some(2));
        assert_eq!(causes["usage-2-other-key"][0].count, other_key);
        assert!(other_key > 0, "none is planted");
    }
    assert!(truth.insecure > 0 && truth.unknown_mismatch > 0, "{truth:?}");
}

/// Table 3 by class, with domains, and the rate per rollover.
pub fn table_3(World { planted, days }: &World) {
    let answer = answers(&planted.archive, &settings(), &[find("p22-rollover").unwrap()]).unwrap().remove(0);
    let (history, of_server) = (&planted.history, classes(planted));
    let last = days.last().unwrap().0;
    let judged = |server: usize| matches!(history.truth()[server].verdict, ServerVerdict::Wrong | ServerVerdict::Correct);
    let wrong = |server: usize| history.truth()[server].verdict == ServerVerdict::Wrong;
    let stays: Vec<_> = planted.stays.iter().filter(|stay| (history.day(stay.from)..history.day(stay.to)).contains(&last)).collect();
    let with_records = stays.iter().filter(|stay| stay.mx.iter().any(|server| history.is_there(*server, last)));
    let stays: Vec<_> = with_records.collect();
    let table = rows(&answer, "by-class", View::Paper);
    let rates = rows(&answer, "by-class", View::Ours);
    let table3 = history.counts().table3;
    for class in CLASSES {
        let row = &table[class];
        let theirs = |server: &usize| of_server[*server].contains(class);
        let domains = |is: &dyn Fn(usize) -> bool| {
            let membership = |stay: &lab::history::Stay| memberships(stay).into_iter().find(|(word, _)| *word == class);
            stays.iter().filter(|stay| membership(stay).is_some_and(|(_, servers)| servers.into_iter().any(is))).count() as u64
        };
        assert_eq!(row[0], Share::new(domains(&wrong), domains(&judged)), "{class}");
        let never: Vec<usize> = (0..of_server.len())
            .filter(theirs)
            .filter(|server| {
                wrong(*server) && history.truth()[*server].has("never-introduced") && !history.truth()[*server].has("late-after")
            })
            .collect();
        let stale = |server: &&usize| {
            let sets: BTreeSet<SetId> =
                history.stretches(**server, 0).iter().filter_map(|s| s.sight.tlsa).map(|answer| answer.set).collect();
            sets.len() == 1
        };
        assert_eq!(row[6], Share::new(never.iter().filter(stale).count() as u64, never.len() as u64), "{class}");
        let grades =
            (0..of_server.len()).filter(theirs).flat_map(|server| &history.truth()[server].changes).filter_map(|change| change.grade);
        let mut by_grade: BTreeMap<&str, u64> = BTreeMap::new();
        grades.for_each(|grade| *by_grade.entry(grade).or_default() += 1);
        let of = |prefix: &str| by_grade.iter().filter(|(grade, _)| grade.starts_with(prefix)).map(|(_, count)| count).sum::<u64>();
        let (early, late, never) = (of("early"), of("late"), of("never-introduced"));
        let (wrong, all) = (early + late + never, early + late + never + of("correct"));
        let shares = [early, late, never].map(|count| Share::new(count, wrong));
        assert_eq!(rates[class], [&[Share::new(all, all), Share::new(wrong, all)], &shares[..]].concat(), "{class}");
    }
    // By the lab's own count.
    for class in [Class::Outsourced, Class::OwnMail, Class::Own] {
        let (row, truth) = (&table[word(class)], table3.get(&class).copied().unwrap_or_default());
        let shares = [truth.early, truth.late, truth.never].map(|count| Share::new(count, truth.wrong));
        assert_eq!(row[1..6], [&[Share::new(truth.servers, truth.servers), Share::new(truth.wrong, truth.servers)], &shares[..]].concat());
        assert!(truth.wrong > 0, "{class:?}: {truth:?}");
    }
    usages_and_places(history, &answer);
}

/// Judged changes by usages, and that everybody has a place.
fn usages_and_places(history: &History, answer: &Answer) {
    let mut by_usages: BTreeMap<String, Vec<Share>> = BTreeMap::new();
    for truth in history.truth() {
        let (leaf, issuer) = truth.usage.numbers();
        let usages: Vec<String> = [issuer, leaf].into_iter().flatten().map(|usage| usage.to_string()).collect();
        for grade in truth.changes.iter().filter_map(|change| change.grade) {
            let wrong = ["early", "late", "never-introduced"].iter().any(|prefix| grade.starts_with(prefix));
            if wrong || grade == "correct" {
                by_usages.entry(usages.join(" ")).or_insert_with(|| vec![Share::default()])[0] += Share::new(u64::from(wrong), 1);
            }
        }
    }
    assert_eq!(rows(answer, "by-usages", View::Ours), by_usages);
    let funnel = rows(answer, "funnel", View::Paper);
    let verdicts = history.counts().verdicts;
    let not = verdicts.get(&ServerVerdict::NotARollover).copied().unwrap_or(0);
    assert_eq!(funnel["keys changed that records name"][0].count, funnel["keys changed"][0].count - not);
    let sum: u64 = rows(answer, "verdicts", View::Paper).values().map(|shares| shares[0].count).sum();
    assert_eq!(sum, history.truth().len() as u64, "nobody is in no place");
}
