//! Senders of every kind, as a test bed would see them.

use super::*;
use crate::name::Name;
use domain::base::iana::Rtype;

const CLIENT: &str = "192.0.2.10";
const RESOLVER: &str = "192.0.2.53";

fn zone() -> Name {
    Name::from_chars("dane-test.example.".chars()).unwrap()
}

fn asks(at_ms: u64, name: &str, rtype: Rtype, dnssec_ok: bool) -> Event {
    Event::Query(Query {
        at_ms,
        source: format!("{RESOLVER}:4000").parse().unwrap(),
        server: "203.0.113.1".parse().unwrap(),
        tcp: false,
        name: Name::from_chars(format!("{name}.").chars()).unwrap(),
        rtype,
        dnssec_ok,
        checking_disabled: false,
    })
}

/// A visit; `encrypted` is how the message came, if one did.
fn visits(at_ms: u64, scenario: &str, host: &str, encrypted: Option<bool>) -> Event {
    let recipients = vec![format!("test@k7.{scenario}.dane-test.example")];
    let mail = |encrypted| Mail { recipients: recipients.clone(), encrypted, octets: 100, headers: vec![] };
    Event::Visit(Visit {
        at_ms,
        source: format!("{CLIENT}:5000").parse().unwrap(),
        server: "203.0.113.1:25".parse().unwrap(),
        helo: Some("sender.example".to_owned()),
        starttls: encrypted != Some(false),
        sni: Some(format!("{host}.k7.{scenario}.dane-test.example")),
        tls: (encrypted == Some(true)).then(|| "TLSv1_3".to_owned()),
        tls_error: encrypted.is_none().then(|| "received fatal alert: BadCertificate".to_owned()),
        recipients: recipients.clone(),
        mails: encrypted.map(mail).into_iter().collect(),
    })
}

