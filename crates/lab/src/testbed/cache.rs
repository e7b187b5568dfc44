//! Answers that were given before.
//!
//! An answer depends on the question, on a few flags of the query, and on the server asked; only the message id and the case of the name asked
//! are new each time. So what is asked again costs a look-up and a copy.

use super::period;
use crate::dns::adversity::Way;
use dane::Epoch;
use dane::name::Name;
use domain::base::iana::Rtype;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers kept in each part; a full part is emptied.
const KEPT: usize = 4096;
/// Parts, each with a lock of its own.
const PARTS: usize = 16;
/// Octets of a message before its question. (RFC 1035 section 4.1.1)
const HEADER: usize = 12;

/// A query as far as its answer depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    server: Ipv4Addr,
    way: Way,
    /// The header's flags, the question in lower case, and of EDNS the size and the flags.
    said: Vec<u8>,
    name: usize,
}

impl Key {
    /// Reads a plain query: one question, nothing else but an OPT record without a surprise. `None`: it is another.
    pub fn read(server: Ipv4Addr, octets: &[u8], way: Way) -> Option<Self> {
        let (header, rest) = octets.split_at_checked(HEADER)?;
        let [_, _, flags, more, 0, 1, 0, 0, 0, 0, 0, additional] = *header else { return None };
        // A response, or another operation.
        if flags & 0xf8 != 0 || additional > 1 {
            return None;
        }
        let mut name = 0;
        while let Some(length) = rest.get(name).copied().filter(|length| *length > 0) {
            // 63 is the longest label; beyond are pointers.
            name += 1 + usize::from(length).min(if length > 63 { 256 } else { 63 });
        }
        name += 1;
        let question = rest.get(..name + 4).filter(|_| name <= 255)?;
        let opt = rest.get(name + 4..)?;
        let mut said = Vec::with_capacity(question.len() + 8);
        said.extend([flags, more]);
        said.extend(question.iter().map(u8::to_ascii_lowercase));
        match (additional, opt) {
            (0, []) => {}
            // Root, OPT, size; extended code and version 0; flags. (RFC 6891 section 6.1.2)
            (1, [0, 0, 41, high, low, 0, 0, flags, more, ..]) => said.extend([*high, *low, *flags, *more]),
            _ => return None,
        }
        // Type and class have no case.
        let tail = 2 + name..2 + name + 4;
        said.get_mut(tail)?.copy_from_slice(question.get(name..)?);
        Some(Self { server, way, said, name })
    }

    /// The name asked, in lower case, its type, and whether signatures are wanted and checking is disabled.
    pub fn question(&self) -> Option<(Name, Rtype, bool, bool)> {
        let name = Name::from_octets(bytes::Bytes::copy_from_slice(self.said.get(2..2 + self.name)?)).ok()?;
        let rtype = self.said.get(2 + self.name..4 + self.name)?;
        let wants = self.said.get(2 + self.name + 4..).and_then(|edns| edns.get(2)).is_some_and(|flags| flags & 0x80 != 0);
        Some((name, Rtype::from_int(u16::from_be_bytes([*rtype.first()?, *rtype.get(1)?])), wants, self.said.get(1)? & 0x10 != 0))
    }
}

/// Answers by query.
#[derive(Default)]
pub struct Cache([Mutex<Part>; PARTS]);

type Part = HashMap<Key, (Epoch, Arc<[u8]>), foldhash::fast::RandomState>;

impl Cache {
    /// The answer to a query that was answered before.
    pub fn get(&self, key: &Key, query: &[u8], now: Epoch) -> Option<Vec<u8>> {
        let answer = {
            let part = self.part(key).lock().unwrap_or_else(PoisonError::into_inner);
            part.get(key).filter(|(made, _)| period(*made) == period(now)).map(|(_, answer)| Arc::clone(answer))?
        };
        let mut answer = answer.to_vec();
        answer.get_mut(..2)?.copy_from_slice(query.get(..2)?);
        let name = HEADER..HEADER + key.name;
        answer.get_mut(name.clone())?.copy_from_slice(query.get(name)?);
        Some(answer)
    }

    /// Keeps an answer.
    pub fn keep(&self, key: Key, answer: &[u8], now: Epoch) {
        let mut part = self.part(&key).lock().unwrap_or_else(PoisonError::into_inner);
        if part.len() >= KEPT {
            part.clear();
        }
        part.insert(key, (now, answer.into()));
    }

    fn part(&self, key: &Key) -> &Mutex<Part> {
        let sum = key.said.iter().fold(0_usize, |sum, octet| sum.wrapping_mul(31).wrapping_add(usize::from(*octet)));
        &self.0[sum % PARTS]
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, Key, Way};
    use std::net::Ipv4Addr;

    /// A query: message id, name, type 52, and EDNS with DO.
    fn query(id: u16, labels: &[&str]) -> Vec<u8> {
        let mut out = [&id.to_be_bytes()[..], &[0, 0, 0, 1, 0, 0, 0, 0, 0, 1]].concat();
        for label in labels {
            out.push(u8::try_from(label.len()).unwrap());
            out.extend_from_slice(label.as_bytes());
        }
        out.extend_from_slice(&[0, 0, 52, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]);
        out
    }

    #[test]
    fn a_name_in_another_case_is_the_same_question() {
        let (cache, server) = (Cache::default(), Ipv4Addr::LOCALHOST);
        let (one, two) = (query(1, &["mx1", "valid"]), query(2, &["MX1", "vaLid"]));
        let key = Key::read(server, &one, Way::Udp).unwrap();
        assert_eq!(
            key.question().map(|(name, rtype, wants, off)| (name.to_string(), rtype.to_int(), wants, off)),
            Some(("mx1.valid".into(), 52, true, false))
        );
        cache.keep(key, &one, 0);
        let again = Key::read(server, &two, Way::Udp).unwrap();
        assert_eq!(cache.get(&again, &two, 10), Some(two.clone()), "its own id and case");
        assert_eq!(cache.get(&again, &two, 86_400), None, "keys, certificates and records change together");
        assert_eq!(cache.get(&Key::read(server, &two, Way::Tcp).unwrap(), &two, 10), None, "no size limit over TCP");
        let other = query(3, &["mx2", "valid"]);
        assert_eq!(cache.get(&Key::read(server, &other, Way::Udp).unwrap(), &other, 10), None);
    }

    #[test]
    fn what_is_not_plain_is_left_to_others() {
        let good = query(1, &["a"]);
        for (at, octet) in [(2, 0x80), (2, 0x20), (5, 2), (7, 1), (11, 2), (11, 0), (12, 0xc0)] {
            let mut octets = good.clone();
            octets[at] = octet;
            assert!(Key::read(Ipv4Addr::LOCALHOST, &octets, Way::Udp).is_none(), "octet {at} = {octet}");
        }
        for length in 0..good.len() - 6 {
            assert!(Key::read(Ipv4Addr::LOCALHOST, &good[..length], Way::Udp).is_none(), "{length} octets");
        }
    }
}
