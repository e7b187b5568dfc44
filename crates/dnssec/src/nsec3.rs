//! NSEC3 records and what they deny. (RFC 5155)

use aws_lc_rs::digest;
use bytes::Bytes;
use data_encoding::BASE32HEX_NOPAD;
use domain::base::iana::Rtype;

use crate::canonical::push_canonical_name;
use crate::name;
use crate::nsec::Types;
use crate::reason::ReasonCode;
use crate::types::Name;
use crate::wire::Reader;
use crate::work::Work;

/// Octets of a SHA-1 hash.
const HASH_LEN: usize = 20;
/// The opt-out flag, the only one defined. (RFC 5155 section 3.1.2)
const OPT_OUT: u8 = 1;

/// The hash of a name.
pub(crate) type Hash = [u8; HASH_LEN];

/// How names are hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Extra rounds.
    pub(crate) iterations: u16,
    /// Salt, may be empty.
    pub(crate) salt: Bytes,
}

impl Parameters {
    /// Hashes a name. (RFC 5155 section 5)
    pub(crate) fn hash(&self, name: &Name) -> Hash {
        let mut input = Vec::with_capacity(name.len() + self.salt.len());
        push_canonical_name(name.as_slice(), &mut input);
        let mut hash = Hash::default();
        for round in 0..=self.iterations {
            if round > 0 {
                input.clear();
                input.extend_from_slice(&hash);
            }
            input.extend_from_slice(&self.salt);
            let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &input);
            if let Ok(octets) = digest.as_ref().try_into() {
                hash = octets;
            }
        }
        hash
    }
}

/// A verified NSEC3 record.
#[derive(Clone, Debug)]
pub(crate) struct Nsec3 {
    owner: Hash,
    next: Hash,
    opt_out: bool,
    types: Types,
    /// How its names are hashed.
    pub(crate) parameters: Parameters,
}

impl Nsec3 {
    /// Reads an NSEC3 record of the zone. `None` if it is malformed, has an unknown hash algorithm or flag, or is not of this zone.
    // R-122 rfc5155#8.1 rfc5155#8.2
    pub(crate) fn new(owner: &Name, data: &Bytes, apex: &Name) -> Option<Self> {
        if name::parent(owner)? != *apex {
            return None;
        }
        let label = owner.first().as_slice().to_ascii_uppercase();
        let owner = BASE32HEX_NOPAD.decode(&label).ok()?.try_into().ok()?;
        let mut reader = Reader::new(data);
        let (algorithm, flags, iterations) = (reader.u8().ok()?, reader.u8().ok()?, reader.u16().ok()?);
        if algorithm != 1 || flags & !OPT_OUT != 0 {
            return None;
        }
        let salt_len = reader.u8().ok()?;
        let salt = Bytes::copy_from_slice(reader.octets(salt_len.into()).ok()?);
        let hash_len = reader.u8().ok()?;
        let next = reader.octets(hash_len.into()).ok()?.try_into().ok()?;
        let types = Types::new(data.slice(data.len() - reader.remaining()..))?;
        Some(Self { owner, next, opt_out: flags & OPT_OUT != 0, types, parameters: Parameters { iterations, salt } })
    }

    fn covers(&self, hash: &Hash) -> bool {
        if self.owner < self.next {
            self.owner < *hash && *hash < self.next
        } else {
            // The last of the zone, or the only one.
            *hash > self.owner || *hash < self.next
        }
    }
}

/// Whether the next closer name is absent for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// It does not exist.
    Absent,
    /// An unsigned delegation may exist there.
    // R-121 rfc5155#6 rfc5155#9.2
    OptOut,
}

/// The verified NSEC3 records of a response that hash in one way, all of one zone.
// R-122 rfc5155#8.2 rfc5155#C.1
pub(crate) struct Nsec3Proof<'a> {
    /// The zone's apex.
    pub(crate) apex: &'a Name,
    /// How names are hashed.
    pub(crate) parameters: &'a Parameters,
    /// All records; only those with these parameters are used.
    pub(crate) records: &'a [Nsec3],
}

