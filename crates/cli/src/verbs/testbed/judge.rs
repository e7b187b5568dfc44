//! From events to a verdict: what `verdict` and `run` say.

use crate::common::file;
use crate::exit::UsageError;
use dane::name::Name;
use dane::sender::{Event, Expected, Operators, Patience, Place, Profile, Trial};
use scenario::Scenario;
use serde::Serialize;
use std::path::{Path, PathBuf};

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

/// By what is judged.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The test bed's zone.
    pub zone: &'a Name,
    /// What is played there.
    pub scenarios: &'a [&'static Scenario],
    /// When silence means something.
    pub patience: Patience,
    /// Who runs which addresses.
    pub operators: &'a Operators,
    /// The moment as of which to judge, milliseconds since 1970.
    pub until_ms: u64,
}

/// The events that speak of a test.
pub fn of_token<'e>(events: &'e [Event], zone: &Name, token: &str) -> Vec<&'e Event> {
    events.iter().filter(|e| places(e, zone).iter().any(|p| p.token == token)).collect()
}

/// Judges the events of one token.
pub fn judge(mine: &[&Event], token: &str, terms: &Terms<'_>) -> Judged {
    let Terms { zone, scenarios, patience, operators, until_ms } = *terms;
    let trial = |scenario: &&'static Scenario| {
        let of = |e: &&Event| places(e, zone).iter().any(|p| p.token == token && p.scenario == scenario.id);
        let events: Vec<&Event> = mine.iter().copied().filter(of).collect();
        let expected = Expected { scenario: scenario.id, actions: &scenario.sender, requirements: &scenario.requirements };
        Trial::judge(&expected, &events, zone, patience, until_ms)
    };
    let trials: Vec<Trial> = scenarios.iter().map(trial).collect();
    let profile = Profile::judge(&trials, mine, operators);
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

/// Each scenario by its id, with its title and the requirements it rests on.
pub fn wanted(scenarios: &[&'static Scenario]) -> Vec<(&'static str, String)> {
    scenarios.iter().map(|s| (s.id, format!("{} ({})", s.title, s.requirements.join(", ")))).collect()
}

/// Whom addresses belong to.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OperatorsOption {
    /// Who runs which addresses: lines of "192.0.2.0/24 Example Mail" [default: one network is one operator, and has no name]
    #[arg(long, value_name = "FILE")]
    operators: Option<PathBuf>,
}

impl OperatorsOption {
    /// The table.
    ///
    /// # Errors
    /// If the file cannot be read or used; names the line.
    pub fn table(&self) -> Result<Operators, UsageError> {
        let read = |path: &Path| {
            let text = file::text("--operators", path)?;
            Operators::parse(&text).map_err(|(line, what)| UsageError(format!("--operators {}:{line}: {what}", path.display())))
        };
        self.operators.as_deref().map_or_else(|| Ok(Operators::default()), read)
    }
}
