//! Whether an archive is what it says it is.

use super::kind::Kind;
use super::model::{Digest, DomainSeen, Epoch, Id, Notes, ServerSeen, Snapshot, Span, State, WordId};
use super::parts::Parts;
use super::rows::Fresh;
use super::store::{Archive, Columns};
use super::table::Table;
use super::tables::{CertRow, ChainRow, DerRow, EvidenceRow, TlsaRow};
use crate::Error;
use std::collections::BTreeMap;

/// Faults that are named; the others are counted.
const MOST_NAMED: usize = 100;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Rounds of all vantage points.
    pub rounds: u64,
    /// States of servers and domains.
    pub states: u64,
    /// Observations that they stand for.
    pub observations: u64,
    /// Files, and their octets.
    pub files: u64,
    /// Octets of all files.
    pub octets: u64,
    /// What is wrong, a sentence each; the first hundred.
    pub faults: Vec<String>,
    /// How much is wrong.
    pub fault_count: u64,
}

impl Verified {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, what: impl FnOnce() -> String) {
        self.fault_count += 1;
        if self.faults.len() < MOST_NAMED {
            self.faults.push(what());
        }
    }
}

impl Archive {
    /// Looks whether files are those of the manifest, every reference resolves, content has its names, intervals of one thing do not overlap,
    /// and whether they count exactly the rounds that the snapshots have. Holds one kind of states in memory.
    ///
    /// # Errors
    /// If something cannot be read at all.
    pub fn verify(&self) -> Result<Verified, Error> {
        let mut found = Verified { rounds: self.snapshots.len() as u64, ..Verified::default() };
        self.verify_files(&mut found)?;
        if !found.is_sound() {
            return Ok(found);
        }
        let counts = self.parts.counts();
        let count = |table: &str| counts.get(table).map_or(0, |count| usize::try_from(*count).unwrap_or(usize::MAX));
        self.verify_content(&mut found, count("cert"))?;
        for pair in self.snapshots.windows(2) {
            if (pair[0].vantage, pair[0].scheduled_s) >= (pair[1].vantage, pair[1].scheduled_s) {
                found.fault(|| format!("two snapshots of '{}' for slot {}", self.parts.text(pair[1].vantage), pair[1].scheduled_s));
            }
        }
        let (chains, tlsa, evidence) = (count("chain"), count("tlsa_set"), count("evidence"));
        let (servers, domains, mx, ns) = (count("server"), count("domain"), count("mx_set"), count("ns_set"));
        let kept = |id: Option<usize>, of: usize| id.is_none_or(|index| index < of);
        let notes = |notes: Notes| kept(notes.evidence_from.map(Id::index), evidence) && kept(notes.evidence_to.map(Id::index), evidence);
        self.verify_states::<ServerSeen>(&mut found, |state| {
            state.key.index() < servers
                && kept(state.seen.chain.map(Id::index), chains)
                && kept(state.seen.tlsa_set.map(Id::index), tlsa)
                && notes(state.notes)
        })?;
        self.verify_states::<DomainSeen>(&mut found, |state| {
            state.key.index() < domains
                && kept(state.seen.mx_set.map(Id::index), mx)
                && kept(state.seen.ns_set.map(Id::index), ns)
                && notes(state.notes)
        })?;
        Ok(found)
    }

    fn verify_files(&self, found: &mut Verified) -> Result<(), Error> {
        for entry in &self.manifest.files {
            let (sha256, octets) = self.place.digest(&entry.path)?;
            found.files += 1;
            found.octets += octets;
            if (sha256, octets) != (entry.sha256, entry.octets) {
                found.fault(|| format!("{}: its content is not that of the manifest; restore it from a copy", entry.path));
            }
        }
        Ok(())
    }

    fn verify_content(&self, found: &mut Verified, certs: usize) -> Result<(), Error> {
        let mut names: Vec<Digest> = Vec::new();
        self.rows::<CertRow>(Columns::Only(&["cert_id", "sha256"]), |rows| names.extend(rows.iter().map(|row| row.cert.sha256)))?;
        let mut place = 0;
        self.rows::<DerRow>(Columns::All, |rows| {
            for row in rows {
                if row.id.index() != place || names.get(place) != Some(&Digest::of(&row.cert.der)) {
                    found.fault(|| format!("certificate {}: its bytes do not have its name", row.id.number()));
                }
                place += 1;
            }
        })?;
        if (names.len(), place) != (certs, certs) {
            found.fault(|| format!("{certs} certificates are numbered, {} read and {place} kept", names.len()));
        }
        self.rows::<ChainRow>(Columns::All, |rows| {
            for row in rows.iter().filter(|row| row.cert.is_some_and(|cert| cert.index() >= certs)) {
                found.fault(|| format!("chain {} names a certificate that is not there", row.id.number()));
            }
        })?;
        self.verify_numbers::<ChainRow>(found, "chain", |row| row.id.index())?;
        self.verify_numbers::<TlsaRow>(found, "tlsa_set", |row| row.id.index())?;
        for (set, name) in self.tlsa_sets()?.iter().zip(self.names::<TlsaRow>(|row| (row.id.index(), row.sha256))?) {
            if set.sha256() != name {
                found.fault(|| format!("a set of TLSA records does not have its name {name}"));
            }
        }
        for (one, name) in self.evidence()?.iter().zip(self.names::<EvidenceRow>(|row| (row.id.index(), row.sha256))?) {
            if Digest::of(one.messages.as_bytes()) != name {
                found.fault(|| format!("evidence does not have its name {name}"));
            }
        }
        Ok(())
    }