impl<'a> Nsec3Proof<'a> {
    fn hash(&self, name: &Name, work: &mut Work) -> Result<Hash, ReasonCode> {
        work.spend_hash()?;
        Ok(self.parameters.hash(name))
    }

    fn records(&self) -> impl Iterator<Item = &'a Nsec3> + use<'_, 'a> {
        self.records.iter().filter(|nsec3| nsec3.parameters == *self.parameters)
    }

    fn with_hash(&self, hash: &Hash) -> Option<&'a Nsec3> {
        self.records().find(|nsec3| nsec3.owner == *hash)
    }

    /// The types at the name, if a record tells.
    pub(crate) fn types_at(&self, name: &Name, work: &mut Work) -> Result<Option<&'a Types>, ReasonCode> {
        let hash = self.hash(name, work)?;
        Ok(self.with_hash(&hash).map(|nsec3| &nsec3.types))
    }

    fn covering(&self, name: &Name, work: &mut Work) -> Result<Option<&'a Nsec3>, ReasonCode> {
        let hash = self.hash(name, work)?;
        Ok(self.records().find(|nsec3| nsec3.covers(&hash)))
    }

    /// The closest encloser of a name that does not exist, and what is known of the next closer name.
    // R-117 rfc5155#8.3   R-119 rfc5155#8.3
    fn closest_encloser(&self, name: &Name, work: &mut Work) -> Result<Option<(Name, Span)>, ReasonCode> {
        for count in (name::labels(self.apex)..name::labels(name)).rev() {
            let encloser = name::ancestor(name, count);
            let Some(types) = self.types_at(&encloser, work)? else { continue };
            if types.hides_below() {
                return Ok(None);
            }
            return Ok(self.no_closer_match(name, &encloser, work)?.map(|span| (encloser, span)));
        }
        Ok(None)
    }

    /// The next closer name of `name` below `encloser` does not exist.
    // R-114 rfc5155#8.8
    pub(crate) fn no_closer_match(&self, name: &Name, encloser: &Name, work: &mut Work) -> Result<Option<Span>, ReasonCode> {
        let next_closer = name::ancestor(name, name::labels(encloser) + 1);
        let nsec3 = self.covering(&next_closer, work)?;
        Ok(nsec3.map(|nsec3| if nsec3.opt_out { Span::OptOut } else { Span::Absent }))
    }

    /// The name itself does not exist; a wildcard for it may.
    pub(crate) fn not_there(&self, name: &Name, work: &mut Work) -> Result<Option<Span>, ReasonCode> {
        Ok(self.closest_encloser(name, work)?.map(|(_, span)| span))
    }

    /// The name exists, or would through a wildcard, but not with this type.
    // R-116 rfc5155#8.5 rfc5155#8.6   R-118 rfc5155#8.7
    pub(crate) fn no_data(&self, name: &Name, rtype: Rtype, work: &mut Work) -> Result<Option<Span>, ReasonCode> {
        if let Some(types) = self.types_at(name, work)? {
            return Ok(types.lack(name, rtype).then_some(Span::Absent));
        }
        let Some((encloser, span)) = self.closest_encloser(name, work)? else { return Ok(None) };
        if span == Span::OptOut {
            return Ok(Some(Span::OptOut));
        }
        let Some(wildcard) = name::wildcard_of(&encloser) else { return Ok(None) };
        let types = self.types_at(&wildcard, work)?;
        Ok(types.filter(|types| types.lack(&wildcard, rtype)).map(|_| span))
    }

    /// Neither the name nor a wildcard for it exists.
    // R-117 rfc5155#8.4
    pub(crate) fn no_name(&self, name: &Name, work: &mut Work) -> Result<Option<Span>, ReasonCode> {
        let Some((encloser, span)) = self.closest_encloser(name, work)? else { return Ok(None) };
        let Some(wildcard) = name::wildcard_of(&encloser) else { return Ok(None) };
        Ok(self.covering(&wildcard, work)?.map(|_| span))
    }
}
