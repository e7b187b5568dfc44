//! Reading a response message.

use std::collections::{HashMap, HashSet, hash_map};
use std::ops::Range;

use bytes::Bytes;
use domain::base::iana::Rtype;
use foldhash::fast::RandomState;

use crate::canonical::read_rdata;
use crate::rrsig::Claim;
use crate::types::{Name, Question, Response, Rrset, Rrsig};
use crate::wire::{Malformed, Reader};

/// Why a message cannot be used.
// R-128 rfc7766#5
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Too short, a record overruns the message, a bad compression pointer, wrong record data.
    #[error("malformed message: {0}")]
    Malformed(&'static str),
    /// It is not a response to this question.
    #[error("not a response to the question asked")]
    NotTheAnswer,
    /// The TC bit is set: ask again over TCP.
    #[error("truncated message")]
    Truncated,
}

impl From<Malformed> for MessageError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error.0)
    }
}

const CLASS_IN: u16 = 1;
const FLAG_QR: u16 = 0x8000;
pub(crate) const FLAG_TC: u16 = 0x0200;
pub(crate) const RCODE_MASK: u16 = 0x000F;
/// A TTL with the top bit set counts as 0. (RFC 2181 section 8)
const MAX_TTL: u32 = 0x7FFF_FFFF;

impl Response {
    /// Reads a message that must be a whole response to `question`. Records of classes other than IN are left out. Signatures stand with
    /// the RRset of their section that they cover; a signature that covers nothing there is left out, unless signatures were asked for.
    ///
    /// # Errors
    /// If the message is malformed, truncated, or answers another question.
    pub fn from_message(message: &[u8], question: &Question) -> Result<Self, MessageError> {
        let (flags, asked, response) = read(message)?;
        if flags & FLAG_QR == 0 || asked != *question {
            return Err(MessageError::NotTheAnswer);
        }
        response.ok_or(MessageError::Truncated)
    }
}

/// A message with whatever question it has.
pub(crate) fn read_unchecked(message: &[u8]) -> Result<(Question, Response), MessageError> {
    let (_, question, response) = read(message)?;
    Ok((question, response.ok_or(MessageError::Truncated)?))
}

/// Flags, question, and the sections unless the message is truncated.
fn read(message: &[u8]) -> Result<(u16, Question, Option<Response>), MessageError> {
    let mut reader = Reader::new(message);
    reader.u16()?; // The message id is the transport's business.
    let flags = reader.u16()?;
    let [questions, answers, authorities, additionals] = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    if questions != 1 {
        return Err(MessageError::NotTheAnswer);
    }
    let question = Question { name: reader.name()?, rtype: Rtype::from_int(reader.u16()?) };
    if reader.u16()? != CLASS_IN {
        return Err(MessageError::NotTheAnswer);
    }
    if flags & FLAG_TC != 0 {
        return Ok((flags, question, None));
    }
    let mut records = Records { octets: Vec::with_capacity(2 * message.len()), entries: Vec::new() };
    let asked = question.rtype;
    records.read(&mut reader, answers)?;
    let first_authority = records.entries.len();
    records.read(&mut reader, authorities)?;
    let rcode = (flags & RCODE_MASK) | read_extended_rcode(&mut reader, additionals)?;
    let octets = Bytes::from(records.octets);
    let (answers, authorities) = records.entries.split_at_checked(first_authority).unwrap_or_default();
    let (answer, authority) = (group(answers, &octets, asked)?, group(authorities, &octets, asked)?);
    Ok((flags, question, Some(Response { rcode, answer, authority })))
}

/// The records of class IN of a message. Names and data stand uncompressed in one piece of memory, of which everything that is made of
/// them is a part.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) octets: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) owner: Range<usize>,
    pub(crate) rtype: Rtype,
    pub(crate) ttl: u32,
    pub(crate) data: Range<usize>,
}

impl Records {
    /// Reads the next section. Returns the upper bits of the response code if there is an OPT record. (RFC 6891 section 6.1.3)
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>, count: u16) -> Result<Option<u16>, Malformed> {
        let mut extended = None;
        for _ in 0..count {
            let start = self.octets.len();
            reader.name_into(&mut self.octets)?;
            let owner = self.owner(start);
            let head = Head::read(reader)?;
            let mut data = reader.section(head.length.into())?;
            if head.rtype == Rtype::OPT {
                extended = extended.or(Some((head.ttl >> 24) as u16 * 16));
            }
            if head.class != CLASS_IN {
                continue;
            }
            let start = self.octets.len();
            read_rdata(head.rtype, &mut data, &mut self.octets)?;
            let ttl = if head.ttl > MAX_TTL { 0 } else { head.ttl };
            self.entries.push(Entry { owner, rtype: head.rtype, ttl, data: start..self.octets.len() });
        }
        Ok(extended)
    }

    /// The place of the owner name that was just read from `start`: that of the record before if it is the same.
    fn owner(&mut self, start: usize) -> Range<usize> {
        if let Some(last) = self.entries.last()
            && self.octets.get(last.owner.clone()) == self.octets.get(start..)
        {
            let owner = last.owner.clone();
            self.octets.truncate(start);
            return owner;
        }
        start..self.octets.len()
    }
}

