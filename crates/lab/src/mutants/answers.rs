//! Operators on what is answered: nothing here is signed anew, only left out, added, or put where it does not belong.

use super::operator::Operator;
use crate::dns::answer::{Entry, Response};
use crate::dns::rdata::{self, below};
use crate::dns::zone::{Place, Rrset, SignedZone, ZonePlan};
use crate::seed::Seed;
use dane::name::Name;
use domain::base::iana::{Rcode, Rtype};
use std::borrow::Cow;
use std::net::Ipv4Addr;

/// What a change may look at.
pub struct Scene<'a, 's> {
    /// The zone as planned.
    pub plan: &'a ZonePlan,
    /// The zone as it is.
    pub zone: &'a SignedZone,
    /// What is asked.
    pub question: &'s Place,
    /// Where chance comes from.
    pub seed: Seed,
}

impl<'a> Scene<'a, '_> {
    /// Changes the response.
    pub fn change(&self, operator: Operator, out: &mut Response<'a>) {
        match operator {
            Operator::ProofsMissing => out.authority.retain(|entry| !is_proof(entry)),
            Operator::FirstProofMissing => remove(out, proofs(out).first().copied()),
            Operator::LastProofMissing => remove(out, proofs(out).last().copied()),
            Operator::ProofsUnsigned => out.authority.iter_mut().filter(|entry| is_proof(entry)).for_each(unsign),
            Operator::ProofOfElsewhere => self.exchange_proof(out),
            Operator::SoaMissing => out.authority.retain(|(_, rrset)| rrset.rtype != Rtype::SOA),
            Operator::ForgedNxdomain => self.deny(out, Rcode::NXDOMAIN),
            Operator::ForgedNodata => self.deny(out, Rcode::NOERROR),
            Operator::NxdomainForNodata | Operator::NxdomainWithAnswer => out.rcode = Rcode::NXDOMAIN,
            Operator::NodataForNxdomain => out.rcode = Rcode::NOERROR,
            Operator::WildcardForExisting => self.expand(out),
            Operator::ForgedAnswer => self.replay(out),
            Operator::ExtraAnswer => out.answer.push(self.extra()),
            Operator::ExtraAuthority => out.authority.push(self.extra()),
            Operator::ExtraAdditional => out.additional.push(self.extra()),
            Operator::SignedExtraAnswer => out.answer.extend(self.set(&self.plan.apex, Rtype::TXT)),
            Operator::AnswerUnsigned => out.answer.iter_mut().for_each(unsign),
            Operator::AnswerReversed => out.answer.reverse(),
            Operator::DnameWithoutAlias => out.answer.retain(|(_, rrset)| rrset.rtype != Rtype::CNAME),
            Operator::DnameOtherAlias => self.mislead(out),
            Operator::AliasWithoutDname => out.answer.retain(|(_, rrset)| rrset.rtype != Rtype::DNAME),
            Operator::AliasOnly => self.cut(out),
            Operator::RecordsTwice => self.each_answer(out, |rrset| rrset.data = [rrset.data.as_slice(), &rrset.data].concat()),
            Operator::RecordsReversed => self.each_answer(out, |rrset| rrset.data.reverse()),
            Operator::OwnerInCapitals => sections(out).for_each(|(owner, _)| *owner = capitals(owner)),
            Operator::DataInCapitals => sections(out).for_each(|entry| self.shout(entry)),
            _ => {}
        }
    }

    fn set(&self, owner: &Name, rtype: Rtype) -> Option<Entry<'a>> {
        Some((owner.clone(), Cow::Borrowed(self.zone.nodes.get(owner)?.get(rtype)?)))
    }

    /// The proof at a name, or the one before it.
    fn proof_near(&self, name: &Name) -> Option<Entry<'a>> {
        if let Some(chain) = &self.zone.nsec3 {
            let (_, owner, rrset) = chain.matching(name).or_else(|| chain.covering(name))?;
            return Some((owner.clone(), Cow::Borrowed(rrset)));
        }
        self.zone.nodes.range(..=name.clone()).rev().find_map(|(owner, node)| Some((owner.clone(), Cow::Borrowed(node.get(Rtype::NSEC)?))))
    }

    /// The proof that precedes the one at a name.
    fn proof_before(&self, name: &Name) -> Option<Entry<'a>> {
        let Some(chain) = &self.zone.nsec3 else {
            let before = self.zone.nodes.range(..name.clone()).rev();
            return before.filter_map(|(owner, node)| Some((owner.clone(), Cow::Borrowed(node.get(Rtype::NSEC)?)))).next();
        };
        let (hash, ..) = chain.matching(name).or_else(|| chain.covering(name))?;
        let at = chain.links.iter().position(|(h, ..)| h == hash)?;
        let (_, owner, rrset) = chain.links.get(at.checked_sub(1).unwrap_or(chain.links.len() - 1))?;
        Some((owner.clone(), Cow::Borrowed(rrset)))
    }

    /// Denies, with proofs that come as close as the zone has them.
    fn deny(&self, out: &mut Response<'a>, rcode: Rcode) {
        let name = &self.question.0;
        (out.rcode, out.answer) = (rcode, vec![]);
        out.authority = self.set(&self.plan.apex, Rtype::SOA).into_iter().collect();
        let parent = name.parent().unwrap_or_else(Name::root_bytes);
        let proofs = if rcode == Rcode::NOERROR {
            vec![self.proof_near(name)]
        } else {
            vec![self.proof_before(name), self.proof_near(&parent), self.proof_near(&below("*", &parent))]
        };
        for proof in proofs.into_iter().flatten() {
            if !out.authority.iter().any(|(owner, rrset)| *owner == proof.0 && rrset.rtype == proof.1.rtype) {
                out.authority.push(proof);
            }
        }
    }

    fn exchange_proof(&self, out: &mut Response<'a>) {
        let Some(at) = proofs(out).first().copied() else { return };
        let places: Vec<Name> =
            self.zone.nodes.iter().filter(|(_, node)| !node.rrsets.is_empty()).map(|(owner, _)| owner.clone()).collect();
        if let Some(other) = places.get(self.seed.child("elsewhere").below(places.len())).and_then(|name| self.proof_near(name)) {
            out.authority[at] = other;
        }
    }

    /// Answers from the wildcard of the zone under the name asked for.
    fn expand(&self, out: &mut Response<'a>) {
        let wild = below("*.wild", &self.plan.apex);
        let Some((_, rrset)) = self.set(&wild, Rtype::A).filter(|_| self.question.1 == Rtype::A) else { return };
        out.answer = vec![(self.question.0.clone(), rrset)];
        out.authority = self.proof_near(&wild).into_iter().collect();
    }

    /// Answers with the records of another name.
    fn replay(&self, out: &mut Response<'a>) {
        let Some((_, rrset)) = self.set(&below("mail", &self.plan.apex), Rtype::A) else { return };
        let mut rrset = rrset.into_owned();
        rrset.rtype = self.question.1;
        (out.rcode, out.answer, out.authority) = (Rcode::NOERROR, vec![(self.question.0.clone(), Cow::Owned(rrset))], vec![]);
    }

    fn extra(&self) -> Entry<'a> {
        let data = vec![rdata::a(Ipv4Addr::new(192, 0, 2, 66))];
        (below("extra", &self.plan.apex), Cow::Owned(Rrset { rtype: Rtype::A, ttl: 3600, data, signatures: vec![] }))
    }

    fn mislead(&self, out: &mut Response<'a>) {
        let elsewhere = rdata::target(&below("mail", &self.plan.apex));
        for (_, rrset) in out.answer.iter_mut().filter(|(_, rrset)| rrset.rtype == Rtype::CNAME) {
            rrset.to_mut().data = vec![elsewhere.clone()];
        }
    }

    /// Leaves the first alias, with the DNAME that it was made from.
    fn cut(&self, out: &mut Response<'a>) {
        if let Some(at) = out.answer.iter().position(|(_, rrset)| rrset.rtype == Rtype::CNAME) {
            out.answer.truncate(at + 1);
            (out.rcode, out.authority) = (Rcode::NOERROR, vec![]);
        }
    }

    fn each_answer(&self, out: &mut Response<'a>, change: impl Fn(&mut Rrset)) {
        out.answer.iter_mut().for_each(|(_, rrset)| change(rrset.to_mut()));
    }

    /// Capitals in names at the end of data; in NSEC only in the next name, which is at the beginning.
    fn shout(&self, (_, rrset): &mut Entry<'a>) {
        let label = self.plan.apex.as_slice().get(1..7).unwrap_or_default().to_vec();
        if matches!(rrset.rtype, Rtype::MX | Rtype::NS | Rtype::CNAME | Rtype::SOA | Rtype::DNAME | Rtype::NSEC) {
            for data in &mut rrset.to_mut().data {
                let mut octets = data.to_vec();
                while let Some(at) = octets.windows(label.len()).position(|window| window == label) {
                    octets[at..at + label.len()].make_ascii_uppercase();
                }
                *data = octets.into();
            }
        }
    }
}

fn is_proof((_, rrset): &Entry<'_>) -> bool {
    matches!(rrset.rtype, Rtype::NSEC | Rtype::NSEC3)
}

/// The places of the proofs among the authority section.
fn proofs(out: &Response<'_>) -> Vec<usize> {
    (0..out.authority.len()).filter(|at| is_proof(&out.authority[*at])).collect()
}

fn remove(out: &mut Response<'_>, at: Option<usize>) {
    if let Some(at) = at {
        out.authority.remove(at);
    }
}

fn unsign((_, rrset): &mut Entry<'_>) {
    rrset.to_mut().signatures.clear();
}

fn sections<'r, 'a>(out: &'r mut Response<'a>) -> impl Iterator<Item = &'r mut Entry<'a>> {
    out.answer.iter_mut().chain(&mut out.authority)
}

fn capitals(name: &Name) -> Name {
    Name::from_octets(name.as_slice().to_ascii_uppercase().into()).unwrap_or_else(|_| name.clone())
}
