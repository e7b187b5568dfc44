//! Asking: an archive is read once for all questions, by the columns that they need.

use super::host::HostStates;
use super::question::Pass;
use super::{Answer, Content, Entry, Needs, Settings, Study};
use archive::Error;
use archive::states::model::ServerState;
use archive::states::{Archive, Columns};

/// Answers questions of an archive.
///
/// # Errors
/// If a file of the archive cannot be read.
pub fn answers(archive: &Archive, settings: &Settings, questions: &[Entry]) -> Result<Vec<Answer>, Error> {
    let needs = Together::of(questions);
    let content = Content::read(archive, needs.all)?;
    let study = Study::new(archive, settings, &content);
    let mut passes: Vec<Box<dyn Pass>> = questions.iter().map(|question| (question.begin)()).collect();
    servers(&study, &needs, questions, &mut passes)?;
    domains(&study, &needs, questions, &mut passes)?;
    Ok(passes.into_iter().map(|pass| pass.answer(&study)).collect())
}

/// What several questions need together.
struct Together {
    all: Needs,
    servers: Vec<&'static str>,
    domains: Vec<&'static str>,
}

/// Columns that every pass has.
const ALWAYS: [&str; 4] = ["vantage", "valid_from_s", "valid_to_s", "server_id"];

impl Together {
    fn of(questions: &[Entry]) -> Self {
        let columns = |of: fn(&Needs) -> Option<&'static [&'static str]>| {
            let mut columns: Vec<&'static str> = questions.iter().filter_map(|question| of(&question.needs)).flatten().copied().collect();
            columns.extend(ALWAYS);
            columns.sort_unstable();
            columns.dedup();
            columns
        };
        Self { all: Needs::of(questions), servers: columns(|needs| needs.servers), domains: columns(|needs| needs.domains) }
    }
}

fn servers(study: &Study<'_>, needs: &Together, questions: &[Entry], passes: &mut [Box<dyn Pass>]) -> Result<(), Error> {
    if needs.all.servers.is_none() {
        return Ok(());
    }
    let only = study.vantage().map(|(vantage, _)| vantage).filter(|_| !needs.all.every_vantage);
    study.archive().server_states_by_host(Columns::Only(&needs.servers), only, |states| pass_host(study, states, questions, passes))
}

/// Shows a host with all its states to the questions that ask of servers.
pub(super) fn pass_host(study: &Study<'_>, states: &mut [ServerState], questions: &[Entry], passes: &mut [Box<dyn Pass>]) {
    let place = states.first().and_then(|state| study.host_of(state.key));
    let Some(host) = place.and_then(|place| study.hosts().get(place)) else { return };
    match host.servers.len() {
        // The usual case, and many states.
        1 => states.sort_by_key(|state| (state.vantage, state.span.valid_from_s)),
        _ => states.sort_by_key(|state| {
            let rank = host.servers.iter().position(|server| *server == state.key);
            (state.vantage, rank, state.span.valid_from_s)
        }),
    }
    let host = HostStates::new(host, study.archive().servers(), states);
    for (pass, _) in passes.iter_mut().zip(questions).filter(|(_, question)| question.needs.servers.is_some()) {
        pass.host(study, &host);
    }
}

fn domains(study: &Study<'_>, needs: &Together, questions: &[Entry], passes: &mut [Box<dyn Pass>]) -> Result<(), Error> {
    if needs.all.domains.is_none() {
        return Ok(());
    }
    let Some((only, _)) = study.domain_vantage() else { return Ok(()) };
    let mut kept = Vec::new();
    study.archive().domain_states(Columns::Only(&needs.domains), |rows| {
        let mut states = rows;
        if rows.iter().any(|state| state.vantage != only) {
            kept.clear();
            kept.extend(rows.iter().filter(|state| state.vantage == only));
            states = &kept;
        }
        for (pass, question) in passes.iter_mut().zip(questions) {
            if question.needs.domains.is_some() {
                pass.domains(study, states);
            }
        }
    })
}
