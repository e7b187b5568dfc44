//! P22 sections 4 and 5: classes, and what is wrong in each.

use crate::planted::{Planted, settings};
use crate::reference::{Fact, Is, World, classes, memberships, rows};
use analysis::Share;
use analysis::questions::find;
use analysis::study::{Answer, Settings, View, answers};
use lab::history::{Dnssec, Stay};
use std::collections::BTreeMap;

const CLASSES: [&str; 5] = ["SO", "SSDO", "SSDS", "unclassified", "all"];

/// All of it.
pub fn check(world: &World) {
    who_manages_whom(world);
    table_2_and_figure_3(world);
    figure_4(world);
    table_1_and_figure_2(world);
}

fn ask(planted: &Planted, ids: &[&str]) -> Vec<Answer> {
    let questions: Vec<_> = ids.iter().map(|id| find(id).unwrap()).collect();
    answers(&planted.archive, &settings(), &questions).unwrap()
}

/// Domains with records on a day.
fn here(planted: &Planted, day: i64) -> impl Iterator<Item = &Stay> {
    let history = &planted.history;
    let there = move |stay: &&Stay| {
        (history.day(stay.from)..history.day(stay.to)).contains(&day) && stay.mx.iter().any(|server| history.is_there(*server, day))
    };
    planted.stays.iter().filter(there)
}

/// Counts what something is: valid, invalid, unseen.
fn count(sums: &mut [u64; 3], is: Option<Is>) {
    if let Some(is) = is {
        sums[match is {
            Is::Valid => 0,
            Is::Invalid => 1,
            Is::Unseen => 2,
        }] += 1;
    }
}

/// As cells: the share that is invalid, and in our view how many were not seen.
fn cells(view: View, [valid, invalid, unseen]: [u64; 3]) -> Vec<Share> {
    let mut cells = vec![Share::new(invalid, valid + invalid)];
    cells.extend((view == View::Ours).then(|| Share::new(unseen, unseen)));
    cells
}

fn of_domain(facts: &[Option<Fact>], servers: &[usize], view: View) -> Option<Is> {
    servers.iter().filter_map(|server| facts[*server].as_ref()?.is(view)).max()
}

fn who_manages_whom(World { planted, days }: &World) {
    let answer = ask(planted, &["p22-managing"]).remove(0);
    let mut expected = BTreeMap::new();
    for (day, _) in days {
        let all = here(planted, *day).count() as u64;
        for class in &CLASSES[..4] {
            let theirs = here(planted, *day).filter(|stay| memberships(stay).iter().any(|(word, _)| word == class)).count() as u64;
            expected.insert(format!("{day} {class}"), vec![Share::new(theirs, all)]);
        }
    }
    for view in [View::Paper, View::Ours] {
        assert_eq!(rows(&answer, "by-class", view), expected);
        let last = rows(&answer, "last-day", view);
        let unclassified = expected.iter().rfind(|(key, _)| key.ends_with("unclassified")).unwrap().1[0];
        assert_eq!(last["unknown"][0], unclassified, "in the lab nobody knows mail hosts only");
        assert_eq!(last["own"][1].count + last["outsourced"][1].count, last["own"][0].count);
    }
    let first = expected.values().map(|shares| shares[0].count).min().unwrap();
    assert!(first > 0, "every class has domains on every day");
    // Nobody is large enough: then only owners are known.
    let few = Settings { many: 1_000_000, ..Settings::new() };
    let answer = answers(&planted.archive, &few, &[find("p22-managing").unwrap()]).unwrap().remove(0);
    let of_class =
        |word: &str| rows(&answer, "by-class", View::Paper).iter().filter(|(k, _)| k.ends_with(word)).map(|(_, s)| s[0].count).sum::<u64>();
    assert_eq!(of_class(" SO"), 0);
    assert!(of_class(" SSDS") > 0);
    assert!(of_class(" SSDO") > 0, "those whose name server is known by its name");
}

fn table_2_and_figure_3(World { planted, days }: &World) {
    let answer = ask(planted, &["p22-table-2"]).remove(0);
    let of_server = classes(planted);
    for view in [View::Paper, View::Ours] {
        let mut expected = BTreeMap::new();
        for (day, facts) in days {
            for class in CLASSES {
                let (mut servers, mut domains) = ([0; 3], [0; 3]);
                for (server, fact) in facts.iter().enumerate().filter(|(server, _)| of_server[*server].contains(class)) {
                    count(&mut servers, fact.as_ref().and_then(|fact| fact.is(view)));
                    let _ = server;
                }
                for stay in here(planted, *day) {
                    for (_, with) in memberships(stay).iter().filter(|(word, _)| *word == class) {
                        count(&mut domains, of_domain(facts, with, view));
                    }
                }
                expected.insert(format!("{day} {class}"), [cells(view, servers), cells(view, domains)].concat());
            }
        }
        assert_eq!(rows(&answer, "by-day", view), expected, "{view:?}");
        let (last, _) = days.last().unwrap();
        let of_last = rows(&answer, "last-day", view);
        CLASSES.iter().for_each(|class| assert_eq!(of_last[*class], expected[&format!("{last} {class}")]));
        assert!(CLASSES.iter().all(|class| of_last[*class][0].count > 0), "something is wrong in each: {of_last:?}");
    }
    assert_ne!(rows(&answer, "last-day", View::Paper)["all"][0], Share::default());
}

