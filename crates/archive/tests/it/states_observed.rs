//! From what a scan observed to states.

use archive::states::model::{KeyType, ServerState};
use archive::states::{Appended, Archive, Columns, Observed, Writer};
use dane::Epoch;
use dane::dns::{Lookup, Record, Security, SecurityReason, SignatureWindow};
use dane::name::parse_domain;
use dane::observation::{
    AddressObservation, CertificateBytes, ClientOffer, Connect, DomainObservation, Exchange, Got, HostObservation, Observation, OtherLook,
    RoundObservation, RunObservation, SCHEMA_VERSION, Shows, TlsObservation, VantageObservation,
};
use domain::base::iana::Rtype;
use std::path::Path;
use std::sync::Arc;

const START: Epoch = 1_795_255_200;

fn answer(name: &str, rtype: Rtype, at: Epoch, data: &[&str]) -> Lookup {
    let name = parse_domain(name).unwrap();
    let records = data.iter().map(|data| Record { owner: name.clone(), ttl: 17, data: (*data).to_owned() }).collect();
    // As an online signer signs: anew for every answer.
    let signer = parse_domain("example.nl").unwrap();
    let window = SignatureWindow { signer, key_tag: 1, algorithm: 13, inception: at - 60, expiration: at + 7200, original_ttl: 3600 };
    Lookup {
        status: Security::Secure,
        failure: None,
        failure_detail: None,
        records,
        signed: true,
        signature: Some(window),
        elapsed_ms: u32::try_from(at % 97).unwrap(),
        ..Lookup::unasked(&name, rtype, at)
    }
}

fn reply(sent: Option<&str>, code: u16, lines: &[&str]) -> Exchange {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    Exchange { sent: sent.map(str::to_owned), encrypted: false, got: Got::Reply { code, lines }, at_ms: 1 }
}

fn tls(leaf: &[u8]) -> TlsObservation {
    let chain = [leaf, b"issuer"].map(|der| CertificateBytes(der.into()));
    TlsObservation { version: Some("TLSv1.3".into()), chain: chain.into(), key_proven: Some(true), ..TlsObservation::new("rustls") }
}

/// A host with a server that shows clients without elliptic curves another certificate, or refuses STARTTLS.
fn host(at: Epoch, starttls: u16) -> HostObservation {
    let mut server = AddressObservation::new([192, 0, 2, 1].into(), 25, at, Connect::Connected);
    server.dialogue = vec![
        reply(None, 220, &["hello"]),
        reply(Some("EHLO here"), 250, &["mx.example.nl", "STARTTLS"]),
        reply(Some("STARTTLS"), starttls, &["well"]),
    ];
    if starttls == 220 {
        server.tls = Some(tls(b"leaf"));
        let other = |offer, shows| OtherLook { offer, at, shows };
        server.others = vec![other(ClientOffer::Rsa, Shows::Other(Box::new(tls(b"rsa leaf")))), other(ClientOffer::Ecdsa, Shows::Same)];
    }
    HostObservation {
        a: answer("mx.example.nl", Rtype::A, at, &["192.0.2.1"]),
        aaaa: answer("mx.example.nl", Rtype::AAAA, at, &[]),
        tlsa: vec![answer("_25._tcp.mx.example.nl", Rtype::TLSA, at, &[&format!("3 1 1 {}", "ab".repeat(32))])],
        servers: vec![server],
        ..HostObservation::unseen(&parse_domain("mx.example.nl").unwrap(), 25, at)
    }
}

fn run(slot: Epoch) -> RunObservation {
    let round = RoundObservation {
        every_s: 3600,
        aligned: true,
        scheduled_s: slot,
        late_ms: 2000,
        spread_ms: 0,
        missed: Vec::new(),
        duration_ms: Some(5000),
        complete: Some(true),
        clock_offset_ms: Some(-4),
        clock_step_ms: None,
        records: None,
    };
    let vantage = VantageObservation { name: "here".into(), ..VantageObservation::default() };
    RunObservation { started: slot + 2, finished: Some(slot + 7), round: Some(Box::new(round)), vantage, ..crate::common::run() }
}

fn append(root: &Path, slot: Epoch, host: HostObservation) -> Appended {
    let mut writer = Writer::open(root).unwrap();
    let name = parse_domain("Example.NL").unwrap();
    let mut mx = answer("example.nl", Rtype::MX, slot, &["10 MX.example.nl.", "20 gone.example.nl."]);
    mx.status = Security::Bogus;
    mx.reason = Some(SecurityReason {
        code: "rrsig-expired".into(),
        at_name: name.clone(),
        at_type: Rtype::MX,
        detail: "it is over".into(),
        ede: Vec::new(),
    });
    mx.raw = vec![format!("raw{slot}")];
    let domain =
        DomainObservation { schema: SCHEMA_VERSION, domain: name, at: slot, zone: None, mx, name_servers: Vec::new(), policies: None };
    let observation = Observation { domain, hosts: vec![Arc::new(host)], vantage: run(slot).vantage };
    let verdict = dane::judge::judge(&observation, slot);
    let mut observed = Observed::new(&mut writer, "here");
    observed.observation(&observation, &verdict);
    observed.skipped();
    let round = observed.finish(&run(slot));
    writer.append(&round).unwrap()
}

