//! One of many parts of the work: what is counted in a partition, to be added up elsewhere.
//!
//! All states of a host have to be in the same partition; states of domains may be anywhere.

use super::question::Pass;
use super::run::pass_host;
use super::{Answer, Entry, Study};
use archive::states::model::{DomainState, ServerState, WordId};

/// Questions asked of a partition.
pub struct Partition<'s, 'a> {
    study: &'s Study<'a>,
    questions: Vec<Entry>,
    passes: Vec<Box<dyn Pass>>,
    servers: Vec<ServerState>,
    only: Option<WordId>,
}

impl<'s, 'a> Partition<'s, 'a> {
    /// Of which nothing was seen yet.
    #[must_use]
    pub fn new(study: &'s Study<'a>, questions: &[Entry]) -> Self {
        let passes = questions.iter().map(|question| (question.begin)()).collect();
        let only = study.domain_vantage().map(|(vantage, _)| vantage);
        Self { study, questions: questions.to_vec(), passes, servers: Vec::new(), only }
    }

    /// Takes states of servers.
    pub fn servers(&mut self, states: &[ServerState]) {
        self.servers.extend_from_slice(states);
    }

    /// Takes states of domains.
    pub fn domains(&mut self, states: &[DomainState]) {
        let kept: Vec<DomainState> = states.iter().filter(|state| Some(state.vantage) == self.only).copied().collect();
        for (pass, question) in self.passes.iter_mut().zip(&self.questions) {
            if question.needs.domains.is_some() {
                pass.domains(self.study, &kept);
            }
        }
    }

    /// What was counted, by the names of the questions.
    ///
    /// # Errors
    /// If a part cannot be written down: a fault of ours.
    pub fn parts(mut self) -> Result<Vec<(String, Vec<u8>)>, postcard::Error> {
        let (study, place) = (self.study, |state: &ServerState| self.study.host_of(state.key));
        self.servers.sort_by_key(place);
        for states in self.servers.chunk_by_mut(|one, other| place(one) == place(other)) {
            pass_host(study, states, &self.questions, &mut self.passes);
        }
        let ids = self.questions.iter().map(|question| question.about.id.to_owned());
        ids.zip(&self.passes).map(|(id, pass)| Ok((id, pass.write()?))).collect()
    }
}

/// What one question counts in some of the hosts and domains, each with all its states.
///
/// # Errors
/// If the part cannot be written down: a fault of ours.
pub fn parts(study: &Study<'_>, question: Entry, servers: &[ServerState], domains: &[DomainState]) -> Result<Vec<u8>, postcard::Error> {
    let mut partition = Partition::new(study, &[question]);
    partition.servers(servers);
    partition.domains(domains);
    Ok(partition.parts()?.pop().map(|(_, part)| part).unwrap_or_default())
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
