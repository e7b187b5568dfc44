//! What questions about a history are asked of: an archive of states, and what all of them have to know of it.
//!
//! A [`Question`] is a pure pass: every host with all its states, and every state of every domain, goes once into a [`Question::Part`]; parts
//! of partitions add up, in any order; the sum is turned into an [`Answer`]. So the same code answers on one machine and on many.
//!
//! S(t) is what a round saw: the rounds are those of a [`Grid`], and what holds between two of them is not known.

mod answer;
mod days;
mod grid;
mod holdings;
mod host;
mod matching;
mod misfit;
mod partition;
mod question;
mod records;
mod run;
mod settings;

pub use answer::{About, Answer, Cell, Chart, Drawing, Scale, Series, Table, View};
pub use days::Days;
pub use grid::{Grid, Steps};
pub use holdings::{Holdings, Watch};
pub use host::{Host, HostStates, stretches};
pub use matching::Matching;
pub use partition::{Partition, parts, whole};
pub use question::{Entry, Needs, Question};
pub use run::answers;
pub use settings::Settings;

use archive::Error;
use archive::states::model::{Cert, Chain, Domain, DomainId, Id, MxSet, NsSet, ServerId, ServerKey, Snapshot, TlsaSet, TlsaSetId, WordId};
use archive::states::{Archive, Columns};
use std::collections::{BTreeMap, HashMap};

/// What states refer to, as far as questions need it.
#[derive(Debug, Default)]
pub struct Content {
    /// Every certificate, if asked for ([`Needs::certificates`]), as all that follow.
    pub certs: Vec<Cert>,
    /// Every list of certificates.
    pub chains: Vec<Chain>,
    /// Every set of TLSA records.
    pub tlsa_sets: Vec<TlsaSet>,
    /// Every set of mail hosts.
    pub mx_sets: Vec<MxSet>,
    /// Every set of name servers.
    pub ns_sets: Vec<NsSet>,
    /// The names of all domains.
    pub domains: Vec<Domain>,
}

/// Columns of certificates for those who ask no names.
const WITHOUT_NAMES: Columns<'static> =
    Columns::Only(&["cert_id", "sha256", "sha512", "spki_sha256", "spki_sha512", "not_before_s", "not_after_s"]);

impl Content {
    /// Reads it.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(archive: &Archive, needs: Needs) -> Result<Self, Error> {
        fn if_needed<T>(needed: bool, read: impl FnOnce() -> Result<Vec<T>, Error>) -> Result<Vec<T>, Error> {
            if needed { read() } else { Ok(Vec::new()) }
        }
        Ok(Self {
            certs: if_needed(needs.certificates, || archive.certs(if needs.certificate_names { Columns::All } else { WITHOUT_NAMES }))?,
            chains: if_needed(needs.certificates, || archive.chains())?,
            tlsa_sets: if_needed(needs.tlsa, || archive.tlsa_sets())?,
            mx_sets: if_needed(needs.mail_hosts, || archive.mx_sets())?,
            ns_sets: if_needed(needs.mail_hosts, || archive.ns_sets())?,
            domains: if_needed(needs.domain_names, || archive.domains())?,
        })
    }
}

/// An archive, opened for some questions.
pub struct Study<'a> {
    archive: &'a Archive,
    /// What the person who asks has chosen.
    pub settings: &'a Settings,
    /// What states refer to.
    pub content: &'a Content,
    /// Which set matches which chain, by the definition of [`dane::paper::paper_match`].
    pub matching: Matching<'a>,
    /// By vantage point: the rounds that looked at servers.
    server_grids: Vec<(WordId, Grid)>,
    /// The same of domains.
    domain_grids: Vec<(WordId, Grid)>,
    days: Days,
    hosts: Vec<Host>,
    /// By [`ServerId`]: the place of its host.
    host_of: Vec<u32>,
}

impl<'a> Study<'a> {
    /// Of an archive and what was read of it.
    #[must_use]
    pub fn new(archive: &'a Archive, settings: &'a Settings, content: &'a Content) -> Self {
        let (hosts, host_of) = host::hosts(archive.servers());
        let mut study = Self {
            archive,
            settings,
            content,
            matching: Matching::new(&content.certs, &content.chains, &content.tlsa_sets),
            server_grids: grids(archive, settings, |snapshot| snapshot.servers.is_some()),
            domain_grids: grids(archive, settings, |snapshot| snapshot.domains.is_some()),
            days: Days::default(),
            hosts,
            host_of,
        };
        study.days = Days::new(study.vantage().map(|(_, grid)| grid), study.domain_vantage().map(|(_, grid)| grid));
        study
    }