#[test]
fn what_a_scan_saw_is_a_state_as_long_as_it_stays() {
    let root = tempfile::tempdir().unwrap();
    // Two servers, by kind of client, and a domain.
    assert_eq!(append(root.path(), START, host(START, 220)), Appended::New { changes: 3 });
    // New signatures and a new look, three notes; nothing begins or ends.
    assert_eq!(append(root.path(), START + 3600, host(START + 3600, 220)), Appended::New { changes: 3 });
    // The server refuses: its state is another one, and the other certificate was not seen.
    assert_eq!(append(root.path(), START + 7200, host(START + 7200, 502)), Appended::New { changes: 3 });

    let archive = Archive::open(root.path()).unwrap();
    assert_eq!(archive.verify().unwrap().faults, Vec::<String>::new());
    let mut states: Vec<ServerState> = Vec::new();
    archive.server_states(Columns::All, |rows| states.extend_from_slice(rows)).unwrap();
    let key = |state: &ServerState| archive.servers()[state.key.number() as usize - 1].clone();
    states.sort_by_key(|state| (key(state).key_type, state.span.valid_from_s));
    let word = |word: Option<archive::states::model::WordId>| word.map(|word| archive.parts().text(word).to_owned());
    let [first, then, rsa] = states[..] else { panic!("{states:?}") };
    assert_eq!(
        (key(&first).host.to_string(), key(&first).key_type, key(&rsa).key_type),
        ("mx.example.nl".into(), KeyType::Any, KeyType::Rsa)
    );
    assert_eq!((first.span.valid_from_s, first.span.valid_to_s, first.span.n_obs), (START, START + 7200, 2));
    assert_eq!((then.span.valid_from_s, then.span.valid_to_s), (START + 7200, START + 10_800));
    assert_eq!((rsa.span.valid_from_s, rsa.span.valid_to_s), (START, START + 7200));
    assert_eq!((word(first.seen.smtp_status).unwrap().as_str(), first.seen.smtp_code), ("garbage-certificate", None));
    assert_eq!((word(then.seen.smtp_status).unwrap().as_str(), then.seen.smtp_code), ("starttls-refused", Some(502)));
    // The signer's TTL, not what a cache had left of it; the first signature's begin, the last one's end.
    assert_eq!((first.seen.ttl, first.seen.dnssec), (Some(3600), Some(Security::Secure)));
    assert_eq!((first.notes.sig_inception_s, first.notes.sig_expiration_s), (Some(START - 60), Some(START + 10_800)));
    assert_eq!((first.seen.verdict.paper_match, then.seen.verdict.paper_match), (None, None));
    assert_eq!((first.seen.tlsa_set, then.seen.chain), (then.seen.tlsa_set, None));
    let chains = archive.chains().unwrap();
    let leaf = |state: &ServerState| chains[state.seen.chain.unwrap().number() as usize - 1].certs[0].number();
    let mut ders = Vec::new();
    archive.ders(|_, der| ders.push(der.der.to_vec())).unwrap();
    assert_eq!([ders[leaf(&first) as usize - 1].as_slice(), &ders[leaf(&rsa) as usize - 1]], [&b"leaf"[..], b"rsa leaf"]);
}

#[test]
fn raw_answers_are_kept_where_a_state_begins() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..3 {
        append(root.path(), START + number * 3600, host(START + number * 3600, 220));
    }
    let archive = Archive::open(root.path()).unwrap();
    let mut domains = Vec::new();
    archive.domain_states(Columns::All, |rows| domains.extend_from_slice(rows)).unwrap();
    let [domain] = domains[..] else { panic!("{domains:?}") };
    let text = |word: Option<archive::states::model::WordId>| archive.parts().text(word.unwrap());
    assert_eq!((text(domain.seen.tld), text(domain.seen.reason), domain.seen.status), ("nl", "rrsig-expired", Some(Security::Bogus)));
    assert_eq!((domain.span.n_obs, domain.seen.tlsa, &*archive.domains().unwrap()[0].domain), (3, 0, "example.nl"));
    let evidence = archive.evidence().unwrap();
    assert_eq!(evidence.len(), 1, "one of three");
    assert_eq!(&*evidence[domain.notes.evidence_from.unwrap().number() as usize - 1].messages, format!("raw{START}"));
    let snapshot = archive.snapshots()[2];
    assert_eq!((snapshot.started_s, snapshot.clock_offset_ms, snapshot.done), (START + 7202, Some(-4), 2));
}
