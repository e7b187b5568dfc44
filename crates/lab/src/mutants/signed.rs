//! Operators on signed RRsets and their signatures.

use super::operator::Operator;
use crate::dns::keys::ZoneKey;
use crate::dns::rdata::{Rdata, below, name};
use crate::dns::sign::{Claims, Signer};
use crate::dns::zone::Rrset;
use crate::seed::Seed;
use dane::name::Name;
use domain::base::iana::Rtype;

const DAY: u32 = 86_400;
/// Octets of RRSIG record data before the signer's name. (RFC 4034 section 3.1)
const FIXED: usize = 18;

/// Changes an RRset that stands at `owner` in the zone.
pub fn change(operator: Operator, seed: &Seed, owner: &Name, rrset: &mut Rrset, signer: &Signer<'_>) -> Keep {
    let keys = signer.keys;
    let usual = usual_key(signer, rrset.rtype);
    let mut made = Making { owner, rrset, signer, usual };
    match operator {
        Operator::DropSignature => drop(made.rrset.signatures.pop()),
        Operator::DropRecord if made.rrset.data.len() > 1 => drop(made.rrset.data.remove(seed.child("record").below(2))),
        Operator::DropRecord | Operator::DropSet => return Keep::No,
        Operator::SwapData => made.edit_data(|octets| flip(octets, 0)),
        Operator::AddRecord => {
            let mut more = made.rrset.data[0].to_vec();
            flip(&mut more, 0);
            made.rrset.data.push(more.into());
        }
        Operator::FlipSignature => made.edit_signatures(|octets| flip(octets, seed.child("octet").below(32))),
        Operator::ShortSignature => made.edit_signatures(|octets| octets.truncate(octets.len() - 1)),
        Operator::Expired => made.again(usual, |c| (c.inception, c.expiration) = (c.inception - 30 * DAY, c.inception - 2 * DAY)),
        Operator::NotYetValid => made.again(usual, |c| c.inception += 4 * DAY),
        Operator::TimesReversed => made.again(usual, |c| (c.inception, c.expiration) = (c.expiration, c.inception)),
        Operator::StrangerSigns => made.again(&keys.stranger, |_| {}),
        Operator::StrangerWithOurTag => made.again(&keys.stranger, |c| c.tag = usual.tag()),
        Operator::FirstKeySigns => made.again(&keys.keys[0], |_| {}),
        Operator::LastKeySigns => made.again(keys.keys.last().unwrap_or(usual), |_| {}),
        Operator::SignerIsParent => made.again(usual, |c| c.signer = signer.plan.apex.parent().unwrap_or_else(Name::root_bytes)),
        Operator::SignerIsBelow => made.again(usual, |c| c.signer = below("mail", &signer.plan.apex)),
        Operator::SignerIsElsewhere => made.again(usual, |c| c.signer = name("elsewhere.nsec.")),
        Operator::WrongOwner => made.other(&below("other", &signer.plan.apex), made.rrset.rtype),
        Operator::LabelsFewer => made.again(usual, |c| c.labels = c.labels.saturating_sub(1)),
        Operator::LabelsNone => made.again(usual, |c| c.labels = 0),
        Operator::LabelsMore => made.again(usual, |c| c.labels += 1),
        Operator::OriginalTtlChanged => made.edit_signatures(|octets| octets[7] ^= 1),
        Operator::OriginalTtlShorter => made.again(usual, |c| c.original_ttl /= 2),
        Operator::OriginalTtlLonger => made.again(usual, |c| c.original_ttl *= 2),
        Operator::CoversOther => made.other(owner, if made.rrset.rtype == Rtype::TXT { Rtype::HINFO } else { Rtype::TXT }),
        Operator::AlgorithmOther => made.edit_signatures(|octets| octets[2] = if octets[2] == 8 { 13 } else { 8 }),
        Operator::WrongThenRight => made.beside(0, |octets| flip(octets, 0)),
        Operator::RightThenWrong => made.beside(1, |octets| flip(octets, 0)),
        Operator::UnknownBeside => made.beside(1, |octets| octets[2] = 200),
        _ => {}
    }
    Keep::Yes
}

/// Whether an RRset stays in its zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It stays.
    Yes,
    /// It goes.
    No,
}

/// The key that should sign a type.
fn usual_key<'a>(signer: &Signer<'a>, rtype: Rtype) -> &'a ZoneKey {
    &signer.keys.keys[if rtype == Rtype::DNSKEY { 0 } else { signer.keys.zone_signer }]
}

/// Signs an RRset as its zone does.
pub fn sign_again(owner: &Name, rrset: &mut Rrset, signer: &Signer<'_>) {
    let usual = usual_key(signer, rrset.rtype);
    Making { owner, rrset, signer, usual }.again(usual, |_| {});
}

struct Making<'a, 'z> {
    owner: &'a Name,
    rrset: &'a mut Rrset,
    signer: &'a Signer<'z>,
    usual: &'z ZoneKey,
}

impl Making<'_, '_> {
    /// One signature by this key with changed claims, in place of all.
    fn again(&mut self, key: &ZoneKey, change: impl FnOnce(&mut Claims)) {
        let mut claims = Claims::right(&self.signer.plan.apex, self.owner, self.rrset, key, self.signer.period);
        change(&mut claims);
        self.rrset.signatures = vec![claims.signature(self.owner, self.rrset, key, &[])];
    }

    /// A signature that was made for another owner or type.
    fn other(&mut self, owner: &Name, rtype: Rtype) {
        let mut copy = self.rrset.clone();
        copy.rtype = rtype;
        let claims = Claims::right(&self.signer.plan.apex, owner, &copy, self.usual, self.signer.period);
        let mut signature = claims.signature(owner, &copy, self.usual, &[]).to_vec();
        signature[3] = Claims::right(&self.signer.plan.apex, self.owner, &copy, self.usual, self.signer.period).labels;
        self.rrset.signatures = vec![signature.into()];
    }

    fn edit_data(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        edit(&mut self.rrset.data[0], change);
    }

    fn edit_signatures(&mut self, change: impl Fn(&mut Vec<u8>)) {
        self.rrset.signatures.iter_mut().filter(|octets| octets.len() > FIXED + 40).for_each(|octets| edit(octets, &change));
    }

    /// A changed copy of the signature, at this place among them.
    fn beside(&mut self, at: usize, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(mut copy) = self.rrset.signatures.first().cloned() {
            edit(&mut copy, change);
            self.rrset.signatures.insert(at, copy);
        }
    }
}

fn edit(data: &mut Rdata, change: impl FnOnce(&mut Vec<u8>)) {
    let mut octets = data.to_vec();
    change(&mut octets);
    *data = octets.into();
}

/// Another octet in a place counted from the end.
fn flip(octets: &mut [u8], from_end: usize) {
    if let Some(octet) = octets.iter_mut().rev().nth(from_end) {
        *octet ^= 1;
    }
}
