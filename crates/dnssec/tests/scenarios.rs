//! Scenarios of other people's validators with the verdicts that Unbound gives, and the examples of the RFCs.

mod support;

use std::collections::HashMap;
use std::path::PathBuf;

use dnssec::{Policy, Security};
use support::rpl::{self, Scenario};
use support::{Expected, data, validate};

fn play(folder: &str, at_least: usize, check_rcode: impl Fn(&Expected, u16) -> bool) {
    let cases: Vec<Expected> = serde_json::from_slice(&std::fs::read(data(folder).join("expected.json")).unwrap()).unwrap();
    assert!(cases.len() >= at_least);
    let mut scenarios: HashMap<PathBuf, Scenario> = HashMap::new();
    let mut wrong = Vec::new();
    for case in &cases {
        let path = data(folder).join(&case.set).join(&case.file);
        let scenario = scenarios.entry(path.clone()).or_insert_with(|| rpl::load(&path));
        let outcome = validate(scenario, case, Policy::default());
        let reason = outcome.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        assert_eq!(outcome.reason.is_none(), outcome.status == Security::Secure, "{case:?}");
        if outcome.status != case.expected || !check_rcode(case, outcome.rcode) {
            wrong.push(format!("{case:?}: {:?} rcode {} {reason}", outcome.status, outcome.rcode));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

// R-107 R-108 R-109 R-112 R-113 R-114 R-115 R-116 R-117 R-118 R-119 R-120 R-121 R-122 R-123 R-124
#[test]
fn verdicts_agree_with_unbound() {
    play("rpl", 133, |_, _| true);
}

// R-111 R-114 R-116 R-117 R-118 R-119 R-120 R-121 rfc4035#B rfc5155#B
#[test]
fn examples_of_the_rfcs() {
    play("rfc", 50, |case, rcode| Some(rcode) == case.rcode.as_u64().and_then(|n| n.try_into().ok()));
}
