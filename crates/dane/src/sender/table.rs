//! Table 3 of the study: one row a provider, over all tests that it took part in.

use super::{Answer, Cell, Class, Column, Event, Profile, Trial, Visit};
use crate::name::Name;
use crate::suffix;
use serde::{Deserialize, Serialize};

/// One test of one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which test.
    pub token: String,
    /// When its reference message arrived, milliseconds since 1970.
    pub at_ms: u64,
    /// What kind of sender it was.
    pub class: Class,
    /// What each column said.
    pub answers: Vec<(Column, Answer)>,
}

/// A provider, and its tests, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The domain that its servers call themselves by; the operator of their addresses where they call themselves nothing of use.
    pub name: String,
    /// Its tests, oldest first; there is one at least.
    pub runs: Vec<Run>,
}

impl Provider {
    /// The latest test: its row.
    #[must_use]
    pub fn latest(&self) -> Option<&Run> {
        self.runs.last()
    }

    /// When it was first seen to be what it is now, if it was something else before.
    #[must_use]
    pub fn changed(&self) -> Option<&Run> {
        let now = self.latest()?;
        let before = self.runs.iter().rposition(|run| (run.class, &run.answers) != (now.class, &now.answers))?;
        self.runs.get(before + 1)
    }
}

/// A test whose reference message has arrived: who sent it, and what it showed. `named` says who runs an address, if anybody knows.
#[must_use]
pub fn run<'n>(
    token: &str,
    profile: &Profile,
    trials: &[Trial],
    events: &[&Event],
    named: &dyn Fn(std::net::IpAddr) -> Option<&'n str>,
) -> Option<(String, Run)> {
    let control = trials.iter().find(|trial| trial.scenario == "valid").filter(|trial| trial.outcome.delivered())?;
    let at_ms = control.evidence.last()?.at_ms;
    let visit = events.iter().find_map(|event| match event {
        Event::Visit(visit) if !visit.mails.is_empty() => Some(visit),
        _ => None,
    })?;
    let answers = profile.cells.iter().map(|Cell { column, answer, .. }| (*column, *answer)).collect();
    Some((provider(visit, named), Run { token: token.to_owned(), at_ms, class: profile.class, answers }))
}

/// All tests by provider, providers by name.
#[must_use]
pub fn table(runs: impl IntoIterator<Item = (String, Run)>) -> Vec<Provider> {
    let mut by_name = std::collections::BTreeMap::<String, Vec<Run>>::new();
    for (name, run) in runs {
        by_name.entry(name).or_default().push(run);
    }
    let provider = |(name, mut runs): (String, Vec<Run>)| {
        runs.sort_by(|one, other| (one.at_ms, &one.token).cmp(&(other.at_ms, &other.token)));
        Provider { name, runs }
    };
    by_name.into_iter().map(provider).collect()
}

fn provider<'n>(visit: &Visit, named: &dyn Fn(std::net::IpAddr) -> Option<&'n str>) -> String {
    let client = visit.source.ip();
    let helo = visit.helo.as_deref().filter(|helo| !helo.starts_with('[') && helo.parse::<std::net::IpAddr>().is_err());
    let helo = helo.and_then(|helo| Name::from_chars(format!("{}.", helo.trim_end_matches('.')).chars()).ok());
    let domain = helo.as_ref().and_then(suffix::registrable).map(|name| name.to_string().to_ascii_lowercase());
    domain.or_else(|| named(client).map(str::to_owned)).unwrap_or_else(|| client.to_string())
}
