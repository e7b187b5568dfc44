//! A question: a pure pass over an archive.

use super::host::HostStates;
use super::{About, Answer, Study};
use archive::states::model::DomainState;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a question has to have read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Columns of `server_state` beside `server`, `vantage` and the interval. `None`: no states of servers.
    pub servers: Option<&'static [&'static str]>,
    /// Columns of `domain_state` beside `vantage` and the interval. `None`: no states of domains.
    pub domains: Option<&'static [&'static str]>,
    /// Certificates, by digests and dates, and chains.
    pub certificates: bool,
    /// Of certificates also the names of subject and issuer, and what keys they have.
    pub certificate_names: bool,
    /// TLSA sets.
    pub tlsa: bool,
    /// Sets of mail hosts and name servers.
    pub mail_hosts: bool,
    /// The names of domains; needs the column `domain`.
    pub domain_names: bool,
    /// States of servers from every vantage point, not only from [`Study::vantage`].
    pub every_vantage: bool,
}

impl Needs {
    /// Nothing but the rounds.
    pub const NONE: Self = Self {
        servers: None,
        domains: None,
        certificates: false,
        certificate_names: false,
        tlsa: false,
        mail_hosts: false,
        domain_names: false,
        every_vantage: false,
    };
}

impl Needs {
    /// What several questions need together, columns aside: whether there are any is all that is said of these.
    #[must_use]
    pub fn of(questions: &[Entry]) -> Self {
        let any = |of: fn(&Needs) -> bool| questions.iter().any(|question| of(&question.needs));
        Self {
            servers: any(|needs| needs.servers.is_some()).then_some(&[]),
            domains: any(|needs| needs.domains.is_some()).then_some(&[]),
            certificates: any(|needs| needs.certificates),
            certificate_names: any(|needs| needs.certificate_names),
            tlsa: any(|needs| needs.tlsa),
            mail_hosts: any(|needs| needs.mail_hosts),
            domain_names: any(|needs| needs.domain_names),
            every_vantage: any(|needs| needs.every_vantage),
        }
    }
}

/// A question, its pass, and the sum of it.
pub trait Question {
    /// What is counted in one partition.
    type Part: Default + Serialize + DeserializeOwned + 'static;
    /// What it is.
    const ABOUT: About;
    /// What it has to have read.
    const NEEDS: Needs;

    /// Counts one host, with all states of all its servers.
    fn host(_study: &Study<'_>, _host: &HostStates<'_>, _part: &mut Self::Part) {}

    /// Counts states of domains, in any order.
    fn domains(_study: &Study<'_>, _states: &[DomainState], _part: &mut Self::Part) {}

    /// Adds what was counted in another partition.
    fn merge(part: &mut Self::Part, other: Self::Part);

    /// What the sum means.
    fn answer(study: &Study<'_>, part: Self::Part) -> Answer;
}

/// A question among others.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What it is.
    pub about: &'static About,
    /// What it has to have read.
    pub needs: Needs,
    question: fn() -> &'static str,
    pub(super) begin: fn() -> Box<dyn Pass>,
}

impl Entry {
    /// Of a question.
    #[must_use]
    pub const fn of<Q: Question + 'static>() -> Self {
        Self {
            about: &Q::ABOUT,
            needs: Q::NEEDS,
            question: std::any::type_name::<Q>,
            begin: || Box::new(Running::<Q> { part: Q::Part::default() }),
        }
    }
}

impl Entry {
    /// The module that has its code: `p20::adoption`.
    #[must_use]
    pub fn module(&self) -> &'static str {
        let path = (self.question)();
        let module = path.rsplit_once("::").map_or(path, |(module, _)| module);
        module.split_once("questions::").map_or(module, |(_, module)| module)
    }
}

/// A part that is being counted, of whatever question.
pub(super) trait Pass {
    fn host(&mut self, study: &Study<'_>, host: &HostStates<'_>);
    fn domains(&mut self, study: &Study<'_>, states: &[DomainState]);
    /// The part in the form in which it goes from one machine to another.
    fn write(&self) -> Result<Vec<u8>, postcard::Error>;
    fn add_written(&mut self, part: &[u8]) -> Result<(), postcard::Error>;
    fn answer(self: Box<Self>, study: &Study<'_>) -> Answer;
}

struct Running<Q: Question> {
    part: Q::Part,
}

impl<Q: Question + 'static> Pass for Running<Q> {
    fn host(&mut self, study: &Study<'_>, host: &HostStates<'_>) {
        Q::host(study, host, &mut self.part);
    }

    fn domains(&mut self, study: &Study<'_>, states: &[DomainState]) {
        Q::domains(study, states, &mut self.part);
    }

    fn write(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(&self.part)
    }

    fn add_written(&mut self, part: &[u8]) -> Result<(), postcard::Error> {
        Q::merge(&mut self.part, postcard::from_bytes(part)?);
        Ok(())
    }

    fn answer(self: Box<Self>, study: &Study<'_>) -> Answer {
        Q::answer(study, self.part)
    }
}
