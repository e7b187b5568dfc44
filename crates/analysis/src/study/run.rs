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
    let mut states: Vec<ServerState> = Vec::new();
    study.archive().server_states(Columns::Only(&needs.servers), |rows| {
        states.extend(rows.iter().filter(|state| only.is_none_or(|only| state.vantage == only)));
    })?;
    pass_hosts(study, &states, questions, passes);
    Ok(())
}

/// Shows every host with its states to the questions that ask of servers.
pub(super) fn pass_hosts(study: &Study<'_>, states: &[ServerState], questions: &[Entry], passes: &mut [Box<dyn Pass>]) {
    let mut scratch: Vec<ServerState> = Vec::new();
    by_host(study, states, |host, rows| {
        scratch.clear();
        scratch.extend(rows.iter().filter_map(|row| states.get(*row as usize)));
        let rank = |state: &ServerState| host.servers.iter().position(|server| *server == state.key);
        scratch.sort_by_key(|state| (state.vantage, rank(state), state.span.valid_from_s));
        let host = HostStates::new(host, study.archive().servers(), &scratch);
        for (pass, question) in passes.iter_mut().zip(questions) {
            if question.needs.servers.is_some() {
                pass.host(study, &host);
            }
        }
    });
}

/// Every host that has any, with the places of its states.
fn by_host(study: &Study<'_>, states: &[ServerState], mut each: impl FnMut(&super::Host, &[u32])) {
    let mut starts = vec![0_u32; study.hosts().len() + 1];
    let place = |state: &ServerState| study.host_of(state.key);
    for host in states.iter().filter_map(place) {
        starts[host + 1] += 1;
    }
    (1..starts.len()).for_each(|host| starts[host] += starts[host - 1]);
    let mut next = starts.clone();
    let mut rows = vec![0_u32; states.len()];
    for (row, host) in states.iter().enumerate().filter_map(|(row, state)| place(state).map(|host| (row, host))) {
        rows[next[host] as usize] = u32::try_from(row).unwrap_or(u32::MAX);
        next[host] += 1;
    }
    for (index, host) in study.hosts().iter().enumerate() {
        let rows = &rows[starts[index] as usize..starts[index + 1] as usize];
        if !rows.is_empty() {
            each(host, rows);
        }
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
