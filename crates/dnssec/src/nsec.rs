//! NSEC records and what they deny. (RFC 4034 section 4, RFC 4035 section 5.4)

use bytes::Bytes;
use domain::base::iana::Rtype;

use crate::name;
use crate::types::Name;
use crate::wire::Reader;

/// Type of no record: says in an NSEC record made up for one question that its owner does not exist. (RFC 9824 section 3.1)
const NXNAME: Rtype = Rtype::from_int(128);

/// The types that exist at a name. (RFC 4034 section 4.1.2)
#[derive(Clone, Debug)]
pub(crate) struct Types(Bytes);

impl Types {
    /// Takes a type bitmap; `None` if it is malformed.
    pub(crate) fn new(bitmap: Bytes) -> Option<Self> {
        let mut reader = Reader::new(&bitmap);
        let mut last = None;
        while reader.remaining() > 0 {
            let (window, len) = (reader.u8().ok()?, reader.u8().ok()?);
            if last.is_some_and(|last| window <= last) || !(1..=32).contains(&len) {
                return None;
            }
            reader.octets(len.into()).ok()?;
            last = Some(window);
        }
        Some(Self(bitmap))
    }

    /// Whether the type is listed.
    pub(crate) fn has(&self, rtype: Rtype) -> bool {
        let [wanted, low] = rtype.to_int().to_be_bytes();
        let mut rest = &*self.0;
        while let [window, len, tail @ ..] = rest {
            let (octets, next) = tail.split_at_checked((*len).into()).unwrap_or((tail, &[]));
            if *window == wanted {
                return octets.get(usize::from(low / 8)).is_some_and(|octet| octet & (0x80 >> (low % 8)) != 0);
            }
            rest = next;
        }
        false
    }

    /// The record denies its own owner: compact denial of existence. (RFC 9824 section 3.1)
    pub(crate) fn deny_owner(&self) -> bool {
        self.has(NXNAME)
    }

    /// The name is a delegation, seen from the parent.
    pub(crate) fn is_delegation(&self) -> bool {
        self.has(Rtype::NS) && !self.has(Rtype::SOA)
    }

    /// Names below this one are not this zone's to deny: it is delegated, or a DNAME stands for them.
    // R-119 rfc6840#4.1
    pub(crate) fn hides_below(&self) -> bool {
        self.is_delegation() || self.has(Rtype::DNAME)
    }

    /// The name exists without this type and without an alias; and the record comes from the right side of a cut.
    // R-116 rfc6840#4.3   R-119 rfc6840#4.4 rfc4035#5.2
    pub(crate) fn lack(&self, name: &Name, rtype: Rtype) -> bool {
        if rtype == Rtype::ANY {
            return false;
        }
        let right_side = if rtype == Rtype::DS { name.is_root() || !self.has(Rtype::SOA) } else { !self.is_delegation() };
        right_side && !self.has(rtype) && (rtype == Rtype::CNAME || !self.has(Rtype::CNAME))
    }
}

/// A verified NSEC record of the zone.
#[derive(Clone, Debug)]
pub(crate) struct Nsec {
    /// Owner.
    pub(crate) owner: Name,
    /// Next owner in the zone.
    pub(crate) next: Name,
    /// Types at the owner.
    pub(crate) types: Types,
}

impl Nsec {
    /// Reads record data.
    pub(crate) fn new(owner: &Name, data: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(data);
        let next = reader.name().ok()?;
        let types = Types::new(data.slice(data.len() - reader.remaining()..))?;
        Some(Self { owner: owner.clone(), next, types })
    }

    /// The name lies between owner and next owner, and the record may speak of it. It may still be an empty non-terminal.
    // R-119 rfc6840#4.1
    fn spans(&self, name: &Name, apex: &Name) -> bool {
        let last = self.next == *apex;
        name::is_within(name, apex)
            && name::is_within(&self.next, apex)
            && self.owner < *name
            && (last || *name < self.next)
            && !(name::is_below(name, &self.owner) && self.types.hides_below())
    }

    /// The name exists without data: it lies above the next owner.
    // R-118 rfc4592#2.2.2
    fn proves_empty(&self, name: &Name, apex: &Name) -> bool {
        self.spans(name, apex) && name::is_below(&self.next, name)
    }

    /// The name does not exist, except through a wildcard.
    fn covers(&self, name: &Name, apex: &Name) -> bool {
        self.spans(name, apex) && !name::is_within(&self.next, name)
    }
}

/// The verified NSEC records of a response, all of one zone.
#[derive(Clone, Copy)]
pub(crate) struct NsecProof<'a> {
    /// The zone's apex.
    pub(crate) apex: &'a Name,
    /// The records.
    pub(crate) records: &'a [Nsec],
}

impl<'a> NsecProof<'a> {
    fn at(&self, name: &Name) -> Option<&'a Nsec> {
        self.records.iter().find(|nsec| nsec.owner == *name)
    }

    fn covering(&self, name: &Name) -> Option<&'a Nsec> {
        self.records.iter().find(|nsec| nsec.covers(name, self.apex))
    }

    fn is_empty_name(&self, name: &Name) -> bool {
        self.records.iter().any(|nsec| nsec.proves_empty(name, self.apex))
    }

    /// The types at the name, if a record tells.
    pub(crate) fn types_at(&self, name: &Name) -> Option<&'a Types> {
        self.at(name).map(|nsec| &nsec.types)
    }

    /// The name exists, or would through a wildcard, but not with this type.
    // R-116 rfc4035#5.4   R-118 rfc4035#3.1.3.4
    pub(crate) fn no_data(&self, name: &Name, rtype: Rtype) -> bool {
        if let Some(types) = self.types_at(name) {
            return types.lack(name, rtype);
        }
        if self.is_empty_name(name) {
            return true;
        }
        let Some(wildcard) = self.source_of_synthesis(name) else { return false };
        self.types_at(&wildcard).map_or_else(|| self.is_empty_name(&wildcard), |types| types.lack(&wildcard, rtype))
    }

    /// Neither the name nor a wildcard for it exists.
    // R-117 rfc4035#5.4
    pub(crate) fn no_name(&self, name: &Name) -> bool {
        self.source_of_synthesis(name).is_some_and(|wildcard| self.covering(&wildcard).is_some())
    }

    /// The name itself does not exist; a wildcard for it may.
    pub(crate) fn not_there(&self, name: &Name) -> bool {
        self.covering(name).is_some()
    }

    /// The name is an empty non-terminal.
    pub(crate) fn empty_non_terminal(&self, name: &Name) -> bool {
        self.is_empty_name(name)
    }

    /// The wildcard that would stand for a name that does not exist: below its closest encloser, which the covering record tells.
    fn source_of_synthesis(&self, name: &Name) -> Option<Name> {
        let nsec = self.covering(name)?;
        let (before, after) = (name::common_ancestor(name, &nsec.owner), name::common_ancestor(name, &nsec.next));
        name::wildcard_of(if before.label_count() > after.label_count() { &before } else { &after })
    }
}
