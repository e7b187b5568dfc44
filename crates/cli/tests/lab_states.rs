//! `lab history --form states`: the states say what the timeline says, and what the form of the studies says of the same history.

use archive::import::dane_study::{Line, Parser, Row, read};
use archive::states::model::{ChainId, DomainId, ServerId, ServerSeen, ServerState, WordId};
use archive::states::{Answer, Archive, Columns, History};
use dane::Epoch;
use dane::dns::Security;
use dane::observation::CertificateBytes;
use dane::paper::{paper_match, paper_valid};
use dane::tlsa::Tlsa;
use lab::history::domains::{Domains, DomainsConfig};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

fn made(out: &Path, options: &[&str]) -> Value {
    let fixed = ["lab", "history", "--json", "--out", out.to_str().unwrap()];
    let output = Command::new(env!("CARGO_BIN_EXE_danelaw")).args(fixed).args(options).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An archive with its content at hand.
struct Known {
    archive: Archive,
    history: History<ServerId, ServerSeen>,
    sets: Vec<Vec<Tlsa>>,
    chains: Vec<Vec<CertificateBytes>>,
}

impl Known {
    fn open(root: &Path) -> Self {
        let archive = Archive::open(root).unwrap();
        assert_eq!(archive.verify().unwrap().faults, Vec::<String>::new());
        let mut ders = Vec::new();
        archive.ders(|_, cert| ders.push(CertificateBytes((&*cert.der).into()))).unwrap();
        let of = |chain: &archive::states::model::Chain| chain.certs.iter().map(|c| ders[c.number() as usize - 1].clone()).collect();
        let chains = archive.chains().unwrap().iter().map(of).collect();
        let sets = archive.tlsa_sets().unwrap().into_iter().map(|set| set.records.into_vec()).collect();
        Self { history: archive.server_history().unwrap(), archive, sets, chains }
    }

    fn word(&self, word: Option<WordId>) -> Option<&str> {
        word.map(|word| self.archive.parts().text(word))
    }

    fn set(&self, seen: &ServerSeen) -> Option<&[Tlsa]> {
        seen.tlsa_set.map(|set| &*self.sets[set.number() as usize - 1])
    }

    fn chain(&self, chain: Option<ChainId>) -> &[CertificateBytes] {
        chain.map_or(&[], |chain| &self.chains[chain.number() as usize - 1])
    }

    fn server(&self, host: &str) -> ServerId {
        let place = self.archive.servers().iter().position(|key| &*key.host == host && key.port == 25).unwrap();
        ServerId::new(u32::try_from(place).unwrap() + 1).unwrap()
    }

    /// That a state's verdict is what the rules of the studies say at this time.
    fn judge(&self, state: &ServerState, at: Epoch) {
        let (chain, records) = (self.chain(state.seen.chain), self.set(&state.seen).unwrap_or_default());
        let roots = roots_of(at);
        let status = state.seen.dnssec.unwrap_or(Security::Indeterminate);
        let expected = (paper_match(chain, records, &roots), paper_valid(status, chain, records, &roots, at));
        assert_eq!((state.seen.verdict.paper_match, state.seen.verdict.paper_valid), expected, "{state:?} at {at}");
    }
}

fn roots_of(at: Epoch) -> std::sync::Arc<[CertificateBytes]> {
    static LAST: std::sync::Mutex<Option<roots::Store>> = std::sync::Mutex::new(None);
    let mut last = LAST.lock().unwrap();
    let store = last.take().filter(|store| store.covers(at)).unwrap_or_else(|| roots::at(at));
    last.insert(store).certificates.clone()
}

/// That the archive has what a line of the studies' form says.
fn agrees(known: &Known, row: &Row) {
    let vantage = known.archive.parts().find_word(&row.city).unwrap();
    let host = row.host.to_string();
    let Answer::Seen(state) = known.history.at(known.server(&host), vantage, row.hour) else { panic!("{host} at {}", row.hour) };
    let seen = &state.seen;
    match &row.tlsa {
        None => assert_eq!((seen.tlsa_set, seen.dnssec, seen.ttl), (None, None, None), "{host} at {}", row.hour),
        Some(tlsa) => {
            let mut records = tlsa.records.clone();
            records.sort_by_key(|r| (r.usage, r.selector, r.matching, r.data.clone()));
            assert_eq!(known.set(seen), Some(&*records));
            assert_eq!((seen.dnssec, seen.ttl, seen.signed), (Some(tlsa.status), Some(tlsa.ttl), Some(tlsa.signed)));
            assert_eq!(known.word(seen.reason), tlsa.why_bogus.map(|why| why.code()));
        }
    }
    match &row.starttls {
        Ok(chain) => assert_eq!((known.chain(seen.chain), known.word(seen.smtp_status)), (&**chain, Some("ok"))),
        Err(failure) => {
            let code = failure.text.get(..3).and_then(|text| text.parse().ok());
            assert_eq!((seen.chain, seen.smtp_code), (None, code), "{failure:?}");
            assert_ne!(known.word(seen.smtp_status), Some("ok"));
        }
    }
    known.judge(state, row.hour);
}

#[test]
fn states_say_what_the_form_of_the_studies_says() {
    let directory = tempfile::tempdir().unwrap();
    let [states, study] = ["states", "study"].map(|name| directory.path().join(name));
    let options = ["--servers", "12", "--days", "24", "--vantages", "2", "--seed", "1"];
    let said = made(&states, &[&options[..], &["--form", "states"]].concat());
    made(&study, &options);
    assert_eq!(std::fs::read(states.join("truth.json")).unwrap(), std::fs::read(study.join("truth.json")).unwrap());
    let known = Known::open(&states);
    let mut parser = Parser::new();
    let (mut rows, mut files) = (0, 0);
    for city in ["virginia", "oregon"] {
        for entry in std::fs::read_dir(study.join(city)).unwrap() {
            let each = |line| match line {
                Line::Row(row) => agrees(&known, &row),
                Line::Bad(bad) => panic!("{bad:?}"),
            };
            rows += read(&entry.unwrap().path(), &mut parser, each).unwrap().rows;
            files += 1;
        }
    }
    // And nothing else.
    let verified = known.archive.verify().unwrap();
    assert_eq!((verified.observations, verified.rounds), (rows, files));
    assert_eq!((said["states"]["observations"].as_u64(), said["states"]["rounds"].as_u64()), (Some(rows), Some(files)));
    let missed = |vantage: &str| known.history.rounds(known.archive.parts().find_word(vantage).unwrap()).len() < 24 * 24;
    assert!(missed("virginia") && missed("oregon"), "a history without missed rounds shows little");
    // Files of another history are not mixed with these.
    let again = Command::new(env!("CARGO_BIN_EXE_danelaw"))
        .args(["lab", "history", "--form", "states", "--out", states.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("name another directory"));
}

#[test]
fn verdicts_change_when_certificates_expire() {
    let directory = tempfile::tempdir().unwrap();
    made(directory.path(), &["--servers", "150", "--days", "440", "--form", "states", "--signatures"]);
    let known = Known::open(directory.path());
    let here = known.archive.parts().find_word("virginia").unwrap();
    let slots: Vec<Epoch> = known.history.rounds(here).iter().map(|round| round.scheduled_s).collect();
    let mut expired = 0;
    for key in (1..=150).filter_map(ServerId::new) {
        let states = known.history.states(key, here);
        for state in states {
            let last = slots[slots.partition_point(|slot| *slot < state.span.valid_to_s) - 1];
            known.judge(state, state.span.valid_from_s);
            known.judge(state, last);
            // The signature of the first day, and of the last.
            let day = |at: Epoch| at - at.rem_euclid(86_400);
            let expected = (state.seen.signed == Some(true)).then(|| (day(state.span.valid_from_s) - 86_400, day(last) + 14 * 86_400));
            assert_eq!((state.notes.sig_inception_s, state.notes.sig_expiration_s), (expected.map(|w| w.0), expected.map(|w| w.1)));
        }
        let only_validity = |pair: &&[ServerState]| {
            let same = ServerSeen { verdict: pair[0].seen.verdict, ..pair[1].seen };
            same == pair[0].seen && pair[0].seen.verdict.paper_valid != pair[1].seen.verdict.paper_valid
        };
        expired += states.windows(2).filter(only_validity).count();
    }
    assert!(expired > 0, "nothing expired");
}

#[test]
fn daily_states_of_domains_are_those_of_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let options = ["--servers", "0", "--domains", "3000", "--days", "20", "--moves", "100", "--seed", "7", "--form", "states"];
    let said = made(directory.path(), &options);
    let domains = Domains::new(DomainsConfig { domains: 3000, days: 20, seed: 7, moves: 100 });
    let archive = Archive::open(directory.path()).unwrap();
    assert_eq!(archive.verify().unwrap().faults, Vec::<String>::new());
    let mut states = Vec::new();
    archive.domain_states(Columns::All, |rows| states.extend_from_slice(rows)).unwrap();
    let history = History::new(archive.snapshots().iter().copied(), states);
    let daily = archive.parts().find_word("daily").unwrap();
    let (mx_sets, ns_sets, names) = (archive.mx_sets().unwrap(), archive.ns_sets().unwrap(), archive.domains().unwrap());
    let mut seen = 0;
    for (place, name) in names.iter().enumerate() {
        let key = DomainId::new(u32::try_from(place).unwrap() + 1).unwrap();
        let number: u32 = name.domain[1..name.domain.find('.').unwrap()].parse().unwrap();
        for day in 0..20 {
            let answer = history.at(key, daily, archive.snapshots()[0].scheduled_s + i64::from(day) * 86_400);
            let Some(expected) = domains.state(number, day) else {
                assert_eq!(answer, Answer::NobodyThere, "{name:?} on day {day}");
                continue;
            };
            let Answer::Seen(state) = answer else { panic!("{name:?} on day {day}: {answer:?}") };
            seen += 1;
            let hosts = &mx_sets[state.seen.mx_set.unwrap().number() as usize - 1].hosts;
            assert_eq!(hosts.iter().map(|(_, host)| &**host).collect::<Vec<_>>(), expected.mx);
            assert_eq!(*ns_sets[state.seen.ns_set.unwrap().number() as usize - 1].hosts[0], *expected.ns);
            let tlsa = expected.tlsa.iter().filter(|has| **has).count();
            assert_eq!((usize::from(state.seen.tlsa), state.seen.ds, state.seen.hosts), (tlsa, Some(expected.signed), 2));
        }
    }
    assert_eq!(said["states"]["observations"], seen);
    assert_eq!(names.len(), (0..3000).filter(|number| (0..20).any(|day| domains.state(*number, day).is_some())).count());
}
