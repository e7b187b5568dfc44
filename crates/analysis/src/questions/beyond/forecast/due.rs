//! When a host is due, by what it did before, and whether its records are ready.

use super::{Kind, MONTH};
use crate::study::{Grid, Study};
use archive::states::model::{ChainId, ServerState, TlsaSetId};
use dane::dns::Security;
use dane::rollover::Part;
use dane::tlsa::Tlsa;

/// What a host did until now.
#[derive(Debug, Default)]
pub struct Past {
    /// Every chain that it showed, in order.
    chains: Vec<ChainId>,
    /// Its renewals: first round with the new leaf, and the keys of the old and the new issuer.
    pub renewals: Vec<(i64, Option<u32>, Option<u32>)>,
    /// Whether the last renewal came with another key, and how long the old certificate would have held, seconds.
    last: Option<(bool, i64)>,
    /// The least time left of a signature when a state ended, seconds.
    least_left: Option<i64>,
}

/// A signature with less time left is late, if nothing is known of its signer, seconds. Some sign online for a day or two.
const HOURS: i64 = 6 * 3600;

/// Kind, moment, and the issuer whose customers decide.
pub type Found = (Kind, i64, Option<u32>);

impl Past {
    /// Of a stream of states.
    pub fn of(study: &Study<'_>, grid: &Grid, stream: &[ServerState]) -> Self {
        let mut past = Self::default();
        let rounds = |state: &&ServerState| !grid.rounds(&state.span).is_empty();
        let mut left_before: Option<i64> = None;
        for state in stream.iter().filter(rounds) {
            let seen = grid.rounds(&state.span);
            // That of the latest state is no past.
            past.least_left = [past.least_left, left_before].into_iter().flatten().min();
            left_before = state.notes.sig_expiration_s.map(|until| until.saturating_sub(grid.time(seen.end - 1)));
            let Some(chain) = state.seen.chain else { continue };
            if let Some(old) = past.chains.last().copied().filter(|old| *old != chain) {
                past.renewed(study, (old, chain), grid.time(seen.start));
            }
            if past.chains.last() != Some(&chain) {
                past.chains.push(chain);
            }
        }
        past
    }

    fn renewed(&mut self, study: &Study<'_>, (old, new): (ChainId, ChainId), at: i64) {
        let (Some(leaf), Some(next)) = (study.matching.leaf(old), study.matching.leaf(new)) else { return };
        if leaf.sha256 == next.sha256 {
            return;
        }
        self.renewals.push((at, study.matching.issuer_key(old), study.matching.issuer_key(new)));
        let left = leaf.not_after_s.map(|end| end.saturating_sub(at));
        self.last = left.map(|left| (leaf.spki_sha256 != next.spki_sha256, left));
    }

    /// Whether a record matches nothing that the host ever showed.
    fn waits(&self, study: &Study<'_>, record: &Tlsa) -> bool {
        !self.chains.iter().any(|chain| study.matching.fits(record, *chain))
    }
}

/// What will break at a host; `None`: it is not seen to be right now.
pub fn look(study: &Study<'_>, past: &Past, stream: &[ServerState], now: i64) -> Option<Vec<Found>> {
    let state = stream.iter().rfind(|state| state.span.contains(now))?;
    let (set, chain) = (state.seen.tlsa_set?, state.seen.chain?);
    if state.seen.dnssec != Some(Security::Secure) || !study.matching.any_fits(set, chain, Part::All) {
        return None;
    }
    let is_late = |left: i64| left >= 0 && past.least_left.map_or(left < HOURS, |least| left.saturating_mul(2) < least);
    let late = state.notes.sig_expiration_s.filter(|until| is_late(until.saturating_sub(now)));
    let mut found: Vec<Found> = late.map(|until| (Kind::SignatureNotRenewed, until, None)).into_iter().collect();
    found.extend(renewal(study, past, (set, chain), now));
    Some(found)
}

/// What the next renewal breaks, if it is due.
fn renewal(study: &Study<'_>, past: &Past, (set, chain): (TlsaSetId, ChainId), now: i64) -> Option<Found> {
    let records = study.matching.records(set);
    let leaf = records.iter().filter(|record| matches!(record.usage, 1 | 3) && study.matching.fits(record, chain)).collect::<Vec<_>>();
    let issuer = study.matching.any_fits(set, chain, Part::Issuers);
    let (new_key, left) = past.last.unwrap_or((false, 0));
    let due = study.matching.leaf(chain)?.not_after_s?.saturating_sub(left).max(now);
    if due > now.saturating_add(MONTH) || records.iter().any(|record| past.waits(study, record)) {
        return None;
    }
    match (leaf.is_empty(), issuer) {
        (false, false) if new_key || leaf.iter().all(|record| record.selector == 0) => Some((Kind::RenewalUnprepared, due, None)),
        (true, true) => Some((Kind::IssuerChanged, due, Some(study.matching.issuer_key(chain)?))),
        _ => None,
    }
}