fn judge(scenario: &str, actions: &[Action], events: &[Event], until_ms: u64) -> Trial {
    let expected = Expected { scenario, actions, requirements: &[] };
    let events: Vec<&Event> = events.iter().collect();
    Trial::judge(&expected, &events, &zone(), Patience::INTERNET, until_ms)
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

#[test]
fn a_message_that_is_here_is_certain() {
    // R-033 rfc7672#2.2: usable TLSA records, so TLS and a match, or no delivery.
    let came = |encrypted| [visits(MINUTE, "s", "mx1", Some(encrypted))];
    for (actions, encrypted, ruling) in [
        (&[Action::Dane][..], true, Ruling::Kept),
        (&[Action::Dane], false, Ruling::TooLax),
        (&[Action::Enc], true, Ruling::Kept),
        (&[Action::Enc], false, Ruling::TooLax),
        (&[Action::Opp], true, Ruling::Kept),
        (&[Action::Opp], false, Ruling::Kept),
        (&[Action::Defer], true, Ruling::TooLax),
        (&[Action::Next, Action::Defer], true, Ruling::TooLax),
        (&[Action::Bounce], true, Ruling::TooLax),
    ] {
        let trial = judge("s", actions, &came(encrypted), 2 * MINUTE);
        assert_eq!((trial.ruling, trial.confidence), (ruling, Confidence::Certain), "{actions:?} {encrypted}");
    }
}

#[test]
fn the_host_that_must_be_passed_by_is_told_from_the_next() {
    let actions = [Action::Next, Action::Dane];
    assert_eq!(judge("s", &actions, &[visits(0, "s", "mx1", Some(true))], HOUR).ruling, Ruling::TooLax);
    let right = judge("s", &actions, &[visits(0, "s", "mx1", None), visits(10, "s", "mx2", Some(true))], HOUR);
    assert_eq!((right.ruling, right.tries), (Ruling::Kept, 1));
    // Where both hosts have one address, a client that names none leaves it open.
    let Event::Visit(mut nameless) = visits(0, "s", "mx2", Some(true)) else { panic!("a visit") };
    nameless.sni = None;
    assert_eq!(judge("s", &actions, &[Event::Visit(nameless)], HOUR).ruling, Ruling::CannotTellYet);
}

#[test]
fn silence_is_a_rejection_only_after_another_try_or_a_long_time() {
    let actions = [Action::Next, Action::Defer];
    let once = [visits(0, "s", "mx1", None)];
    assert_eq!(judge("s", &actions, &once, MINUTE).ruling, Ruling::CannotTellYet);
    let later = judge("s", &actions, &once, 5 * HOUR);
    assert_eq!((later.ruling, later.confidence), (Ruling::Kept, Confidence::Low));
    let again = [visits(0, "s", "mx1", None), visits(5 * MINUTE, "s", "mx1", None)];
    let trial = judge("s", &actions, &again, 6 * MINUTE);
    assert_eq!((trial.ruling, trial.confidence, trial.tries), (Ruling::Kept, Confidence::High, 2));
    assert_eq!(judge("s", &[Action::Dane], &again, 6 * MINUTE).ruling, Ruling::TooStrict);
    assert_eq!(judge("s", &actions, &[], 9 * HOUR).ruling, Ruling::CannotTellYet, "nothing was sent");
}

/// A visit to the reference host that brings back a message of this scenario.
fn brings_back(at_ms: u64, scenario: &str) -> Event {
    let Event::Visit(mut visit) = visits(at_ms, "valid", "mx1", Some(true)) else { panic!("a visit") };
    let home = Place { token: "k7".to_owned(), scenario: scenario.to_owned() }.bounces(&zone());
    visit.recipients = vec![home.clone()];
    visit.mails[0].recipients = vec![home];
    Event::Visit(visit)
}

#[test]
fn a_message_that_comes_back_was_not_kept_for_another_try() {
    // R-033 rfc7672#2.2: delivery is delayed where no server is usable.
    let events = [visits(0, "s", "mx1", None), brings_back(500, "s")];
    for (actions, ruling) in
        [(&[Action::Next, Action::Defer][..], Ruling::TooStrict), (&[Action::Dane], Ruling::TooStrict), (&[Action::Bounce], Ruling::Kept)]
    {
        let trial = judge("s", actions, &events, MINUTE);
        assert_eq!((trial.outcome, trial.ruling, trial.confidence), (Outcome::Returned, ruling, Confidence::Certain), "{actions:?}");
    }
    // Another scenario's is none of its business, and says nothing of where it arrived.
    assert_eq!(
        judge("s", &[Action::Next, Action::Defer], &[visits(0, "s", "mx1", None), brings_back(500, "t")], MINUTE).outcome,
        Outcome::Withheld
    );
    assert_eq!(judge("valid", &[Action::Dane], &[brings_back(500, "s")], MINUTE).outcome, Outcome::Withheld);
}

#[test]
fn who_breaks_off_and_delivers_all_the_same_only_audits() {
    let events = [visits(0, "s", "mx1", None), visits(1, "s", "mx1", Some(false))];
    let trial = judge("s", &[Action::Next, Action::Defer], &events, HOUR);
    assert!(trial.audits && trial.ruling == Ruling::TooLax);
    assert!(!judge("s", &[Action::Opp], &[visits(0, "s", "mx1", Some(true))], HOUR).audits);
}

/// The scenarios of the study, with what RFC 7672 wants.
const STUDY: [(&str, &[Action]); 13] = [
    ("valid", &[Action::Dane]),
    ("mx-rrsig-missing", &[Action::Defer]),
    ("mx-rrsig-wrong", &[Action::Defer]),
    ("mx-rrsig-expired", &[Action::Defer]),
    ("dnskey-missing", &[Action::Defer]),
    ("cert-expired-no-tlsa", &[Action::Opp]),
    ("cert-self-signed-no-tlsa", &[Action::Opp]),
    ("cert-name-mismatch-no-tlsa", &[Action::Opp]),
    ("starttls-refused", &[Action::Next, Action::Defer]),
    ("tlsa-wrong-usage", &[Action::Enc]),
    ("tlsa-wrong-selector", &[Action::Next, Action::Defer]),
    ("tlsa-wrong-matching-type", &[Action::Enc]),
    ("tlsa-wrong-data", &[Action::Next, Action::Defer]),
];

/// The row of a sender that delivers where this says so; what it does not deliver it tries twice.
fn row(validates_dnssec: bool, asks_tlsa: bool, delivers: impl Fn(&str) -> bool) -> Profile {
    let mut all: Vec<Event> = Vec::new();
    let mut trials = Vec::new();
    for (id, actions) in STUDY {
        let domain = format!("k7.{id}.dane-test.example");
        let mut events = vec![asks(0, &domain, Rtype::MX, validates_dnssec)];
        if validates_dnssec {
            events.extend([asks(1, &domain, Rtype::DNSKEY, true), asks(1, &domain, Rtype::DS, true)]);
        }
        if asks_tlsa {
            events.push(asks(2, &format!("_25._tcp.mx1.{domain}"), Rtype::TLSA, true));
        }
        if delivers(id) {
            events.push(visits(3, id, "mx1", Some(id != "starttls-refused")));
        } else {
            events.extend([visits(3, id, "mx1", None), visits(10 * MINUTE, id, "mx1", None)]);
        }
        trials.push(judge(id, actions, &events, 11 * MINUTE));
        all.extend(events);
    }
    let operators = Operators::parse("192.0.2.0/24 Sender").unwrap();
    Profile::judge(&trials, &all.iter().collect::<Vec<_>>(), &operators)
}

/// The answers of a row as the study prints them: 3 yes, 7 no, - not applicable.
fn printed(profile: &Profile) -> String {
    let sign = |cell: &Cell| match cell.answer {
        Answer::Yes => '3',
        Answer::No => '7',
        Answer::NotApplicable => '-',
        Answer::CannotTellYet => '?',
    };
    profile.cells.iter().map(sign).collect()
}

/// Rows of Table 3 of the paper, without its column "Pub.", from senders that do what each must have done.
#[test]
fn the_rows_of_the_study_come_out() {
    let broken = ["mx-rrsig-missing", "mx-rrsig-wrong", "mx-rrsig-expired", "dnskey-missing"];
    let dane = ["starttls-refused", "tlsa-wrong-selector", "tlsa-wrong-matching-type", "tlsa-wrong-data"];
    // comcast.net as printed: it rejected the wrong usage, too, which RFC 7672 wants delivered.
    let strict = row(true, true, |id| !broken.contains(&id) && !dane.contains(&id) && id != "tlsa-wrong-usage");
    assert_eq!((printed(&strict).as_str(), strict.class), ("333333777333333", Class::TooStrict));
    // R-041 rfc7671#9: what RFC 7672 wants. A digest of the wrong length never matches, so the record is unusable and mail goes out under TLS.
    let right = row(true, true, |id| !broken.contains(&id) && (!dane.contains(&id) || id == "tlsa-wrong-matching-type"));
    assert_eq!((printed(&right).as_str(), right.class), ("333333777337373", Class::Validates));
    // mynet.com, but with its resolver at home: keys asked for, nothing validated, no TLSA.
    let idle = row(true, false, |_| true);
    assert_eq!((printed(&idle).as_str(), idle.class), ("3337337777-----", Class::Opportunistic));
    let ignoring = row(true, true, |id| !broken.contains(&id));
    assert_eq!(ignoring.class, Class::Ignores);
    let faulty = row(true, true, |id| !broken.contains(&id) && (id == "tlsa-wrong-selector" || !dane.contains(&id)));
    assert_eq!(faulty.class, Class::ValidatesWithFaults);
    // Nor of one whose questions went elsewhere: a message by itself says nothing of DNS.
    let trial = judge("valid", &[Action::Dane], &[visits(3, "valid", "mx1", Some(true))], HOUR);
    let silent = Profile::judge(&[trial], &[&visits(3, "valid", "mx1", Some(true))], &Operators::default());
    assert_eq!((silent.class, silent.cell(Column::Tlsa).map(|c| c.answer)), (Class::CannotTellYet, Some(Answer::CannotTellYet)));
    // One that delivers everything, and was never seen to ask, is not called one that validates.
    let events = [visits(3, "valid", "mx1", Some(false)), visits(4, "tlsa-wrong-data", "mx1", Some(false))];
    let trials =
        [judge("valid", &[Action::Dane], &events[..1], HOUR), judge("tlsa-wrong-data", &[Action::Next, Action::Defer], &events[1..], HOUR)];
    assert_eq!(Profile::judge(&trials, &events.iter().collect::<Vec<_>>(), &Operators::default()).class, Class::CannotTellYet);
    // Nothing can be said of one whose reference message has not arrived.
    assert_eq!(row(true, true, |_| false).class, Class::CannotTellYet);
}

/// One row a provider, of its latest test, with what it was before.
#[test]
fn providers_have_a_row_each() {
    let valid = |at_ms: u64, helo: &str| {
        let Event::Visit(mut visit) = visits(at_ms, "valid", "mx1", Some(true)) else { panic!("a visit") };
        visit.helo = Some(helo.to_owned());
        Event::Visit(visit)
    };
    let operators = Operators::parse("192.0.2.0/24 Example Mail").unwrap();
    let test = |token: &str, at_ms: u64, helo: &str, lax: bool| {
        let mut events = vec![asks(at_ms, "_25._tcp.mx1.k7.valid.dane-test.example", Rtype::TLSA, true), valid(at_ms, helo)];
        if lax {
            events.push(visits(at_ms + 1, "tlsa-wrong-data", "mx1", Some(true)));
        } else {
            events.extend([visits(at_ms + 1, "tlsa-wrong-data", "mx1", None), visits(at_ms + 5 * MINUTE, "tlsa-wrong-data", "mx1", None)]);
        }
        let of = |id: &str| -> Vec<Event> {
            events.iter().filter(|e| matches!(e, Event::Visit(v) if v.recipients[0].contains(id))).cloned().collect()
        };
        let trials = [
            judge("valid", &[Action::Dane], &of(".valid."), at_ms + HOUR),
            judge("tlsa-wrong-data", &[Action::Next, Action::Defer], &of("tlsa-wrong-data"), at_ms + HOUR),
        ];
        let all: Vec<&Event> = events.iter().collect();
        let profile = Profile::judge(&trials, &all, &operators);
        assert_eq!(profile.resolvers, ["Example Mail"]);
        run(token, &profile, &trials, &all, &|address| operators.of(address)).expect("the reference message came")
    };
    let tests = [
        test("b", 50 * HOUR, "out2.mail.example.co.uk", false),
        test("a", 10 * HOUR, "out1.mail.example.co.uk", true),
        test("c", 60 * HOUR, "out1.example.co.uk", false),
        test("d", 20 * HOUR, "[192.0.2.10]", true),
    ];
    let table = table(tests);
    let names: Vec<&str> = table.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["Example Mail", "example.co.uk"], "a literal names nobody");
    let provider = &table[1];
    assert_eq!(provider.runs.iter().map(|run| run.token.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let said = |run: &Run| run.answers.iter().find(|(column, _)| *column == Column::RejectsCertificate).map(|(_, answer)| *answer);
    assert_eq!((said(&provider.runs[0]), said(provider.latest().unwrap())), (Some(Answer::No), Some(Answer::Yes)));
    assert_eq!(provider.changed().map(|run| run.token.as_str()), Some("b"), "since then it is what it is");
    assert_eq!(table[0].changed(), None);
}
