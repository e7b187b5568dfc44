//! Scenarios of other people's validators, with the verdicts that Unbound gives. (tests/data/rpl/README.md)

mod rpl;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use dnssec::{Algorithms, Anchors, FetchError, MemoryCache, Outcome, Policy, Question, Response, Security, Step, Validation};
use rpl::Scenario;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Expected {
    file: String,
    set: String,
    step: u64,
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    time: String,
    expected: Security,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rpl")
}

fn ask(scenario: &Scenario, question: &Question, step: u64) -> Result<Response, FetchError> {
    Response::from_message(&scenario.respond(question, step), question).map_err(|_| FetchError::Malformed)
}

/// Validates a question with the scenario as its only upstream.
fn validate(scenario: &Scenario, case: &Expected) -> Outcome {
    let question = Question { name: case.name.parse().unwrap(), rtype: case.rtype.parse().unwrap() };
    let anchors = Anchors::parse(&scenario.anchors).unwrap();
    let algorithms = if scenario.all_algorithms { Algorithms::All } else { Algorithms::Any };
    let policy = Policy { algorithms, ..Policy::default() };
    let now = rpl::epoch(&case.time);
    let response = ask(scenario, &question, case.step).unwrap();
    let mut validation = Validation::new(question, response, &anchors, policy, now);
    let mut cache = MemoryCache::default();
    for _ in 0..200 {
        match validation.step(&mut cache) {
            Step::Ask(question) => validation.supply(&question, ask(scenario, &question, case.step)),
            Step::Done(outcome) => return *outcome,
        }
    }
    panic!("no end: {case:?}");
}

#[test]
fn verdicts_agree_with_unbound() {
    let cases: Vec<Expected> = serde_json::from_slice(&std::fs::read(data().join("expected.json")).unwrap()).unwrap();
    assert!(cases.len() >= 133);
    let mut scenarios: HashMap<PathBuf, Scenario> = HashMap::new();
    let mut wrong = Vec::new();
    for case in &cases {
        let path = data().join(&case.set).join(&case.file);
        let scenario = scenarios.entry(path.clone()).or_insert_with(|| rpl::load(&path));
        let outcome = validate(scenario, case);
        let reason = outcome.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        if outcome.status != case.expected {
            wrong.push(format!(
                "{} step {}: {} {}: {:?} not {:?}: {reason}",
                case.file, case.step, case.name, case.rtype, outcome.status, case.expected
            ));
        }
        if std::env::var_os("SHOW").is_some() {
            println!("{} {} {} {}: {:?} rcode {} {reason}", case.file, case.step, case.name, case.rtype, outcome.status, outcome.rcode);
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
