//! Judging that there are no such records.

use domain::base::iana::Rtype;

use super::trust::Standing;
use super::{Halt, Place, Run, Section, held_at, signers};
use crate::cache::ZoneKeys;
use crate::denial::{Proof, is_denial};
use crate::name;
use crate::outcome::Outcome;
use crate::reason::{Reason, ReasonCode};
use crate::types::{Epoch, Name, Response, Rrset, Security};

/// Response code NXDOMAIN.
const NXDOMAIN: u16 = 3;

impl Run<'_> {
    /// Finds the status of a response without the records asked for.
    pub(super) fn absence(&mut self, index: usize, response: &Response, at: &Name, rtype: Rtype) -> Result<Outcome, Halt> {
        let fail = |code| Reason::new(code, at, rtype, "");
        let mut failure = None;
        let sets = response.authority.iter().filter(|set| is_denial(set) || set.rtype == Rtype::SOA);
        for signer in signers(sets, at, rtype) {
            match self.standing(&signer) {
                Ok(Standing::Signed(zone)) if zone.apex == signer => match self.prove(index, response, &zone, at, rtype) {
                    Ok((rcode, proof)) => return self.absent(index, response, &zone, at, rcode, proof),
                    Err(code) => failure = failure.or_else(|| Some(fail(code))),
                },
                Ok(_) => {}
                Err(Halt::Fail(reason)) => failure = failure.or(Some(*reason)),
                Err(ask) => return Err(ask),
            }
        }
        match self.standing(&held_at(at, rtype)) {
            Ok(Standing::Insecure(reason, expires)) => Ok(self.insecurely_absent(response, at, &reason, expires)),
            Ok(Standing::Signed(zone)) => {
                let why = failure.map_or_else(|| self.prove(index, response, &zone, at, rtype).map_err(fail), Err);
                match why {
                    Ok((rcode, proof)) => self.absent(index, response, &zone, at, rcode, proof),
                    Err(reason) => Err(Halt::Fail(Box::new(reason))),
                }
            }
            Err(Halt::Fail(reason)) => Err(Halt::Fail(failure.map_or(reason, Box::new))),
            Err(ask) => Err(ask),
        }
    }

    /// The response code that is proven, and what the proof is worth. NXDOMAIN for a name that exists without the type is put
    /// right, and so is its lack for a name that compact denial says not to exist.
    // R-116 R-117 rfc4035#5.4
    fn prove(&mut self, index: usize, response: &Response, zone: &ZoneKeys, at: &Name, rtype: Rtype) -> Result<(u16, Proof), ReasonCode> {
        let denial = self.denial(index, &response.authority, zone)?;
        let work = &mut self.v.work;
        let mut failure = None;
        if response.rcode == NXDOMAIN {
            match denial.no_name(at, work) {
                Ok(proof) => return Ok((NXDOMAIN, proof)),
                Err(ReasonCode::Budget) => return Err(ReasonCode::Budget),
                Err(code) => failure = Some(code),
            }
        }
        let proof = match (denial.no_data(at, rtype, work), failure) {
            (Ok(proof), None) | (Ok(proof @ Proof::Full), Some(_)) => proof,
            (Err(code), None) | (_, Some(code)) => return Err(code),
        };
        Ok((if denial.denies_owner(at) { NXDOMAIN } else { 0 }, proof))
    }

    fn absent(&mut self, index: usize, response: &Response, zone: &ZoneKeys, at: &Name, rcode: u16, proof: Proof) -> Result<Outcome, Halt> {
        let rtype = self.v.question.rtype;
        let denial = self.denial(index, &response.authority, zone).map_err(|code| Halt::fail(code, at, rtype, ""))?;
        let now = self.v.work.now;
        let mut ttl = denial.ttl;
        if let Some((i, soa)) = super::find(&response.authority, &zone.apex, Rtype::SOA) {
            // The SOA record is part of the answer, as it says how long it holds. (RFC 4035 section 3.2.3)
            let place = Place { response: index, section: Section::Authority, index: i };
            let verified = self.check(place, soa, zone).map_err(|code| Halt::fail(code, &zone.apex, Rtype::SOA, ""))?;
            ttl = ttl.min(verified.ttl).min(minimum(soa));
        }
        let why = match proof {
            Proof::Full => None,
            Proof::OptOut => Some(ReasonCode::OptOut),
            Proof::Iterations => Some(ReasonCode::Nsec3Iterations),
        };
        let status = if why.is_none() { Security::Secure } else { Security::Insecure };
        self.weaken(status, why.map(|code| Reason::new(code, at, rtype, "")), now + Epoch::from(ttl));
        let mut outcome = self.v.outcome(rcode);
        outcome.negative_ttl = Some(ttl);
        outcome.opt_out = proof == Proof::OptOut;
        Ok(outcome)
    }

    fn insecurely_absent(&mut self, response: &Response, at: &Name, reason: &Reason, expires: Epoch) -> Outcome {
        let signatures = || response.authority.iter().flat_map(|set| &set.signatures);
        let signed = signatures().any(|s| name::is_within(&s.signer, &reason.at_name));
        let soa = response.authority.iter().find(|set| set.rtype == Rtype::SOA && name::is_within(at, &set.owner));
        let ttl = soa.map_or(0, |soa| soa.ttl.min(minimum(soa)));
        self.weaken(Security::Insecure, Some(reason.seen(signed)), expires.min(self.v.work.now + Epoch::from(ttl)));
        let mut outcome = self.v.outcome(response.rcode);
        outcome.negative_ttl = Some(ttl);
        outcome
    }
}

/// The MINIMUM field of a SOA record: its last four octets.
fn minimum(soa: &Rrset) -> u32 {
    let field = soa.data.first().and_then(|data| data.last_chunk::<4>());
    field.map_or(0, |octets| u32::from_be_bytes(*octets))
}
