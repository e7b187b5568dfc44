//! Following aliases, and judging the records at their end.

use std::sync::Arc;

use domain::base::iana::Rtype;

use super::trust::Standing;
use super::{Halt, Place, Run, Section, find, find_dname, held_at, signers};
use crate::cache::ZoneKeys;
use crate::denial::Proof;
use crate::name;
use crate::outcome::{Link, Outcome, Signature};
use crate::reason::{Reason, ReasonCode};
use crate::rrsig::Verified;
use crate::types::{Epoch, Name, Question, Relation, Response, Rrset, Security};
use crate::wire::Reader;

/// What is found of an RRset: secure or insecure. Everything else halts.
pub(super) struct Judged {
    status: Security,
    reason: Option<Reason>,
    ttl: u32,
    expires: Epoch,
    signature: Option<Signature>,
    wildcard: bool,
    opt_out: bool,
}

impl Run<'_> {
    /// Follows the aliases to the end.
    // R-124 rfc4035#5
    pub(super) fn answer(&mut self) -> Result<Outcome, Halt> {
        let rtype = self.v.question.rtype;
        loop {
            let at = self.v.path.name.clone();
            let index = self.v.path.response;
            let response = self.reading(index)?;
            if let Some((i, set)) = find_dname(&response.answer, &at) {
                if let Some(outcome) = self.follow_dname(&response, i, set, &at, rtype)? {
                    return Ok(outcome);
                }
            } else if let Some(outcome) = self.at_end(index, &response, &at, rtype)? {
                return Ok(outcome);
            } else if let Some((i, set)) = find(&response.answer, &at, Rtype::CNAME) {
                match target(set) {
                    Some(target) => self.follow(i, set, target)?,
                    None => return Err(self.malformed(i, set, Rtype::CNAME, many_targets(set))),
                }
            } else if let Some(outcome) = self.nothing(index, &response, &at, rtype)? {
                return Ok(outcome);
            }
        }
    }

    /// The response with this index, which must be one.
    fn reading(&mut self, index: usize) -> Result<Arc<Response>, Halt> {
        let Some((Question { name, rtype }, _)) = self.v.fetched.get(index) else {
            return Err(Halt::fail(ReasonCode::FetchFailed, &self.v.path.name.clone(), self.v.question.rtype, ""));
        };
        let (name, rtype) = (name.clone(), *rtype);
        self.fetch(&name, rtype).map(|(_, response)| response)
    }

    /// The outcome if the records asked for are here.
    fn at_end(&mut self, index: usize, response: &Response, at: &Name, rtype: Rtype) -> Result<Option<Outcome>, Halt> {
        let wanted = |set: &Rrset| set.owner.is(at) && (set.rtype == rtype || rtype == Rtype::ANY);
        let mut first: Option<(Rrset, Judged)> = None;
        for (i, set) in response.answer.iter().enumerate().filter(|(_, set)| wanted(set)) {
            let judged = self.judge(Place { response: index, section: Section::Answer, index: i }, set, response)?;
            // R-124 rfc2181#10.1
            if judged.status == Security::Secure && !beside_cname(set.rtype) && find(&response.answer, at, Rtype::CNAME).is_some() {
                return Err(Halt::fail(ReasonCode::CnameProofWrong, at, set.rtype, "a CNAME stands beside other data"));
            }
            self.weaken(judged.status, judged.reason.clone(), judged.expires);
            first.get_or_insert_with(|| (Rrset { ttl: judged.ttl, ..set.clone() }, judged));
        }
        Ok(first.map(|(set, judged)| self.ends_with(Some(set), judged, 0)))
    }

    /// The outcome that ends with this RRset.
    fn ends_with(&mut self, answer: Option<Rrset>, judged: Judged, rcode: u16) -> Outcome {
        let mut outcome = self.v.outcome(rcode);
        (outcome.signature, outcome.wildcard, outcome.opt_out) = (judged.signature, judged.wildcard, judged.opt_out);
        outcome.answer = answer;
        outcome
    }

    /// The weakest status wins, and the first reason of that status.
    pub(super) fn weaken(&mut self, status: Security, reason: Option<Reason>, expires: Epoch) {
        let path = &mut self.v.path;
        if path.status == Security::Secure && status != Security::Secure {
            path.status = status;
            path.reason = reason;
        }
        path.expires = path.expires.min(expires);
    }

    /// Follows the DNAME above the name, or ends with the CNAME that it stands for if that was asked for.
    // R-124 rfc6672#5.3
    fn follow_dname(&mut self, response: &Response, i: usize, set: &Rrset, at: &Name, rtype: Rtype) -> Result<Option<Outcome>, Halt> {
        let Some(new) = target(set) else { return Err(self.malformed(i, set, Rtype::DNAME, many_targets(set))) };
        let made = name::replace_suffix(at, &set.owner, &new);
        if let (Some(made), Some((_, cname))) = (&made, find(&response.answer, at, Rtype::CNAME))
            && target(cname).as_ref() != Some(made)
        {
            return Err(self.malformed(i, set, Rtype::CNAME, "the CNAME is not what the DNAME makes of the name"));
        }
        match made {
            Some(made) if rtype != Rtype::CNAME && rtype != Rtype::ANY => self.follow(i, set, made).map(|()| None),
            made => {
                let place = Place { response: self.v.path.response, section: Section::Answer, index: i };
                let judged = self.judge_alias(place, set, response)?;
                self.weaken(judged.status, judged.reason.clone(), judged.expires);
                // Nothing is made if the name would be too long: YXDOMAIN. (RFC 6672 section 2.2)
                let rcode = if made.is_some() { 0 } else { 6 };
                let data = |name: Name| vec![name.into_octets()];
                let answer = made.map(|made| Rrset {
                    owner: at.clone(),
                    rtype: Rtype::CNAME,
                    ttl: judged.ttl,
                    data: data(made),
                    signatures: Vec::new(),
                });
                Ok(Some(self.ends_with(answer, judged, rcode)))
            }
        }
    }

    /// What to say of an alias that makes no sense, as this RRset shows: only in a zone that must be signed is it forged.
    // R-127 rfc4035#4.3
    fn malformed(&mut self, i: usize, set: &Rrset, rtype: Rtype, detail: &str) -> Halt {
        let at = self.v.path.name.clone();
        let index = self.v.path.response;
        let place = Place { response: index, section: Section::Answer, index: i };
        match self.reading(index).and_then(|response| self.judge_alias(place, set, &response)) {
            Ok(judged) if judged.status == Security::Secure => Halt::fail(ReasonCode::CnameProofWrong, &at, rtype, detail),
            Ok(_) => Halt::fail(ReasonCode::FetchError, &at, rtype, detail),
            Err(halt) => halt,
        }
    }

    /// Finds the status of an alias. An unsigned DNAME has no say over names below a trust anchor of their own.
    // R-107 rfc4035#5
    fn judge_alias(&mut self, place: Place, set: &Rrset, response: &Response) -> Result<Judged, Halt> {
        let judged = self.judge(place, set, response)?;
        let at = self.v.path.name.clone();
        let island = |name: &Name| name::is_below(name, &set.owner) && self.v.anchors.at(name).is_some();
        if judged.status == Security::Insecure
            && at.iter_suffixes().any(|name| island(&name))
            && let Standing::Signed(zone) = self.standing(&at)?
        {
            let detail = format!("an unsigned DNAME stands above the signed zone {}", zone.apex.fmt_with_dot());
            return Err(Halt::fail(ReasonCode::RrsigMissing, &at, set.rtype, detail));
        }
        Ok(judged)
    }

    /// Judges the alias and goes on at its target.
    fn follow(&mut self, i: usize, set: &Rrset, target: Name) -> Result<(), Halt> {
        let at = self.v.path.name.clone();
        let index = self.v.path.response;
        let response = self.reading(index)?;
        let judged = self.judge_alias(Place { response: index, section: Section::Answer, index: i }, set, &response);
        let mut link = Link { owner: at.clone(), target: target.clone(), ttl: set.ttl, status: Security::Bogus, rtype: set.rtype };
        let judged = match judged {
            Err(Halt::Fail(reason)) => {
                link.status = reason.code.status();
                self.v.path.aliases.push(link);
                return Err(Halt::Fail(reason));
            }
            other => other?,
        };
        (link.status, link.ttl) = (judged.status, judged.ttl);
        self.weaken(judged.status, judged.reason, judged.expires);
        let seen = target == self.v.question.name || self.v.path.aliases.iter().any(|link| link.target == target);
        self.v.path.aliases.push(link);
        if seen || self.v.path.aliases.len() > self.v.work.policy.max_aliases {
            return Err(Halt::fail(ReasonCode::AliasLoop, &at, set.rtype, format!("the alias leads to {}", target.fmt_with_dot())));
        }
        self.v.path.name = target;
        Ok(())
    }

    /// Neither records nor alias: the outcome of their absence, or another response to read.
    fn nothing(&mut self, index: usize, response: &Response, at: &Name, rtype: Rtype) -> Result<Option<Outcome>, Halt> {
        let is_for_this = self.v.fetched.get(index).is_some_and(|(q, _)| q.name.is(at));
        if is_for_this || speaks_of(response, at) {
            match self.absence(index, response, at, rtype) {
                Err(Halt::Fail(_)) if !is_for_this => {}
                result => return result.map(Some),
            }
        }
        // The response ends in the middle of the aliases.
        (self.v.path.response, _) = self.fetch(at, rtype)?;
        Ok(None)
    }

    /// Finds the status of an RRset.
    pub(super) fn judge(&mut self, place: Place, set: &Rrset, response: &Response) -> Result<Judged, Halt> {
        if set.rtype == Rtype::RRSIG {
            return self.judge_signatures(set);
        }
        let fail = |code| Reason::new(code, &set.owner, set.rtype, "");
        let mut failure = None;
        for signer in signers(std::iter::once(set), &set.owner, set.rtype) {
            match self.standing(&signer) {
                Ok(Standing::Signed(zone)) => match self.check(place, set, &zone) {
                    Ok(verified) => return self.judge_verified(place.response, set, response, &zone, verified),
                    Err(code) => failure = failure.or_else(|| Some(fail(code))),
                },
                Ok(Standing::Insecure(..)) => {}
                Err(Halt::Fail(reason)) => failure = failure.or(Some(*reason)),
                Err(ask) => return Err(ask),
            }
        }
        // No signature holds. That is right only in a zone that need not be signed.
        match self.standing(&held_at(&set.owner, set.rtype)) {
            Ok(Standing::Insecure(reason, expires)) => Ok(self.insecure(set, &reason, expires)),
            Ok(Standing::Signed(zone)) => {
                // R-115 rfc4035#5.3
                let reason = failure.unwrap_or_else(|| fail(self.check(place, set, &zone).err().unwrap_or(ReasonCode::RrsigMissing)));
                Err(Halt::Fail(Box::new(reason)))
            }
            Err(Halt::Fail(reason)) => Err(Halt::Fail(failure.map_or(reason, Box::new))),
            Err(ask) => Err(ask),
        }
    }

    fn insecure(&self, set: &Rrset, reason: &Reason, expires: Epoch) -> Judged {
        let signed = set.signatures.iter().any(|s| name::is_within(&s.signer, &reason.at_name));
        Judged {
            status: Security::Insecure,
            reason: Some(reason.seen(signed)),
            ttl: set.ttl,
            expires: expires.min(self.v.work.now + Epoch::from(set.ttl)),
            signature: None,
            wildcard: false,
            opt_out: false,
        }
    }

    /// Signatures are not signed: in a signed zone nothing can be said of them.
    fn judge_signatures(&mut self, set: &Rrset) -> Result<Judged, Halt> {
        match self.standing(&set.owner)? {
            Standing::Insecure(reason, expires) => Ok(self.insecure(set, &reason, expires)),
            Standing::Signed(_) => Err(Halt::fail(ReasonCode::Unvalidatable, &set.owner, set.rtype, "")),
        }
    }

    /// An RRset whose signature holds still needs a proof if it comes from a wildcard.
    // R-114 rfc4035#5.3.4
    fn judge_verified(
        &mut self,
        index: usize,
        set: &Rrset,
        response: &Response,
        zone: &ZoneKeys,
        verified: Verified,
    ) -> Result<Judged, Halt> {
        let mut judged = Judged {
            status: Security::Secure,
            reason: None,
            ttl: verified.ttl,
            expires: verified.expires,
            signature: Some(verified.signature),
            wildcard: verified.wildcard.is_some(),
            opt_out: false,
        };
        let Some(encloser) = verified.wildcard else { return Ok(judged) };
        let proof = self.denial(index, &response.authority, zone).and_then(|denial| {
            judged.expires = judged.expires.min(denial.expires);
            denial.no_closer_match(&set.owner, &encloser, &mut self.v.work)
        });
        let why = match proof {
            Ok(Proof::Full) => return Ok(judged),
            Ok(Proof::OptOut) => ReasonCode::OptOut,
            Ok(Proof::Iterations) => ReasonCode::Nsec3Iterations,
            Err(ReasonCode::Budget) => return Err(Halt::fail(ReasonCode::Budget, &set.owner, set.rtype, "")),
            Err(code) => return Err(Halt::fail(ReasonCode::WildcardWrong, &set.owner, set.rtype, code.text())),
        };
        judged.status = Security::Insecure;
        judged.opt_out = why == ReasonCode::OptOut;
        judged.reason = Some(Reason::new(why, &set.owner, set.rtype, ""));
        Ok(judged)
    }
}

/// The name in the data of a CNAME or DNAME; `None` if there is not exactly one record.
fn target(set: &Rrset) -> Option<Name> {
    let [data] = set.data.as_slice() else { return None };
    Reader::new(data).name().ok()
}

/// What is wrong with an alias that has no [`target`].
fn many_targets(set: &Rrset) -> &'static str {
    match (set.data.len(), set.rtype) {
        (0 | 1, _) => "the target of the alias is malformed",
        (_, Rtype::DNAME) => "there is more than one DNAME record",
        _ => "there is more than one CNAME record",
    }
}

/// Types that may stand beside a CNAME.
fn beside_cname(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::CNAME | Rtype::NSEC | Rtype::RRSIG | Rtype::KEY | Rtype::NXT)
}

/// Whether the authority section has something that could deny this name.
fn speaks_of(response: &Response, at: &Name) -> bool {
    response.authority.iter().any(|set| match set.rtype {
        Rtype::SOA => name::is_within(at, &set.owner),
        Rtype::NSEC | Rtype::NSEC3 => set.signatures.iter().any(|s| name::is_within(at, &s.signer)),
        _ => false,
    })
}