/// A record's fixed part.
struct Head {
    rtype: Rtype,
    class: u16,
    ttl: u32,
    length: u16,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { rtype: Rtype::from_int(reader.u16()?), class: reader.u16()?, ttl: reader.u32()?, length: reader.u16()? })
    }
}

/// Groups the records of a section.
fn group(entries: &[Entry], octets: &Bytes, asked: Rtype) -> Result<Vec<Rrset>, Malformed> {
    let mut sets: Vec<Rrset> = Vec::new();
    let mut index: HashMap<(Name, Rtype), usize, RandomState> = HashMap::default();
    let mut signatures: Vec<(Name, Rrsig, u32)> = Vec::new();
    let mut last: Option<(&Range<usize>, Name)> = None;
    for Entry { owner: place, rtype, ttl, data } in entries {
        let owner = match &last {
            Some((known, name)) if *known == place => name.clone(),
            _ => Name::from_octets(octets.slice(place.clone())).map_err(|_| Malformed("bad name"))?,
        };
        last = Some((place, owner.clone()));
        let data = octets.slice(data.clone());
        if *rtype == Rtype::RRSIG {
            signatures.push((owner.clone(), Rrsig::from_rdata(&data)?, *ttl));
            if asked != Rtype::RRSIG {
                continue;
            }
        }
        match index.entry((owner, *rtype)) {
            hash_map::Entry::Occupied(entry) => {
                if let Some(set) = sets.get_mut(*entry.get()) {
                    set.ttl = set.ttl.min(*ttl);
                    set.data.push(data);
                }
            }
            hash_map::Entry::Vacant(entry) => {
                let (owner, rtype) = entry.key().clone();
                entry.insert(sets.len());
                sets.push(Rrset { owner, rtype, ttl: *ttl, data: vec![data], signatures: Vec::new() });
            }
        }
    }
    for (owner, signature, ttl) in signatures {
        let covered = index.get(&(owner, signature.type_covered)).and_then(|&i| sets.get_mut(i));
        if let Some(set) = covered {
            // R-113 rfc4035#5.3.3: the TTL of the signature counts too, even of one that came twice. (RFC 2181 section 5.2)
            set.ttl = set.ttl.min(ttl);
            if set.signatures.len() < MAX_SIGNATURES && !set.signatures.contains(&signature) {
                set.signatures.push(signature);
            }
        }
    }
    sets.iter_mut().for_each(drop_duplicates);
    Ok(sets)
}

/// Signatures kept of one RRset; a rollover needs two or three.
const MAX_SIGNATURES: usize = 64;

/// Records among which repeated ones are found by comparing each with each.
const FEW: usize = 16;

/// Removes repeated records, keeping the order received.
fn drop_duplicates(set: &mut Rrset) {
    let all = &set.data;
    if all.len() <= FEW && (1..all.len()).all(|i| all.iter().take(i).all(|earlier| Some(earlier) != all.get(i))) {
        return;
    }
    let mut seen: HashSet<Bytes, RandomState> = HashSet::default();
    set.data.retain(|record| seen.insert(record.clone()));
}

/// The upper bits of the response code, from the OPT record of the additional section. (RFC 6891 section 6.1.3)
fn read_extended_rcode(reader: &mut Reader<'_>, count: u16) -> Result<u16, Malformed> {
    for _ in 0..count {
        reader.skip_name()?;
        let head = Head::read(reader)?;
        reader.section(head.length.into())?;
        if head.rtype == Rtype::OPT {
            return Ok((head.ttl >> 24) as u16 * 16);
        }
    }
    Ok(0)
}

impl Rrsig {
    /// Reads RRSIG record data. (RFC 4034 section 3.1)
    pub(crate) fn from_rdata(data: &Bytes) -> Result<Self, Malformed> {
        let claim = Claim::read(data)?;
        let signer = Name::from_octets(data.slice_ref(claim.signer)).map_err(|_| Malformed("bad name"))?;
        Ok(Self {
            type_covered: claim.type_covered,
            algorithm: claim.algorithm,
            labels: claim.labels,
            original_ttl: claim.original_ttl,
            expiration: claim.expiration,
            inception: claim.inception,
            key_tag: claim.key_tag,
            signer,
            signature: data.slice_ref(claim.signature),
        })
    }
}
