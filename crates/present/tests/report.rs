//! The report and the terminal summary, on tables made by hand.

use analysis::*;
use dane::cause::Cause;
use dane::observation::{RunObservation, VantageObservation};
use dane::verdict::Standing;
use present::{Report, Style, page, summary};
use std::collections::BTreeMap;

const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{1b}[2J\u{202e}";

fn failure(cause: Cause, domains: u64, servers: u64) -> FailureRow {
    FailureRow {
        cause,
        sentence: cause.title().into(),
        party: cause.party(),
        weight: cause.weight(),
        requirement: cause.requirement().into(),
        domains,
        servers,
    }
}

fn views() -> Views {
    Views {
        servers: 374,
        paper_match: Share::new(330, 368),
        paper_valid: Share::new(280, 368),
        paper_valid_all: Share::new(275, 368),
        rfc_delivers: Share::new(340, 368),
        not_crawled: 6,
    }
}

fn tables(word: &str) -> Tables {
    let adoption = |tld: &str, with_mx, with_tlsa, full| AdoptionRow {
        tld: tld.into(),
        domains: with_mx + 7,
        with_mx,
        implicit_mx: 5,
        null_mx: 2,
        with_tlsa,
        full,
        partial: with_tlsa - full,
        undetermined: 0,
    };
    let standing = |standing, domains| StandingRow { standing, domains, by_tld: BTreeMap::from([("nl".into(), domains)]) };
    let sets = BTreeMap::from([(Signing::Secure, 300), (Signing::MissingDs, 62), (Signing::Bogus, 9), (Signing::Unsigned, 3)]);
    Tables {
        domains: 2000,
        servers: 512,
        standings: vec![
            standing(Standing::Protected, 230),
            standing(Standing::Partial, 40),
            standing(Standing::Unprotected, 1600),
            standing(Standing::Broken, 90),
            standing(Standing::CouldNotTell, 40),
        ],
        adoption: vec![adoption("com", 900, 9, 8), adoption("nl", 700, 270, 240), adoption("se", 200, 66, 60), adoption(word, 50, 1, 1)],
        adoption_total: adoption("all", 1850, 346, 309),
        signing: SigningTable {
            tlsa_sets: sets.clone(),
            tlsa_signed: Share::new(362, 374),
            tlsa_missing_ds: Share::new(62, 362),
            tlsa_bogus: BTreeMap::from([("rrsig-expired".into(), 6), (word.into(), 3)]),
            domains: vec![ZoneSigning { tld: "nl".into(), states: sets.clone() }, ZoneSigning { tld: word.into(), states: sets }],
        },
        starttls: StarttlsTable {
            all: BTreeMap::from([(StarttlsClass::Works, 480), (StarttlsClass::NotOffered, 12), (StarttlsClass::Unwelcome, 20)]),
            with_tlsa: BTreeMap::from([(StarttlsClass::Works, 360), (StarttlsClass::NotOffered, 6)]),
            failed_paper: Share::new(6, 366),
            failed_rfc: Share::new(6, 366),
        },
        incorrect: vec![IncorrectRow { tld: word.into(), paper_invalid: Share::new(3, 9), rfc_fails: Share::new(1, 9) }],
        views: views(),
        failures: vec![failure(Cause::DsMissing, 62, 20), failure(Cause::UnknownMismatch, 31, 9), failure(Cause::MxInsecure, 12, 0)],
        unseen: vec![UnseenRow { row: failure(Cause::SmtpBlocked, 40, 20), ours: false }],
        ourselves: vec![failure(Cause::NoPtr, 2000, 0)],
        worst_servers: vec![WorstServer {
            host: format!("mx.{word}"),
            domains: 28,
            examples: vec![word.into(), "b.example".into()],
            causes: vec![Cause::UnknownMismatch, Cause::DsMissing],
        }],
        transport: transport(word),
        skipped: BTreeMap::from([("opted-out".into(), 3)]),
    }
}

fn transport(word: &str) -> TransportTables {
    let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect::<BTreeMap<_, _>>();
    TransportTables {
        with_mail: 1850,
        support: SupportTable { starttls: Share::new(1700, 1800), auth_before_starttls: Share::new(170, 1700), unseen: 50 },
        providers: vec![ProviderRow {
            operator: word.into(),
            domains: Share::new(400, 1850),
            starttls: Share::new(390, 395),
            trusted: None,
            matches: Share::new(380, 390),
        }],
        providers_in_all: 31,
        trust: None,
        parameters: ParameterTable {
            version: counts(&[("TLSv1.3", 1500), ("TLSv1.2", 200), (word, 1)]),
            forward_secrecy: Share::new(1600, 1701),
            ..ParameterTable::default()
        },
        dnssec: DnssecTable { dnssec_of_mail: Share::new(900, 1850), ..DnssecTable::default() },
        policies: Some(PolicyTable { sts: Share::new(37, 1850), ..PolicyTable::default() }),
    }
}

/// Every share with what it is a share of; what was not judged is no zero.
#[test]
fn transport_is_told_with_its_denominators() {
    let text = summary(&tables("example"), &Style::plain(100));
    for there in [
        "STARTTLS works             1,700   94.4%  of domains with an SMTP session",
        "certificate trusted           not judged",
        "AUTH before STARTTLS         170   10.0%  of domains with TLS",
        "MTA-STS                       37    2.0%  of domains with mail",
    ] {
        assert!(text.contains(there), "{there} is not in\n{text}");
    }
    let page = html("example");
    assert!(page.contains("Not judged: no trusted roots were given") && page.contains("and 30 more operators"));
    let mut judged = tables("example");
    let trust = TrustTable { trusted: Share::new(900, 1700), for_server: Share::new(880, 1700), ..TrustTable::default() };
    judged.transport.trust = Some(trust);
    assert!(summary(&judged, &Style::plain(100)).contains("certificate trusted          900   52.9%"));
    let page = present::page(&Report { tables: &judged, runs: &[run("x")], judged: None, made: 1_795_255_430 }).unwrap();
    assert!(page.contains("trusted, for the MX host only") && page.contains("880"));
}

fn run(word: &str) -> RunObservation {
    RunObservation {
        schema: 1,
        danelaw: "0.1.0".into(),
        started: 1_795_255_392,
        finished: Some(1_795_255_420),
        config_sha256: "c0ffee".into(),
        targets_sha256: "7a".into(),
        targets: 2000,
        malformed: 3,
        shard: None,
        anchors: vec![word.into()],
        roots: vec![word.into()],
        public_suffixes: Some(word.into()),
        round: None,
        vantage: VantageObservation { name: word.into(), ..VantageObservation::default() },
    }
}

fn page_of(run: &RunObservation) -> String {
    page(&Report { tables: &tables("example"), runs: std::slice::from_ref(run), judged: None, made: 1_795_255_430 }).unwrap()
}

fn html(word: &str) -> String {
    page(&Report { tables: &tables(word), runs: &[run(word)], judged: None, made: 1_795_255_430 }).unwrap()
}

#[test]
fn foreign_text_stays_text() {
    let page = html(HOSTILE);
    assert!(page.len() > 10_000);
    assert!(!page.contains("<script"), "no script of any kind");
    assert!(page.contains("&#60;script&#62;alert(1)") || page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
}

#[test]
fn the_page_stands_alone() {
    let page = html("example");
    for outside in ["http://", "https://", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    for there in [
        "<html lang=\"en\">",
        "prefers-color-scheme:dark",
        "paper view",
        "RFC 7672 view",
        "ds-missing",
        "R-029",
        "rfc7672#2.2<br>",
        "mx.example",
    ] {
        assert!(page.contains(there), "{there}");
    }
    if let Ok(path) = std::env::var("DANELAW_TEST_PAGE") {
        std::fs::write(path, page).unwrap();
    }
}

#[test]
fn words_fit_the_numbers_and_what_is_unknown_has_no_row() {
    let page = html("example");
    assert!(page.contains("broken or undeliverable"), "the tile counts both, the legend each");
    let without = RunObservation { targets_sha256: String::new(), ..run("example") };
    let page = page_of(&without);
    assert!(!page.contains("List (SHA-256)") && page.contains("Configuration (SHA-256)"));
}

#[test]
fn every_heading_is_labelled_and_every_table_row_has_a_header() {
    let page = html("example");
    assert_eq!(page.matches("<tbody>").count(), page.matches("</tbody>").count());
    let rows = page.matches("<tr><th scope=\"row\"").count() + page.matches("<tr class=\"total\"><th scope=\"row\"").count();
    let heads = page.matches("<thead>").count();
    assert_eq!(page.matches("<tr").count(), rows + heads);
    assert_eq!(page.matches("<svg").count(), page.matches("aria-hidden=\"true\"").count());
}

#[test]
fn the_terminal_summary_keeps_to_its_width_and_steers_nothing() {
    for width in [60, 80, 110] {
        let text = summary(&tables(HOSTILE), &Style::plain(width));
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
        for line in text.lines() {
            assert!(line.chars().count() <= width.max(80), "{width}: {line}");
        }
    }
    assert!(summary(&tables("example"), &Style::coloured(80)).contains("\u{1b}[32m"));
}