    fn names<T: Fresh>(&self, get: impl Fn(&T) -> (usize, Digest)) -> Result<Vec<Digest>, Error> {
        let mut names = Vec::new();
        self.rows::<T>(Columns::All, |rows| names.extend(rows.iter().map(&get)))?;
        names.dedup_by_key(|(place, _)| *place);
        Ok(names.into_iter().map(|(_, name)| name).collect())
    }

    fn verify_numbers<T: Fresh>(&self, found: &mut Verified, table: &str, id: impl Fn(&T) -> usize) -> Result<(), Error> {
        let mut last = None;
        self.rows::<T>(Columns::All, |rows| last = rows.last().map(&id).or(last))?;
        let count = self.parts.counts().get(table).copied().unwrap_or(0);
        let there = last.map_or(0, |last| last as u64 + 1);
        if there != count {
            found.fault(|| format!("{table}: {count} are numbered and {there} kept"));
        }
        Ok(())
    }

    fn verify_states<S: Kind>(&self, found: &mut Verified, resolves: impl Fn(&State<S::Key, S>) -> bool) -> Result<(), Error>
    where
        State<S::Key, S>: Table,
    {
        let mut all: Vec<State<S::Key, S>> = Vec::new();
        self.states::<S>(Columns::All, |states| all.extend_from_slice(states))?;
        all.sort_unstable_by_key(super::ask::place);
        let table = <State<S::Key, S> as Table>::NAME;
        let mut rounds = Rounds::of::<S>(&self.snapshots);
        for (index, state) in all.iter().enumerate() {
            found.states += 1;
            found.observations += u64::from(state.span.n_obs);
            let named =
                || format!("{table} {} at '{}' from {}", state.key.index() + 1, self.parts.text(state.vantage), state.span.valid_from_s);
            if !resolves(state) {
                found.fault(|| format!("{}: it names something that is not there", named()));
            }
            if let Err(what) = rounds.confirm(state.vantage, state.span) {
                found.fault(|| format!("{}: {what}", named()));
            }
            let next = all.get(index + 1).filter(|next| (next.key, next.vantage) == (state.key, state.vantage));
            if next.is_some_and(|next| next.span.valid_from_s < state.span.valid_to_s) {
                found.fault(|| format!("{}: the next interval begins before it ends", named()));
            }
        }
        rounds.unbalanced(&self.parts, found, table);
        Ok(())
    }
}

/// The rounds of every vantage point, and how many states they should and do confirm.
struct Rounds(BTreeMap<WordId, OfVantage>);

struct OfVantage {
    slots: Vec<(Epoch, Epoch)>,
    wanted: Vec<i64>,
    /// How many more states are confirmed from this round on.
    step: Vec<i64>,
}

impl Rounds {
    fn of<S: Kind>(snapshots: &[Snapshot]) -> Self {
        let mut all: BTreeMap<WordId, OfVantage> = BTreeMap::new();
        for round in snapshots {
            let Some(count) = S::count(round) else { continue };
            let of = all.entry(round.vantage).or_insert_with(|| OfVantage { slots: Vec::new(), wanted: Vec::new(), step: vec![0] });
            of.slots.push((round.scheduled_s, round.until()));
            of.wanted.push(count.into());
            of.step.push(0);
        }
        Self(all)
    }

    /// Counts a state in; says what is wrong with its interval.
    fn confirm(&mut self, vantage: WordId, span: Span) -> Result<(), String> {
        let of = self.0.get_mut(&vantage).ok_or("its vantage point has no snapshots")?;
        let from = of.slots.partition_point(|(at, _)| *at < span.valid_from_s);
        let to = of.slots.partition_point(|(at, _)| *at < span.valid_to_s);
        if from >= to || of.slots[from].0 != span.valid_from_s {
            return Err("it does not begin with a round".into());
        }
        of.step[from] += 1;
        of.step[to] -= 1;
        if to - from != span.n_obs as usize {
            return Err(format!("it counts {} rounds, and {} took place", span.n_obs, to - from));
        }
        let until = of.slots[to - 1].1;
        let end = of.slots.get(to).map_or(until, |(at, _)| until.min(*at));
        if end == span.valid_to_s { Ok(()) } else { Err(format!("it ends at {} instead of {end}", span.valid_to_s)) }
    }

    /// Names the rounds that saw more or fewer things than there are states.
    fn unbalanced(&self, parts: &Parts, found: &mut Verified, table: &str) {
        for (vantage, of) in &self.0 {
            let mut confirmed = 0;
            for (index, (at, _)) in of.slots.iter().enumerate() {
                confirmed += of.step[index];
                if confirmed != of.wanted[index] {
                    let wanted = of.wanted[index];
                    found.fault(|| {
                        format!("round {at} at '{}' saw {wanted}, and {confirmed} rows of {table} hold then", parts.text(*vantage))
                    });
                }
            }
        }
    }
}
