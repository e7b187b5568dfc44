//! Every verdict of danelaw's validator beside unbound's and BIND's, over a tree that BIND and ldns have signed.

use conformance::exceptions::{Comparison, Exception};
use conformance::tree::Tree;
use conformance::unbound::{Recursor, UnboundHost};
use conformance::{in_parallel, nsd, zone};

const EXCEPTIONS: [Exception; 0] = [];

#[test]
fn unbound_and_bind_agree_about_the_tree() {
    let directory = tempfile::tempdir().unwrap();
    let tree = Tree::build(directory.path());
    let port = zone::free_port(&tree.addresses());
    let _servers = nsd::serve(&tree.zones, port, directory.path());
    let unbound = UnboundHost::new(&tree.zones, port, &tree.anchor, directory.path());
    let recursor = Recursor::start(&tree.zones, port, &tree.anchor, directory.path());
    let mut comparison = Comparison::default();
    let questions = tree.questions();
    let verdicts = in_parallel(&questions, |question| (recursor.delv(question), unbound.ask(question)));
    for (question, (delv, unbound)) in questions.iter().zip(&verdicts) {
        comparison.take(&EXCEPTIONS, "delv", question, delv, unbound);
    }
    println!("{}", comparison.finish(&EXCEPTIONS));
}
