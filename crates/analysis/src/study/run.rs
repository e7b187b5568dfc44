//! Asking: an archive is read once for all questions, by the columns that they need.

use super::host::HostStates;
use super::question::Pass;
use super::{Answer, Content, Entry, Needs, Settings, Study};
use archive::Error;
use archive::states::model::{DomainState, ServerState};
use archive::states::{Archive, Columns};

/// Answers questions of an archive.
///
/// # Errors
/// If a file of the archive cannot be read.
pub fn answers(archive: &Archive, settings: &Settings, questions: &[Entry]) -> Result<Vec<Answer>, Error> {
    let needs = Needs::of(questions);
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
const ALWAYS: [&str; 6] = ["vantage", "valid_from_s", "valid_to_s", "n_obs", "server_id", "domain_id"];

impl Needs {
    fn of(questions: &[Entry]) -> Together {
        let any = |of: fn(&Needs) -> bool| questions.iter().any(|question| of(&question.needs));
        let columns = |of: fn(&Needs) -> Option<&'static [&'static str]>| {
            let mut columns: Vec<&'static str> = questions.iter().filter_map(|question| of(&question.needs)).flatten().copied().collect();
            columns.extend(ALWAYS);
            columns.sort_unstable();
            columns.dedup();
            columns
        };
        let all = Needs {
            servers: any(|needs| needs.servers.is_some()).then_some(&[]),
            domains: any(|needs| needs.domains.is_some()).then_some(&[]),
            certificates: any(|needs| needs.certificates),
            tlsa: any(|needs| needs.tlsa),
            mail_hosts: any(|needs| needs.mail_hosts),
            domain_names: any(|needs| needs.domain_names),
            every_vantage: any(|needs| needs.every_vantage),
        };
        Together { all, servers: columns(|needs| needs.servers), domains: columns(|needs| needs.domains) }
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
    let mut scratch = Vec::new();
    by_host(study, &states, |host, rows| {
        scratch.clear();
        scratch.extend(rows.iter().filter_map(|row| states.get(*row as usize)));
        let servers = study.archive().servers();
        let rank = |state: &ServerState| host.servers.iter().position(|server| *server == state.key);
        scratch.sort_by_key(|state: &ServerState| (state.vantage, rank(state), state.span.valid_from_s));
        let host = HostStates::new(host, servers, &scratch);
        for (pass, question) in passes.iter_mut().zip(questions) {
            if question.needs.servers.is_some() {
                pass.host(study, &host);
            }
        }
    });
    Ok(())
}

/// Every host with the places of its states.
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
        each(host, &rows[starts[index] as usize..starts[index + 1] as usize]);
    }
}

fn domains(study: &Study<'_>, needs: &Together, questions: &[Entry], passes: &mut [Box<dyn Pass>]) -> Result<(), Error> {
    if needs.all.domains.is_none() {
        return Ok(());
    }
    let Some((only, _)) = study.domain_vantage() else { return Ok(()) };
    let mut kept = Vec::new();
    study.archive().domain_states(Columns::Only(&needs.domains), |rows| {
        kept.clear();
        kept.extend(rows.iter().filter(|state| state.vantage == only));
        for (pass, question) in passes.iter_mut().zip(questions) {
            if question.needs.domains.is_some() {
                pass.domains(study, &kept);
            }
        }
    })
}

/// What one question counts in the hosts and domains of one of `of` partitions, numbered from 0: to be sent to who adds up.
///
/// # Errors
/// If a file of the archive cannot be read.
pub fn parts(study: &Study<'_>, question: Entry, states: &[ServerState]) -> Result<Vec<u8>, postcard::Error> {
    let mut pass = (question.begin)();
    let mut scratch = Vec::new();
    by_host(study, states, |host, rows| {
        scratch.clear();
        scratch.extend(rows.iter().filter_map(|row| states.get(*row as usize)));
        let rank = |state: &ServerState| host.servers.iter().position(|server| *server == state.key);
        scratch.sort_by_key(|state: &ServerState| (state.vantage, rank(state), state.span.valid_from_s));
        pass.host(study, &HostStates::new(host, study.archive().servers(), &scratch));
    });
    pass.write()
}

/// What one question counts in states of domains, of one vantage point: to be sent to who adds up.
///
/// # Errors
/// If the part cannot be written.
pub fn domain_parts(study: &Study<'_>, question: Entry, states: &[DomainState]) -> Result<Vec<u8>, postcard::Error> {
    let mut pass = (question.begin)();
    pass.domains(study, states);
    pass.write()
}

/// The answer to a question from what was counted in all partitions.
///
/// # Errors
/// If a part is none of this question's.
pub fn whole<'p>(study: &Study<'_>, question: Entry, parts: impl IntoIterator<Item = &'p [u8]>) -> Result<Answer, postcard::Error> {
    let mut pass = (question.begin)();
    for part in parts {
        pass.add_written(part)?;
    }
    Ok(pass.answer(study))
}
