//! From events to a verdict: what `verdict` and `run` say.

use dane::name::Name;
use dane::sender::{Event, Expected, Patience, Place, Profile, Trial};
use scenario::Scenario;
use serde::Serialize;
use std::net::IpAddr;

/// What is known of one test.
#[derive(Serialize)]
pub struct Judged {
    /// Always `testbed-verdict`.
    pub kind: &'static str,
    /// Which test.
    pub token: String,
    /// All of it together.
    #[serde(flatten)]
    pub profile: Profile,
    /// Scenario by scenario, those of which nothing was seen too.
    pub trials: Vec<Trial>,
}

/// Judges the events of one token, as of a moment.
pub fn judge(events: &[Event], scenarios: &[&'static Scenario], zone: &Name, token: &str, patience: Patience, until_ms: u64) -> Judged {
    let mine: Vec<&Event> = events.iter().filter(|e| places(e, zone).iter().any(|p| p.token == token)).collect();
    let trial = |scenario: &&'static Scenario| {
        let of = |e: &&Event| places(e, zone).iter().any(|p| p.token == token && p.scenario == scenario.id);
        let events: Vec<&Event> = mine.iter().copied().filter(of).collect();
        let expected = Expected { scenario: scenario.id, actions: &scenario.sender, requirements: &scenario.requirements };
        Trial::judge(&expected, &events, zone, patience, until_ms)
    };
    let trials: Vec<Trial> = scenarios.iter().map(trial).collect();
    let profile = Profile::judge(&trials, &mine, &same_network);
    Judged { kind: "testbed-verdict", token: token.to_owned(), profile, trials }
}

/// The tests and scenarios that an event speaks of: a visit may serve several.
pub fn places(event: &Event, zone: &Name) -> Vec<Place> {
    match event {
        Event::Query(query) => Place::of(&query.name, zone).into_iter().collect(),
        Event::Visit(visit) => {
            let place = |recipient: &String| Place::of_address(recipient, zone).or_else(|| Place::of_bounce(recipient, zone));
            let recipients = visit.recipients.iter().filter_map(place);
            visit.sni.as_deref().and_then(|host| Place::of_host(host, zone)).into_iter().chain(recipients).collect()
        }
    }
}

/// Without a table of operators: one network is one operator, and of others nothing is known.
fn same_network(one: IpAddr, other: IpAddr) -> Option<bool> {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.octets()[..3] == other.octets()[..3]).then_some(true),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.octets()[..6] == other.octets()[..6]).then_some(true),
        _ => None,
    }
}

/// Each scenario by its id, with its title and the requirements it rests on.
pub fn wanted(scenarios: &[&'static Scenario]) -> Vec<(&'static str, String)> {
    scenarios.iter().map(|s| (s.id, format!("{} ({})", s.title, s.requirements.join(", ")))).collect()
}
