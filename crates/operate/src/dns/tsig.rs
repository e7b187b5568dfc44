//! Signed DNS messages. (RFC 8945)
//!
//! The `domain` crate has this too, with `ring` as its cryptography; this project has one such stack, aws-lc-rs, so the MAC is made here. Like
//! `domain` and BIND, a reply is held to its request by the request's MAC. Unlike them, a shortened MAC is refused: no server makes one unless
//! it is configured to.

use super::key::Key;
use aws_lc_rs::hmac;
use dane::Epoch;
use dane::date::utc;
use domain::base::iana::{Rtype, TsigRcode};
use domain::base::{Message, ToName};
use domain::rdata::Tsig;

/// How far the clocks may be apart, seconds. (RFC 8945 section 10)
const FUDGE: u16 = 300;
const CLASS_ANY: u16 = 255;
const HEADER: usize = 12;

/// Why a reply is no proof of what the server did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TsigError {
    /// (RFC 8945 section 5.2.1)
    #[error(
        "the server says that it does not know the key '{0}' (BADKEY), or, if it is Knot, that the key has no right to this: name and algorithm must \
         be those of its configuration, and the server reloaded"
    )]
    BadKey(String),
    /// (RFC 8945 section 5.2.2)
    #[error("the server says that the secret of the key '{0}' is another one (BADSIG): copy it again from the server's configuration")]
    BadSig(String),
    /// (RFC 8945 section 5.2.3)
    #[error("the clocks are too far apart (BADTIME): here it is {}, at the server {}, {} s apart; set the wrong one", utc(*ours), utc(*theirs), ours.abs_diff(*theirs))]
    BadTime {
        /// When the request was signed.
        ours: Epoch,
        /// What the server says that it is.
        theirs: Epoch,
    },
    /// (RFC 8945 section 5.2.4)
    #[error("the server wants longer signatures than the key's algorithm makes (BADTRUNC): use hmac-sha512")]
    BadTrunc,
    /// Any other TSIG error.
    #[error("the server answers with TSIG error {0}, which is not defined for updates: look into its log")]
    Other(u16),
    /// No TSIG record.
    #[error(
        "the answer ({0}) is not signed, so it is not believed: compare key, secret and clock with the server's, and make sure that it is the server that you mean"
    )]
    Unsigned(String),
    /// A MAC that does not fit.
    #[error(
        "the answer's signature is wrong, so it is not believed: somebody on the path changes it, or the server has another secret under this name"
    )]
    Forged,
    /// Signed at another time.
    #[error("the answer was signed at {}, here it is {}: set the clock that is wrong; an old answer is not believed", utc(*theirs), utc(*ours))]
    Late {
        /// The time of the look.
        ours: Epoch,
        /// When the answer was signed.
        theirs: Epoch,
    },
    /// Not a DNS message, or a TSIG record at the wrong place.
    #[error("the answer is not a well-formed DNS message: {0}")]
    Malformed(&'static str),
}

/// A request that was signed: what its reply must hold.
pub(crate) struct Signed {
    /// The message with its TSIG record.
    pub(crate) message: Vec<u8>,
    mac: Vec<u8>,
    at: Epoch,
}

/// Adds a TSIG record to a message without one.
pub(crate) fn sign(mut message: Vec<u8>, key: &Key, at: Epoch) -> Signed {
    let time = u64::try_from(at).unwrap_or(0);
    let mut digested = message.clone();
    variables(&mut digested, key, time, FUDGE, 0, &[]);
    let mac = hmac::sign(key.hmac(), &digested).as_ref().to_vec();
    let original_id = [message.first().copied().unwrap_or(0), message.get(1).copied().unwrap_or(0)];
    let mut rdata = key.algorithm().name().as_slice().to_vec();
    rdata.extend_from_slice(&time48(time));
    rdata.extend_from_slice(&FUDGE.to_be_bytes());
    sized(&mut rdata, &mac);
    rdata.extend_from_slice(&original_id);
    rdata.extend_from_slice(&[0, 0, 0, 0]);
    message.extend_from_slice(key.name().as_slice());
    message.extend_from_slice(&Rtype::TSIG.to_int().to_be_bytes());
    message.extend_from_slice(&CLASS_ANY.to_be_bytes());
    message.extend_from_slice(&[0; 4]);
    sized(&mut message, &rdata);
    count_additional(&mut message, 1);
    Signed { message, mac, at }
}