    /// The days of [`Study::vantage`] and [`Study::domain_vantage`].
    #[must_use]
    pub fn days(&self) -> &Days {
        &self.days
    }

    /// The text of a word; empty for none.
    #[must_use]
    pub fn text(&self, word: Option<WordId>) -> &'a str {
        word.map_or("", |word| self.archive.parts().text(word))
    }

    /// The number of a word, if the archive has it.
    #[must_use]
    pub fn word(&self, text: &str) -> Option<WordId> {
        self.archive.parts().find_word(text)
    }

    /// The vantage points that looked at servers, by name, with their rounds.
    #[must_use]
    pub fn vantages(&self) -> &[(WordId, Grid)] {
        &self.server_grids
    }

    /// The vantage points that looked at domains, by name, with their rounds.
    #[must_use]
    pub fn domain_vantages(&self) -> &[(WordId, Grid)] {
        &self.domain_grids
    }

    /// The vantage point whose view of servers counts where there can be only one: the one that was chosen, or the first by name.
    #[must_use]
    pub fn vantage(&self) -> Option<(WordId, &Grid)> {
        self.chosen(&self.server_grids)
    }

    /// The same for domains.
    #[must_use]
    pub fn domain_vantage(&self) -> Option<(WordId, &Grid)> {
        self.chosen(&self.domain_grids)
    }

    fn chosen<'g>(&self, grids: &'g [(WordId, Grid)]) -> Option<(WordId, &'g Grid)> {
        let wanted = self.settings.vantage.as_deref();
        let named = grids.iter().find(|(vantage, _)| Some(self.text(Some(*vantage))) == wanted);
        named.or(grids.first()).map(|(vantage, grid)| (*vantage, grid))
    }

    /// The rounds of a vantage point that looked at servers.
    #[must_use]
    pub fn grid(&self, vantage: WordId) -> Option<&Grid> {
        self.server_grids.iter().find(|(word, _)| *word == vantage).map(|(_, grid)| grid)
    }

    /// Every host with its servers.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The place in [`Study::hosts`] of a server's host.
    #[must_use]
    pub fn host_of(&self, server: ServerId) -> Option<usize> {
        self.host_of.get(server.index()).map(|place| *place as usize)
    }

    /// What a server's number stands for.
    #[must_use]
    pub fn server(&self, server: ServerId) -> Option<&'a ServerKey> {
        self.archive.servers().get(server.index())
    }

    /// Whether a set has records: an empty one is the answer that there are none.
    #[must_use]
    pub fn has_records(&self, set: TlsaSetId) -> bool {
        !self.matching.records(set).is_empty()
    }

    /// The name of a domain; empty if it is not known.
    #[must_use]
    pub fn domain(&self, domain: DomainId) -> &str {
        self.content.domains.get(domain.index()).map_or("", |domain| &domain.domain)
    }

    /// The places in [`Study::hosts`] of all hosts that take mail at port 25, by name.
    #[must_use]
    pub fn places(&self) -> HashMap<&str, usize> {
        self.hosts.iter().enumerate().filter(|(_, host)| host.port == 25).map(|(place, host)| (&*host.name, place)).collect()
    }

    pub(crate) fn archive(&self) -> &'a Archive {
        self.archive
    }
}

/// The rounds of each vantage point that looked at something, without those that are to be left out.
fn grids(archive: &Archive, settings: &Settings, looked: impl Fn(&Snapshot) -> bool) -> Vec<(WordId, Grid)> {
    let mut by_name: BTreeMap<&str, (WordId, Vec<&Snapshot>)> = BTreeMap::new();
    for snapshot in archive.snapshots().iter().filter(|snapshot| looked(snapshot) && settings.takes(snapshot.scheduled_s)) {
        let name = archive.parts().text(snapshot.vantage);
        by_name.entry(name).or_insert_with(|| (snapshot.vantage, Vec::new())).1.push(snapshot);
    }
    by_name.into_values().map(|(vantage, snapshots)| (vantage, Grid::new(snapshots))).collect()
}
