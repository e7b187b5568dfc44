//! Operators on NSEC and NSEC3 records, which are signed again afterwards: lies of the zone itself.

use super::operator::Operator;
use super::signed::sign_again;
use crate::dns::rdata::{Rdata, below, bitmap, name};
use crate::dns::sign::Signer;
use crate::dns::zone::Rrset;
use dane::name::Name;
use domain::base::iana::Rtype;

/// Rewrites a proof. `asked` is the type that the question asks for.
pub fn change(operator: Operator, asked: Rtype, owner: &Name, rrset: &mut Rrset, signer: &Signer<'_>) {
    let Some(mut proof) = rrset.data.first().and_then(|data| Proof::read(rrset.rtype, data)) else { return };
    if proof.change(operator, asked, owner, &signer.plan.apex).is_some() {
        rrset.data = vec![proof.write().into()];
        sign_again(owner, rrset, signer);
    }
}

/// A proof in its parts: what stands before the next name or hash, that, and the types.
struct Proof {
    rtype: Rtype,
    head: Vec<u8>,
    next: Vec<u8>,
    types: Vec<Rtype>,
    /// Octets after the bitmap.
    tail: Vec<u8>,
}

impl Proof {
    fn read(rtype: Rtype, data: &Rdata) -> Option<Self> {
        let (head, next) = match rtype {
            Rtype::NSEC => (0, name_at(data)?.len()),
            Rtype::NSEC3 => {
                let head = 5 + usize::from(*data.get(4)?);
                (head, 1 + usize::from(*data.get(head)?))
            }
            _ => return None,
        };
        let types = types(data.get(head + next..)?);
        Some(Self { rtype, head: data.get(..head)?.to_vec(), next: data.get(head..head + next)?.to_vec(), types, tail: vec![] })
    }

    fn write(&self) -> Vec<u8> {
        [self.head.as_slice(), &self.next, &bitmap(&self.types), &self.tail].concat()
    }

    fn change(&mut self, operator: Operator, asked: Rtype, owner: &Name, apex: &Name) -> Option<()> {
        let hashed = self.rtype == Rtype::NSEC3;
        match operator {
            Operator::BitmapWithoutType => {
                let first = self.types.iter().position(|t| !matches!(*t, Rtype::RRSIG | Rtype::NSEC | Rtype::NS | Rtype::SOA))?;
                self.types.remove(first);
            }
            Operator::BitmapWithType => self.types.push(asked),
            Operator::BitmapWithAlias => self.types.push(Rtype::CNAME),
            Operator::BitmapWithDname => self.types.push(Rtype::DNAME),
            Operator::BitmapOfDelegation => {
                self.types.retain(|t| *t != Rtype::SOA);
                self.types.push(Rtype::NS);
            }
            Operator::BitmapWithSoa => self.types.push(Rtype::SOA),
            Operator::BitmapEmpty => self.types.clear(),
            Operator::BitmapMalformed => self.tail = vec![255, 0],
            Operator::ProofToTheEnd if hashed => self.next = [&[20][..], &[0xff; 20]].concat(),
            Operator::ProofToTheEnd => self.next = apex.as_slice().to_vec(),
            Operator::ProofOfAll if hashed => self.next = own_hash(owner)?,
            Operator::ProofOfAll => self.next = owner.as_slice().to_vec(),
            Operator::ProofOfNothing if hashed => {
                self.next = own_hash(owner)?;
                *self.next.last_mut()? = self.next.last()?.wrapping_add(1);
            }
            Operator::ProofOfNothing => self.next = below("0", owner).as_slice().to_vec(),
            Operator::ProofOutside if !hashed => self.next = name("zzz.zzz.").as_slice().to_vec(),
            Operator::HashUnknown if hashed => self.head[0] = 2,
            Operator::HashFlagUnknown if hashed => self.head[1] |= 0x80,
            Operator::HashOptOut if hashed => self.head[1] |= 1,
            Operator::HashIterations if hashed => self.head[3] += 1,
            Operator::HashSalt if hashed => self.head = [&self.head[..4], &[2, 0xab, 0xcd]].concat(),
            Operator::HashShort if hashed => self.next = [&[19][..], &self.next[1..20]].concat(),
            _ => return None,
        }
        Some(())
    }
}

/// The hash that an NSEC3 owner name begins with, with its length before it.
fn own_hash(owner: &Name) -> Option<Vec<u8>> {
    let text = owner.as_slice().get(1..33)?.to_ascii_uppercase();
    let hash = data_encoding::BASE32HEX_NOPAD.decode(&text).ok()?;
    Some([&[20][..], &hash].concat())
}

/// The name at the beginning.
fn name_at(data: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        let length = usize::from(*data.get(at)?);
        at += 1 + length;
        if length == 0 {
            return data.get(..at);
        }
    }
}

/// The types of a bitmap. (RFC 4034 section 4.1.2)
fn types(mut rest: &[u8]) -> Vec<Rtype> {
    let mut out = Vec::new();
    while let [window, length, after @ ..] = rest {
        let (bits, next) = after.split_at(usize::from(*length).min(after.len()));
        for (at, octet) in bits.iter().enumerate() {
            let base = u16::from(*window) * 256 + at as u16 * 8;
            out.extend((0..8).filter(|bit| octet & (0x80 >> bit) != 0).map(|bit| Rtype::from_int(base + bit)));
        }
        rest = next;
    }
    out
}
