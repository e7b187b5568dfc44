//! Scenarios as data, and their player.

#![allow(dead_code, reason = "not every test uses everything")]

pub mod record;
pub mod rpl;
pub mod world;

use std::path::{Path, PathBuf};

use dnssec::{Algorithms, Anchors, FetchError, MemoryCache, Outcome, Policy, Question, Response, Security, Step, Validation};
use rpl::Scenario;
use serde::Deserialize;

/// A query and the verdict it should have.
#[derive(Debug, Deserialize)]
pub struct Expected {
    pub file: String,
    #[serde(default)]
    pub set: String,
    #[serde(default)]
    pub step: u64,
    pub name: String,
    #[serde(rename = "type")]
    pub rtype: String,
    pub time: String,
    pub expected: Security,
    pub rcode: serde_json::Value,
}

/// A folder of test data.
pub fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder)
}

/// Asks the scenario.
pub fn ask(scenario: &Scenario, question: &Question, step: u64) -> Result<Response, FetchError> {
    Response::from_message(&scenario.respond(question, step), question).map_err(|_| FetchError::Malformed)
}

/// Validates a question with the scenario as its only upstream.
pub fn validate(scenario: &Scenario, case: &Expected, policy: Policy) -> Outcome {
    let question = Question { name: case.name.parse().unwrap(), rtype: case.rtype.parse().unwrap() };
    let anchors = Anchors::parse(&scenario.anchors).unwrap();
    let algorithms = if scenario.all_algorithms { Algorithms::All } else { Algorithms::Any };
    let policy = Policy { algorithms, ..policy };
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