fn figure_4(World { planted, days }: &World) {
    let answer = ask(planted, &["p22-figure-4"]).remove(0);
    let of_server = classes(planted);
    let mut met = [0; 5];
    for view in [View::Paper, View::Ours] {
        let mut expected = BTreeMap::new();
        for (day, facts) in days {
            for class in CLASSES {
                let theirs =
                    facts.iter().zip(&of_server).filter(|(_, classes)| classes.contains(class)).filter_map(|(fact, _)| fact.as_ref());
                let invalid: Vec<&Fact> = theirs.filter(|fact| fact.is(view) == Some(Is::Invalid)).collect();
                let share = |is: &dyn Fn(&Fact) -> bool| {
                    let count = invalid.iter().filter(|fact| is(fact)).count() as u64;
                    Share::new(count, invalid.len() as u64)
                };
                let dnssec = |fact: &Fact| fact.sight.tlsa.unwrap().dnssec;
                let shares = vec![
                    share(&|fact| matches!(dnssec(fact), Dnssec::NoDs | Dnssec::Unsigned)),
                    share(&|fact| matches!(dnssec(fact), Dnssec::Bogus(_))),
                    share(&|fact| fact.matches == Some(false)),
                    share(&|fact| fact.sight.chain.is_err()),
                    share(&|fact| dnssec(fact) == Dnssec::Secure && fact.matches == Some(true)),
                ];
                shares.iter().zip(&mut met).for_each(|(share, met)| *met += share.count);
                expected.insert(format!("{day} {class}"), shares);
            }
        }
        assert_eq!(rows(&answer, "by-day", view), expected, "{view:?}");
    }
    assert!(met[0] > 0 && met[1] > 0 && met[2] > 0 && met[3] > 0, "every cause occurs: {met:?}");
}

fn table_1_and_figure_2(World { planted, days }: &World) {
    let found = ask(planted, &["p22-table-1", "p22-figure-2"]);
    let (day, facts) = days.last().unwrap();
    let tld = |stay: &Stay| stay.domain.rsplit('.').next().unwrap().to_owned();
    for view in [View::Paper, View::Ours] {
        let mut expected = BTreeMap::new();
        for word in ["com", "net", "org", "se"] {
            let (mut domains, mut hosts) = ([0; 3], [0; 3]);
            let mut servers: Vec<usize> = Vec::new();
            for stay in here(planted, *day).filter(|stay| tld(stay) == word) {
                count(&mut domains, of_domain(facts, &stay.mx, view));
                servers.extend(&stay.mx);
            }
            servers.sort_unstable();
            servers.dedup();
            servers.iter().for_each(|server| count(&mut hosts, facts[*server].as_ref().and_then(|fact| fact.is(view))));
            expected.insert(word.to_owned(), [cells(view, domains), cells(view, hosts)].concat());
        }
        assert_eq!(rows(&found[0], "last-day", view), expected);
        // Every point of the curves.
        let mut points: BTreeMap<(bool, u64), u64> = BTreeMap::new();
        for (server, fact) in facts.iter().enumerate() {
            let number = here(planted, *day).filter(|stay| stay.mx.contains(&server)).count() as u64;
            match fact.as_ref().and_then(|fact| fact.is(view)).filter(|_| number > 0) {
                Some(Is::Valid) => *points.entry((true, number)).or_default() += 1,
                Some(Is::Invalid) => *points.entry((false, number)).or_default() += 1,
                _ => {}
            }
        }
        let curve = found[1].tables.iter().find(|table| table.view == view).unwrap();
        assert_eq!(curve.rows.len(), points.len());
        for (validity, word) in [(true, "valid"), (false, "invalid")] {
            let all: Vec<(u64, u64)> = points.iter().filter(|((v, _), _)| *v == validity).map(|((_, served), n)| (*served, *n)).collect();
            let (servers, domains) = all.iter().fold((0, 0), |(s, d), (served, n)| (s + n, d + served * n));
            for (i, (served, _)) in all.iter().enumerate() {
                let (few, theirs) = all[..=i].iter().fold((0, 0), |(s, d), (served, n)| (s + n, d + served * n));
                let row = vec![word.into(), (*served).into(), Share::new(few, servers).into(), Share::new(theirs, domains).into()];
                assert!(curve.rows.contains(&row), "{row:?}");
            }
            assert!(all.len() > 1, "more than one size: {all:?}");
        }
    }
}
