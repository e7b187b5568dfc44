//! New rules for old states. This crate has no opinion: whoever has one is shown what is kept, and says what it means.
//!
//! A verdict is part of a state. So under new rules a state may fall apart, where the clock decides within it, and neighbours may become
//! one. What comes out is what would be there had the rules been these from the beginning.

use super::file;
use super::fold::{Slot, later};
use super::insert::again;
use super::kind::slot;
use super::model::{
    CertDer, Chain, ChainId, Epoch, Evidence, Id, Notes, Seen, ServerKey, ServerSeen, ServerState, ServerVerdict, Span, TlsaSet, TlsaSetId,
    WordId,
};
use super::table::Table;
use super::writer::Writer;
use crate::Error;
use dane::dns::Security;
use dane::observation::CertificateBytes;
use dane::tlsa::Tlsa;
use std::collections::{BTreeMap, BTreeSet};

/// Whether anything is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// The archive is to have the new verdicts.
    Write,
    /// It stays as it is: what would change is wanted.
    DryRun,
}

/// What an archive keeps of a server at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The server.
    pub server: &'a ServerKey,
    /// What was seen, with the old verdict.
    pub seen: &'a ServerSeen,
    /// Certificates as sent, with their number. `None`: none was seen.
    pub chain: Option<(ChainId, &'a [CertificateBytes])>,
    /// TLSA records, with their number. `None`: no answer.
    pub tlsa: Option<(TlsaSetId, &'a [Tlsa])>,
    /// Raw answers of the state's first look, if any were kept.
    pub evidence: Option<&'a Evidence>,
    /// The first round of the state: when the raw answers came.
    pub since: Epoch,
    /// The round to judge for.
    pub at: Epoch,
}

/// What it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: ServerVerdict,
    /// DNSSEC status of the TLSA answer and the code of why it is not secure. `None`: as it was.
    pub dnssec: Option<(Security, Option<&'static str>)>,
    /// The first moment for which this may not hold any more.
    pub until: Epoch,
}

/// So much changed in one column from one value to another.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The column.
    pub column: &'static str,
    /// The old value. `None`: null.
    pub from: Option<String>,
    /// The new one.
    pub to: Option<String>,
    /// States or parts of them.
    pub states: u64,
    /// Looks that they stand for.
    pub observations: u64,
}

/// What rejudging did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rejudged {
    /// States of servers before.
    pub states_before: u64,
    /// And after.
    pub states_after: u64,
    /// Looks that the states stand for, before and after.
    pub observations: u64,
    /// Looks with another verdict.
    pub changed: u64,
    /// By column and values.
    pub changes: Vec<Change>,
}

type Pair = (Option<String>, Option<String>);

/// Everything that states refer to.
struct Content {
    chains: Vec<Vec<CertificateBytes>>,
    sets: Vec<TlsaSet>,
    evidence: Vec<Evidence>,
}

impl Writer {
    /// Has every state of a server judged anew, by rules of this version, and puts the outcome in the place of the old states as a whole:
    /// a process that is killed leaves either. Holds all states and certificates in memory.
    ///
    /// # Errors
    /// If something cannot be read or written. The archive is then as it was before.
    pub fn rejudge(&mut self, rules: u16, apply: Apply, mut judge: impl FnMut(Kept<'_>) -> Judged) -> Result<Rejudged, Error> {
        self.sound()?;
        let content = self.content()?;
        let mut rounds: BTreeMap<WordId, Vec<Slot>> = BTreeMap::new();
        for round in self.archive.snapshots.iter().filter(|round| ServerSeen::count(round).is_some()) {
            rounds.entry(round.vantage).or_default().push(slot(round));
        }
        let (mut old, dropped) = self.all_server_states()?;
        old.sort_unstable_by_key(super::ask::place);
        let mut found = Rejudged { states_before: old.len() as u64, ..Rejudged::default() };
        let mut changes: BTreeMap<(&'static str, Pair), (u64, u64)> = BTreeMap::new();
        let mut new: Vec<ServerState> = Vec::with_capacity(old.len());
        for states in old.chunk_by(|a, b| (a.key, a.vantage) == (b.key, b.vantage)) {
            let first = new.len();
            for state in states {
                let Some(slots) = rounds.get(&state.vantage) else { continue };
                let parts = &mut self.archive.parts;
                let Some(server) = parts.servers.list().get(state.key.index()).cloned() else { continue };
                let judged = |at| {
                    let Judged { verdict, dnssec, until } = judge(content.of(&server, state, at));
                    let old = (state.seen.dnssec, state.seen.reason);
                    let dnssec = dnssec.map_or(old, |(status, why)| (Some(status), why.map(|why| parts.word(why))));
                    (ServerSeen { verdict, dnssec: dnssec.0, reason: dnssec.1, ..state.seen }, until)
                };
                for piece in pieces(state, slots, judged) {
                    found.observations += u64::from(piece.span.n_obs);
                    found.changed += u64::from(count(&mut changes, self.archive.parts(), state, &piece));
                    let piece = ServerState { notes: Notes { rules, ..piece.notes }, ..piece };
                    match new[first..].last_mut() {
                        Some(last) if last.seen == piece.seen && follows(last, &piece, slots) => join(last, &piece),
                        _ => new.push(piece),
                    }
                }
            }
        }
        found.states_after = new.len() as u64;
        let change = |((column, (from, to)), (states, observations))| Change { column, from, to, states, observations };
        found.changes = changes.into_iter().map(change).collect();
        if apply == Apply::Write && new != old {
            self.servers = again(&self.archive.snapshots, new);
            self.replace(&dropped).inspect_err(|e| self.broken = Some(e.to_string()))?;
        }
        Ok(found)
    }

    /// Every state, and the files that hold states which are over.
    fn all_server_states(&self) -> Result<(Vec<ServerState>, BTreeSet<String>), Error> {
        let (mut all, mut files) = (self.servers.over.clone(), BTreeSet::new());
        all.extend(self.servers.open());
        for entry in self.archive.manifest.of(ServerState::NAME).filter(|entry| !entry.is_open()) {
            file::read(&self.archive.place, entry, None, &self.archive.parts, |more| all.extend_from_slice(more))?;
            files.insert(entry.path.clone());
        }
        Ok((all, files))
    }

    fn content(&self) -> Result<Content, Error> {
        let mut certs: Vec<CertificateBytes> = Vec::new();
        self.archive.ders(|_, CertDer { der }| certs.push(CertificateBytes((&**der).into())))?;
        let chain = |chain: Chain| chain.certs.iter().filter_map(|id| certs.get(id.index()).cloned()).collect();
        let chains = self.archive.chains()?.into_iter().map(chain).collect();
        Ok(Content { chains, sets: self.archive.tlsa_sets()?, evidence: self.archive.evidence()? })
    }
}

impl Content {
    fn of<'a>(&'a self, server: &'a ServerKey, state: &'a ServerState, at: Epoch) -> Kept<'a> {
        let ServerState { seen, notes, .. } = state;
        Kept {
            server,
            seen,
            chain: seen.chain.and_then(|id| Some((id, self.chains.get(id.index())?.as_slice()))),
            tlsa: seen.tlsa_set.and_then(|id| Some((id, &*self.sets.get(id.index())?.records))),
            evidence: notes.evidence_from.and_then(|id| self.evidence.get(id.index())),
            since: state.span.valid_from_s,
            at,
        }
    }
}

