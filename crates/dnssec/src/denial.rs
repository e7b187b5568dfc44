//! Proofs that something does not exist, whichever kind of record they are made of.

use bytes::Bytes;
use domain::base::iana::Rtype;

use crate::nsec::{Nsec, NsecProof};
use crate::nsec3::{Nsec3, Nsec3Proof, Parameters, Span};
use crate::reason::ReasonCode;
use crate::rrsig::{Signer, Verified, verify};
use crate::types::{Epoch, Name, Relation, Rrset};
use crate::work::Work;

/// What a proof is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It is proven.
    Full,
    /// It is proven but for unsigned delegations.
    // R-121 rfc5155#9.2
    OptOut,
    /// It is not looked into: the iteration count is too high, which makes it insecure.
    // R-123 rfc9276#3.2
    Iterations,
}

/// What a name is in the zone above it, by a proof that it has no DS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A delegation without DS.
    Unsigned,
    /// It may be a delegation without DS.
    OptOut,
    /// Undecided: the iteration count is too high.
    Iterations,
    /// A name of the zone, no delegation.
    NotCut,
    /// It does not exist.
    NoSuchName,
}

/// A record that denies, verified, and not from a wildcard.
#[derive(Debug)]
pub(crate) struct Proven {
    record: Denying,
}

#[derive(Debug)]
enum Denying {
    Nsec(Nsec),
    Nsec3(Nsec3),
}

impl Proven {
    /// Reads the record of a set that was verified and has one; `None` if it is of no use.
    pub(crate) fn new(owner: &Name, rtype: Rtype, data: &Bytes, apex: &Name) -> Option<Self> {
        let record =
            if rtype == Rtype::NSEC { Denying::Nsec(Nsec::new(owner, data)?) } else { Denying::Nsec3(Nsec3::new(owner, data, apex)?) };
        Some(Self { record })
    }
}

/// More ways of hashing than this in one response are not looked at: a salt change needs two.
const MAX_PARAMETERS: usize = 3;

/// The verified NSEC and NSEC3 records of one zone in a response.
#[derive(Debug)]
pub(crate) struct Denial {
    apex: Name,
    nsec: Vec<Nsec>,
    nsec3: Vec<Nsec3>,
    parameters: Vec<Parameters>,
    /// Why records that were there could not be used.
    failure: Option<ReasonCode>,
    /// There are records of another zone.
    foreign: bool,
    /// Least TTL of the records, seconds.
    pub(crate) ttl: u32,
    /// When the first of the records ends.
    pub(crate) expires: Epoch,
}

impl Denial {
    /// Verifies the NSEC and NSEC3 records of the zone.
    pub(crate) fn new(authority: &[Rrset], signer: Signer<'_>, work: &mut Work) -> Result<Self, ReasonCode> {
        let mut denial = Self::empty(signer.apex);
        for set in authority.iter().filter(|set| is_denial(set) && set.owner.is_within(signer.apex)) {
            match verify(set, signer, work) {
                Ok(verified) => denial.take(set, &verified),
                Err(ReasonCode::Budget) => return Err(ReasonCode::Budget),
                // Records of another zone are not ours to judge.
                Err(ReasonCode::RrsigSigner) => denial.foreign = true,
                Err(code) => denial.failure = denial.failure.or(Some(code)),
            }
        }
        Ok(denial)
    }

