//! Reading a response message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use domain::base::iana::Rtype;

use crate::canonical::read_rdata;
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
const FLAG_TC: u16 = 0x0200;
const RCODE_MASK: u16 = 0x000F;
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
    let answer = read_section(&mut reader, answers, question.rtype)?;
    let authority = read_section(&mut reader, authorities, question.rtype)?;
    let rcode = (flags & RCODE_MASK) | read_extended_rcode(&mut reader, additionals)?;
    Ok((flags, question, Some(Response { rcode, answer, authority })))
}

/// A record's fixed part, and a reader over its data.
struct Record<'a> {
    owner: Name,
    rtype: Rtype,
    class: u16,
    ttl: u32,
    data: Reader<'a>,
}

fn read_record<'a>(reader: &mut Reader<'a>) -> Result<Record<'a>, Malformed> {
    let owner = reader.name()?;
    let rtype = Rtype::from_int(reader.u16()?);
    let class = reader.u16()?;
    let ttl = reader.u32()?;
    let len = reader.u16()?;
    Ok(Record { owner, rtype, class, ttl, data: reader.section(len.into())? })
}

/// Groups the records of a section.
fn read_section(reader: &mut Reader<'_>, count: u16, asked: Rtype) -> Result<Vec<Rrset>, Malformed> {
    let mut sets: Vec<Rrset> = Vec::new();
    let mut index: HashMap<(Name, Rtype), usize> = HashMap::new();
    let mut signatures: Vec<(Name, Rrsig, u32)> = Vec::new();
    for _ in 0..count {
        let mut record = read_record(reader)?;
        if record.class != CLASS_IN {
            continue;
        }
        let data = read_rdata(record.rtype, &mut record.data)?;
        let ttl = if record.ttl > MAX_TTL { 0 } else { record.ttl };
        if record.rtype == Rtype::RRSIG {
            signatures.push((record.owner.clone(), Rrsig::from_rdata(&data)?, ttl));
            if asked != Rtype::RRSIG {
                continue;
            }
        }
        match index.entry((record.owner, record.rtype)) {
            Entry::Occupied(entry) => {
                if let Some(set) = sets.get_mut(*entry.get()) {
                    set.ttl = set.ttl.min(ttl);
                    set.data.push(data);
                }
            }
            Entry::Vacant(entry) => {
                let (owner, rtype) = entry.key().clone();
                entry.insert(sets.len());
                sets.push(Rrset { owner, rtype, ttl, data: vec![data], signatures: Vec::new() });
            }
        }
    }
    for (owner, signature, ttl) in signatures {
        let covered = index.get(&(owner, signature.type_covered)).and_then(|&i| sets.get_mut(i));
        if let Some(set) = covered
            && !set.signatures.contains(&signature)
            && set.signatures.len() < MAX_SIGNATURES
        {
            // R-113 rfc4035#5.3.3: the TTL of the signature counts too.
            set.ttl = set.ttl.min(ttl);
            set.signatures.push(signature);
        }
    }
    sets.iter_mut().for_each(drop_duplicates);
    Ok(sets)
}

/// Signatures kept of one RRset; a rollover needs two or three.
const MAX_SIGNATURES: usize = 64;

/// Removes repeated records, keeping the order received.
fn drop_duplicates(set: &mut Rrset) {
    if set.data.len() > 1 {
        let mut seen: std::collections::HashSet<Bytes> = std::collections::HashSet::with_capacity(set.data.len());
        set.data.retain(|record| seen.insert(record.clone()));
    }
}

/// The upper bits of the response code, from the OPT record of the additional section. (RFC 6891 section 6.1.3)
fn read_extended_rcode(reader: &mut Reader<'_>, count: u16) -> Result<u16, Malformed> {
    for _ in 0..count {
        let record = read_record(reader)?;
        if record.rtype == Rtype::OPT {
            return Ok((record.ttl >> 24) as u16 * 16);
        }
    }
    Ok(0)
}

impl Rrsig {
    /// Reads RRSIG record data. (RFC 4034 section 3.1)
    pub(crate) fn from_rdata(data: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data);
        let (type_covered, algorithm, labels) = (Rtype::from_int(reader.u16()?), reader.u8()?, reader.u8()?);
        let (original_ttl, expiration, inception) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let (key_tag, signer) = (reader.u16()?, reader.name()?);
        let signature = data.slice(data.len() - reader.remaining()..);
        Ok(Self { type_covered, algorithm, labels, original_ttl, expiration, inception, key_tag, signer, signature })
    }
}
