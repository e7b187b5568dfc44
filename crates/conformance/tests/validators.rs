//! Every verdict of danelaw's validator beside unbound's and BIND's, over a tree that BIND and ldns have signed and NSD serves.

use conformance::Status::{Bogus, Insecure, Secure};
use conformance::exceptions::{Comparison, Exception};
use conformance::tree::Tree;
use conformance::unbound::{Recursor, UnboundHost};
use conformance::{Status, danelaw, in_parallel, nsd, zone};
use std::fs;

const EXCEPTIONS: [Exception; 0] = [];

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