/// Holds a reply to its request. What passes is the word of whoever has the key, about this request.
///
/// # Errors
/// What is wrong with it. The errors that a server must not sign ([`TsigError::BadKey`], [`TsigError::BadSig`]) are its alleged word.
pub(crate) fn verify(reply: &[u8], key: &Key, request: &Signed, now: Epoch) -> Result<(), TsigError> {
    let (start, tsig) = find(reply)?;
    let rcode = reply.get(3).map_or(0, |octet| octet & 0x0f);
    let Some(tsig) = tsig else { return Err(TsigError::Unsigned(rcode_word(rcode))) };
    match tsig.record.error() {
        // RFC 8945 section 5.3.2: these are never signed.
        TsigRcode::BADKEY => return Err(TsigError::BadKey(key.name().to_string())),
        TsigRcode::BADSIG => return Err(TsigError::BadSig(key.name().to_string())),
        _ => {}
    }
    let known = tsig.owner.name_eq(key.name()) && tsig.record.algorithm().name_eq(key.algorithm().name());
    if !known {
        return Err(TsigError::Forged);
    }
    // RFC 8945 section 4.3: the message as it was before the record was added.
    let mut digested = Vec::new();
    sized(&mut digested, &request.mac);
    let before = digested.len();
    digested.extend_from_slice(&tsig.record.original_id().to_be_bytes());
    digested.extend_from_slice(reply.get(2..start).unwrap_or_default());
    if let Some(message) = digested.get_mut(before..) {
        count_additional(message, -1);
    }
    let (time, fudge, other) = (u64_of(tsig.record.time_signed().into_octets()), tsig.record.fudge(), tsig.record.other());
    variables(&mut digested, key, time, fudge, tsig.record.error().to_int(), other);
    hmac::verify(key.hmac(), &digested, tsig.record.mac()).map_err(|_| TsigError::Forged)?;
    match tsig.record.error() {
        TsigRcode::NOERROR => {}
        TsigRcode::BADTIME => {
            let theirs = tsig.record.other_time().map_or(0, |time| u64_of(time.into_octets()));
            return Err(TsigError::BadTime { ours: request.at, theirs: theirs.cast_signed() });
        }
        TsigRcode::BADTRUNC => return Err(TsigError::BadTrunc),
        other => return Err(TsigError::Other(other.to_int())),
    }
    // RFC 8945 section 5.2.3; 48 bits always fit.
    let theirs = time.cast_signed();
    if now.abs_diff(theirs) > u64::from(fudge.min(FUDGE)) {
        return Err(TsigError::Late { ours: now, theirs });
    }
    Ok(())
}

/// A TSIG record that was received.
struct Found<'a> {
    owner: domain::base::ParsedName<&'a [u8]>,
    record: Tsig<&'a [u8], domain::base::ParsedName<&'a [u8]>>,
}

/// The TSIG record of a message and where it starts: the last record of the additional section, or none. (RFC 8945 section 5.2)
fn find(reply: &[u8]) -> Result<(usize, Option<Found<'_>>), TsigError> {
    let malformed = |what| move |_| TsigError::Malformed(what);
    let message = Message::from_slice(reply).map_err(|_| TsigError::Malformed("it is shorter than a header"))?;
    let mut found = None;
    let mut section = message.answer().map_err(malformed("its question cannot be read"))?;
    for number in 0..3 {
        loop {
            let start = section.pos();
            let Some(record) = section.next() else { break };
            let record = record.map_err(malformed("a record cannot be read"))?;
            if found.is_some() {
                return Err(TsigError::Malformed("its TSIG record is not the last one"));
            }
            if record.rtype() == Rtype::TSIG {
                if number != 2 {
                    return Err(TsigError::Malformed("its TSIG record is not in the additional section"));
                }
                found = Some((start, record));
            }
        }
        match section.next_section().map_err(malformed("a section cannot be read"))? {
            Some(next) => section = next,
            None => break,
        }
    }
    let Some((start, record)) = found else { return Ok((reply.len(), None)) };
    let owner = record.owner();
    let record = record.to_record::<Tsig<_, _>>().map_err(malformed("its TSIG record cannot be read"))?;
    let record = record.ok_or(TsigError::Malformed("its TSIG record cannot be read"))?.into_data();
    Ok((start, Some(Found { owner, record })))
}

/// What is digested behind the message. (RFC 8945 section 4.3.3)
fn variables(into: &mut Vec<u8>, key: &Key, time: u64, fudge: u16, error: u16, other: &[u8]) {
    into.extend_from_slice(key.name().as_slice());
    into.extend_from_slice(&CLASS_ANY.to_be_bytes());
    into.extend_from_slice(&[0; 4]);
    into.extend_from_slice(key.algorithm().name().as_slice());
    into.extend_from_slice(&time48(time));
    into.extend_from_slice(&fudge.to_be_bytes());
    into.extend_from_slice(&error.to_be_bytes());
    sized(into, other);
}

/// Octets behind their number.
fn sized(into: &mut Vec<u8>, octets: &[u8]) {
    into.extend_from_slice(&u16::try_from(octets.len()).unwrap_or(u16::MAX).to_be_bytes());
    into.extend_from_slice(octets);
}

fn time48(time: u64) -> [u8; 6] {
    let [_, _, octets @ ..] = time.to_be_bytes();
    octets
}

fn u64_of(octets: [u8; 6]) -> u64 {
    octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

/// Changes the number of additional records in the header.
fn count_additional(message: &mut [u8], by: i16) {
    if let Some(octets) = message.get_mut(HEADER - 2..HEADER)
        && let Ok(count) = <[u8; 2]>::try_from(&*octets)
    {
        octets.copy_from_slice(&u16::from_be_bytes(count).wrapping_add_signed(by).to_be_bytes());
    }
}

/// The mnemonic of a response code.
pub(crate) fn rcode_word(rcode: u8) -> String {
    domain::base::iana::Rcode::masked_from_int(rcode).to_string()
}
