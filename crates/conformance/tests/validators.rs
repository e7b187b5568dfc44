//! Every verdict of danelaw's validator beside unbound's and BIND's, over a tree that BIND and ldns have signed and NSD serves.

use conformance::Status::{Bogus, Insecure, Secure};
use conformance::exceptions::{Comparison, Exception};
use conformance::tree::Tree;
use conformance::unbound::{Recursor, UnboundHost};
use conformance::{Status, danelaw, in_parallel, nsd, zone};
use std::fs;

const SHA1: &str = "RFC 9905 section 2: signatures made with SHA-1 must not be relied on, so the zone counts as unsigned";
const ITERATIONS: &str =
    "RFC 9276 section 3.2 lets a validator treat any iteration count above 0 as insecure; ours ends at 50, theirs at 150";

const fn differs(name_ends: &'static str, judge: &'static str, verdicts: (Status, Status), argument: &'static str) -> Exception {
    Exception { name_ends, types: &[], judge, theirs: verdicts.0, ours: verdicts.1, argument }
}

const EXCEPTIONS: [Exception; 8] = [
    differs("alg5.lab.", "unbound", (Secure, Insecure), SHA1),
    differs("alg5.lab.", "delv", (Secure, Insecure), SHA1),
    differs("alg7.lab.", "unbound", (Secure, Insecure), SHA1),
    differs("alg7.lab.", "delv", (Secure, Insecure), SHA1),
    differs("alg16.lab.", "unbound", (Insecure, Secure), "RFC 8624 section 3.1 recommends Ed448; Debian 12 builds unbound without it"),
    differs(
        "opt-out.lab.",
        "delv",
        (Secure, Insecure),
        "RFC 5155 section 9.2: a proof that rests on opt-out is not secure; unbound says so too",
    ),
    differs("iterations100.lab.", "unbound", (Secure, Insecure), ITERATIONS),
    differs("iterations100.lab.", "delv", (Secure, Insecure), ITERATIONS),
];

#[test]
fn unbound_and_bind_agree_with_danelaw() {
    let directory = tempfile::tempdir().unwrap();
    let tree = Tree::build(directory.path());
    let port = zone::free_port(&tree.addresses());
    let _servers = nsd::serve(&tree.zones, port, directory.path());
    let unbound = UnboundHost::new(&tree.zones, port, &tree.anchor, directory.path());
    let recursor = Recursor::start(&tree.zones, port, &tree.anchor, directory.path());

    let (anchor, hints) = (directory.path().join("anchor"), directory.path().join("hints"));
    fs::write(&anchor, &tree.anchor).unwrap();
    fs::write(&hints, tree.hints()).unwrap();
    let anchor = ["--anchor".to_owned(), anchor.display().to_string()];
    let iterative = [&anchor[..], &["--root-hints".to_owned(), hints.display().to_string(), format!("--dns-port={port}")]].concat();
    let upstream = [&anchor[..], &[format!("--upstream={}", recursor.address())]].concat();

    let questions = tree.questions();
    let verdicts = in_parallel(&questions, |question| {
        let ours = danelaw::validate(question, &iterative);
        (unbound.ask(question), recursor.delv(question), danelaw::validate(question, &upstream), ours)
    });
    let (mut validators, mut ways) = (Comparison::default(), Comparison::default());
    for (question, (unbound, delv, asked, ours)) in questions.iter().zip(&verdicts) {
        validators.take(&EXCEPTIONS, "unbound", question, unbound, ours);
        validators.take(&EXCEPTIONS, "delv", question, delv, ours);
        ways.take(&[], "danelaw --upstream", question, asked, ours);
    }
    println!("{} questions, {} verdicts alike", questions.len(), validators.finish(&EXCEPTIONS));
    let _ = ways.finish(&[]);
    let of = |status: Status| verdicts.iter().filter(|(.., ours)| ours.0 == status).count();
    assert!(
        of(Secure) > 200 && of(Insecure) > 50 && of(Bogus) > 100,
        "{} secure, {} insecure, {} bogus",
        of(Secure),
        of(Insecure),
        of(Bogus)
    );
}
