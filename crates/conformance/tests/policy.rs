//! `danelaw smtp policy` over the whole catalogue: what the DNS alone decides is what each scenario says a sender does.
//!
//! Name servers of the lab fail where a sender must not ask, so that a query too many shows as another outcome.

use conformance::danelaw;
use conformance::world::World;
use dane::cause::Cause;
use scenario::{Scenario, Sender};
use serde_json::Value;

/// Where the RFCs leave it open, and the walk reads them otherwise than the scenario: what it says, and why.
const READ_OTHERWISE: [(&str, &[&str], &str); 1] = [
    // RFC 7672 section 2.1.2: no server reachable, delivery is delayed. RFC 5321 section 5.1 says "error", and most senders return it.
    ("mx-host-unresolvable", &["skip"], "defer"),
];

#[test]
fn the_catalogue_is_decided_as_the_rfc_says() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path());
    let mut command = danelaw::command();
    command.args(["smtp", "policy", "--json"]).args(world.resolver_options(world.lab.config().dns_port));
    let truth = world.lab.truth();
    let output = command.args(truth.iter().map(|t| t.domain.to_string())).output().unwrap();
    let lines: Vec<Value> = String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), truth.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let departures: Vec<String> = truth.iter().zip(&lines).filter_map(|(t, line)| departs(t.scenario.as_str(), line)).collect();
    assert!(departures.is_empty(), "{} of {}:\n{}", departures.len(), truth.len(), departures.join("\n"));
}

fn departs(id: &str, line: &Value) -> Option<String> {
    let scenario = Scenario::find(id).unwrap();
    let actions: Vec<&str> = line["hosts"].as_array().unwrap().iter().map(|h| h["action"].as_str().unwrap()).collect();
    let outcome = line["outcome"].as_str().unwrap();
    let fits = READ_OTHERWISE
        .iter()
        .find(|(known, ..)| *known == id)
        .map_or_else(|| is_what(scenario, &actions, outcome), |(_, expected, delivery)| actions == *expected && outcome == *delivery);
    (!fits).then(|| format!("{id}: a sender does {:?}, policy says {actions:?} and {outcome}", scenario.sender))
}

fn is_what(scenario: &Scenario, actions: &[&str], outcome: &str) -> bool {
    match scenario.sender.as_slice() {
        [Sender::Bounce] => outcome == "bounce" && actions.is_empty(),
        [Sender::Defer] => outcome == "defer" && actions.is_empty(),
        [Sender::Dane] => outcome == "deliver" && actions.first() == Some(&"dane"),
        [Sender::Enc] => outcome == "deliver" && actions == ["enc"],
        [Sender::Opp] => outcome == "deliver" && actions == ["opp"],
        [Sender::Next, Sender::Dane] => outcome == "deliver" && actions == ["dane", "dane"],
        // The DNS decides it, or the server does after DANE was demanded of it.
        [Sender::Next, Sender::Defer] if decided_by_dns(scenario) => outcome == "defer" && actions == ["skip"],
        [Sender::Next, Sender::Defer] => outcome == "deliver" && actions == ["dane"],
        _ => false,
    }
}

fn decided_by_dns(scenario: &Scenario) -> bool {
    use Cause as C;
    scenario.receiver.causes.iter().any(|cause| {
        let signatures = matches!(
            cause,
            C::RrsigMissing | C::RrsigWrong | C::RrsigExpired | C::RrsigNotYetValid | C::RrsigTimesReversed | C::RrsigUnknownKey
        );
        let proofs = matches!(cause, C::DenialWrong | C::WildcardWrong | C::CnameProofWrong);
        signatures || proofs || matches!(cause, C::DnsServfail | C::DnsTimeout | C::DnsRefused | C::AliasLoop)
    })
}