    /// Takes records for verified, for fuzzing.
    pub(crate) fn trusting<'s>(apex: &Name, sets: impl Iterator<Item = &'s Rrset>, verified: &Verified) -> Self {
        let mut denial = Self::empty(apex);
        sets.for_each(|set| denial.take(set, verified));
        denial
    }

    /// Of records that were verified and read before.
    pub(crate) fn of<'p>(apex: &Name, records: impl Iterator<Item = &'p Proven>) -> Self {
        let mut denial = Self::empty(apex);
        for record in records {
            match &record.record {
                Denying::Nsec(nsec) => denial.nsec.push(nsec.clone()),
                Denying::Nsec3(nsec3) => {
                    if !denial.parameters.contains(&nsec3.parameters) && denial.parameters.len() < MAX_PARAMETERS {
                        denial.parameters.push(nsec3.parameters.clone());
                    }
                    denial.nsec3.push(nsec3.clone());
                }
            }
        }
        denial
    }

    fn empty(apex: &Name) -> Self {
        Self {
            apex: apex.clone(),
            nsec: Vec::new(),
            nsec3: Vec::new(),
            parameters: Vec::new(),
            failure: None,
            foreign: false,
            ttl: u32::MAX,
            expires: Epoch::MAX,
        }
    }

    fn take(&mut self, set: &Rrset, verified: &Verified) {
        // R-120 rfc4035#5.2: a record that was expanded from a wildcard is not the owner's.
        if verified.wildcard.is_some() {
            return;
        }
        self.ttl = self.ttl.min(verified.ttl);
        self.expires = self.expires.min(verified.expires);
        for data in &set.data {
            if set.rtype == Rtype::NSEC {
                self.nsec.extend(Nsec::new(&set.owner, data));
            } else if let Some(nsec3) = Nsec3::new(&set.owner, data, &self.apex) {
                if !self.parameters.contains(&nsec3.parameters) && self.parameters.len() < MAX_PARAMETERS {
                    self.parameters.push(nsec3.parameters.clone());
                }
                self.nsec3.push(nsec3);
            }
        }
    }

    fn by_nsec(&self) -> NsecProof<'_> {
        NsecProof { apex: &self.apex, records: &self.nsec }
    }

    /// Makes one proof with NSEC3 records that all hash in the same way; tries the ways in turn.
    fn by_nsec3<T>(
        &self,
        work: &mut Work,
        mut prove: impl FnMut(&Nsec3Proof<'_>, &mut Work) -> Result<Option<T>, ReasonCode>,
    ) -> Result<Option<Counted<T>>, ReasonCode> {
        let mut too_many = false;
        for parameters in &self.parameters {
            // R-123 rfc9276#3.2
            if parameters.iterations > work.policy.nsec3_bogus_above {
                return Err(ReasonCode::Nsec3Iterations);
            }
            if parameters.iterations > work.policy.nsec3_insecure_above {
                too_many = true;
                continue;
            }
            let proof = Nsec3Proof { apex: &self.apex, parameters, records: &self.nsec3 };
            if let Some(found) = prove(&proof, work)? {
                return Ok(Some(Counted::Proven(found)));
            }
        }
        Ok(too_many.then_some(Counted::TooMany))
    }

    fn decide(&self, nsec: bool, nsec3: impl FnOnce() -> Result<Option<Counted<Span>>, ReasonCode>) -> Result<Proof, ReasonCode> {
        if nsec {
            return Ok(Proof::Full);
        }
        match nsec3()? {
            Some(Counted::Proven(Span::Absent)) => Ok(Proof::Full),
            Some(Counted::Proven(Span::OptOut)) => Ok(Proof::OptOut),
            Some(Counted::TooMany) => Ok(Proof::Iterations),
            None => Err(self.why_not()),
        }
    }

    /// The name has no such type.
    pub(crate) fn no_data(&self, name: &Name, rtype: Rtype, work: &mut Work) -> Result<Proof, ReasonCode> {
        self.decide(self.by_nsec().no_data(name, rtype), || self.by_nsec3(work, |proof, work| proof.no_data(name, rtype, work)))
    }

    /// A record at the name says of it that it does not exist. To be asked where [`no_data`](Self::no_data) holds.
    pub(crate) fn denies_owner(&self, name: &Name) -> bool {
        self.by_nsec().types_at(name).is_some_and(crate::nsec::Types::deny_owner)
    }

    /// The name does not exist.
    pub(crate) fn no_name(&self, name: &Name, work: &mut Work) -> Result<Proof, ReasonCode> {
        self.decide(self.by_nsec().no_name(name), || self.by_nsec3(work, |proof, work| proof.no_name(name, work)))
    }

    /// Nothing closer to `name` exists than the wildcard below `encloser`.
    // R-114 rfc4035#5.3.4
    pub(crate) fn no_closer_match(&self, name: &Name, encloser: &Name, work: &mut Work) -> Result<Proof, ReasonCode> {
        let next_closer = crate::name::ancestor(name, crate::name::labels(encloser) + 1);
        self.decide(self.by_nsec().not_there(&next_closer), || {
            self.by_nsec3(work, |proof, work| proof.no_closer_match(name, encloser, work))
        })
    }

    /// The name has no DS record in this zone; says what it is.
    // R-120 rfc4035#5.2 rfc5155#8.9
    pub(crate) fn no_ds(&self, name: &Name, work: &mut Work) -> Result<Place, ReasonCode> {
        let nsec = self.by_nsec();
        let by_types = |types: &crate::nsec::Types| {
            // A DS bit, or a record from the child's side, is no proof.
            let denied = !types.has(Rtype::DS) && !types.has(Rtype::SOA);
            denied.then_some(if types.has(Rtype::NS) { Place::Unsigned } else { Place::NotCut })
        };
        if let Some(types) = nsec.types_at(name) {
            return by_types(types).ok_or(ReasonCode::DenialWrong);
        }
        if nsec.empty_non_terminal(name) {
            return Ok(Place::NotCut);
        }
        if nsec.not_there(name) {
            return Ok(Place::NoSuchName);
        }
        let by_nsec3 = self.by_nsec3(work, |proof, work| match proof.types_at(name, work)? {
            Some(types) => Ok(by_types(types)),
            None => Ok(proof.not_there(name, work)?.map(|span| match span {
                Span::Absent => Place::NoSuchName,
                Span::OptOut => Place::OptOut,
            })),
        })?;
        match by_nsec3 {
            Some(Counted::Proven(place)) => Ok(place),
            Some(Counted::TooMany) => Ok(Place::Iterations),
            None => Err(self.why_not()),
        }
    }

    /// Why there is no proof: the records' signatures, their lack, or what they say.
    fn why_not(&self) -> ReasonCode {
        match self.failure {
            Some(code) => code,
            None if self.nsec.is_empty() && self.nsec3.is_empty() && !self.foreign => ReasonCode::DenialMissing,
            None => ReasonCode::DenialWrong,
        }
    }
}

/// What NSEC3 records gave.
enum Counted<T> {
    Proven(T),
    TooMany,
}

/// Whether the RRset is one that denies.
pub(crate) fn is_denial(set: &Rrset) -> bool {
    set.rtype == Rtype::NSEC || set.rtype == Rtype::NSEC3
}