/// A state as it is under the new rules: in one piece unless they change their mind within it.
fn pieces(state: &ServerState, slots: &[Slot], mut judge: impl FnMut(Epoch) -> (ServerSeen, Epoch)) -> Vec<ServerState> {
    let mut next = slots.partition_point(|slot| slot.at < state.span.valid_from_s);
    let end = slots.partition_point(|slot| slot.at < state.span.valid_to_s);
    let mut pieces = Vec::with_capacity(1);
    while next < end {
        let first = next;
        let (seen, holds_until) = judge(slots[first].at);
        next = (first + 1).max(slots.partition_point(|slot| slot.at < holds_until)).min(end);
        let until = slots[next - 1].until;
        let span = Span {
            valid_from_s: slots[first].at,
            valid_to_s: slots.get(next).map_or(until, |after| until.min(after.at)),
            n_obs: u32::try_from(next - first).unwrap_or(u32::MAX),
        };
        pieces.push(ServerState { span, seen, ..*state });
    }
    pieces
}

/// Whether no round lies between them.
fn follows(last: &ServerState, piece: &ServerState, slots: &[Slot]) -> bool {
    let from = slots.partition_point(|slot| slot.at < last.span.valid_from_s);
    slots.get(from + last.span.n_obs as usize).is_some_and(|slot| slot.at == piece.span.valid_from_s)
}

fn join(last: &mut ServerState, piece: &ServerState) {
    last.span.valid_to_s = piece.span.valid_to_s;
    last.span.n_obs += piece.span.n_obs;
    last.notes = later(last.notes, piece.notes);
}

/// Counts what differs; how many looks do.
fn count(changes: &mut BTreeMap<(&'static str, Pair), (u64, u64)>, parts: &super::Parts, old: &ServerState, new: &ServerState) -> u32 {
    let mut differs = false;
    let mut note = |column, from: Option<String>, to: Option<String>| {
        if from != to {
            differs = true;
            let sum = changes.entry((column, (from, to))).or_default();
            *sum = (sum.0 + 1, sum.1 + u64::from(new.span.n_obs));
        }
    };
    let word = |id: Option<WordId>| id.map(|id| parts.text(id).to_owned());
    let truth = |value: Option<bool>| value.map(|value| value.to_string());
    let (one, other) = (&old.seen, &new.seen);
    note("dnssec", one.dnssec.map(|s| s.word().to_owned()), other.dnssec.map(|s| s.word().to_owned()));
    note("reason", word(one.reason), word(other.reason));
    note("paper_match", truth(one.verdict.paper_match), truth(other.verdict.paper_match));
    note("paper_valid", truth(one.verdict.paper_valid), truth(other.verdict.paper_valid));
    note("rfc_action", one.verdict.rfc_action.map(|a| a.word().to_owned()), other.verdict.rfc_action.map(|a| a.word().to_owned()));
    note("rfc_delivers", truth(one.verdict.rfc_delivers), truth(other.verdict.rfc_delivers));
    note("causes", word(one.verdict.causes), word(other.verdict.causes));
    if differs { new.span.n_obs } else { 0 }
}
