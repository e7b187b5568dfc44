//! The extensions that decide about a path. (RFC 5280 section 4.2.1)

use super::der::{Reader, tag};

/// keyUsage bits as they stand in the first octet.
pub(crate) mod key_usage {
    pub(crate) const CERT_SIGN: u8 = 0x04;
    /// digitalSignature, keyEncipherment or keyAgreement: what a TLS server's key is for.
    pub(crate) const TLS_SERVER: u8 = 0x80 | 0x20 | 0x08;
}

/// What a certificate's extensions say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// An extension that we need is there twice or cannot be read: no path goes through such a certificate.
    pub(crate) malformed: bool,
    /// A critical extension that nobody here understands. (RFC 5280 section 4.2)
    pub(crate) unknown_critical: bool,
    pub(crate) basic_constraints: Option<BasicConstraints>,
    /// First octet of the bits.
    pub(crate) key_usage: Option<u8>,
    pub(crate) extended_key_usage: Option<ExtendedKeyUsage>,
    pub(crate) alternative_names: Option<Vec<GeneralName>>,
    pub(crate) name_constraints: Option<NameConstraints>,
    pub(crate) subject_key_id: Option<Vec<u8>>,
    pub(crate) authority_key_id: Option<AuthorityKeyId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    pub(crate) path_len: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtendedKeyUsage {
    /// serverAuth (or one of its two ancestors, "server gated crypto") is among them.
    Server,
    /// It is not.
    Others,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName {
    Email(Vec<u8>),
    Dns(Vec<u8>),
    /// A Name in DER.
    Directory(Vec<u8>),
    Uri(Vec<u8>),
    Ip(Vec<u8>),
    Other,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    pub(crate) permitted: Vec<Subtree>,
    pub(crate) excluded: Vec<Subtree>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subtree {
    pub(crate) base: GeneralName,
    /// `minimum` or `maximum` is there, which RFC 5280 forbids.
    pub(crate) bounded: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuthorityKeyId {
    pub(crate) key_id: Option<Vec<u8>>,
    /// The first directoryName of authorityCertIssuer, DER.
    pub(crate) issuer: Option<Vec<u8>>,
    /// Content of the INTEGER.
    pub(crate) serial: Option<Vec<u8>>,
}

impl Extensions {
    /// Reads the SEQUENCE OF Extension. Never fails: what cannot be read is marked.
    pub(crate) fn read(extensions: &[u8]) -> Self {
        let mut found = Self::default();
        let mut seen: Vec<u8> = Vec::new();
        let Some(mut list) = Reader(extensions).enter(tag::SEQUENCE) else { return Self { malformed: true, ..found } };
        while !list.is_empty() {
            let Some((oid, critical, value)) = extension(&mut list) else { return Self { malformed: true, ..found } };
            // id-ce: 2.5.29.n
            if let [0x55, 0x1d, number] = *oid {
                if is_read(number) && seen.contains(&number) {
                    found.malformed = true;
                }
                seen.push(number);
                found.malformed |= found.take(number, value).is_none();
            }
            found.unknown_critical |= critical && !is_understood(oid);
        }
        found
    }

    /// Keeps one extension of id-ce; `None` if we need it and cannot read it.
    fn take(&mut self, number: u8, value: &[u8]) -> Option<()> {
        match number {
            14 => self.subject_key_id = Some(Reader(value).content(tag::OCTET_STRING)?.to_vec()),
            15 => self.key_usage = Some(key_usage_bits(value)?),
            17 => self.alternative_names = Some(general_names(Reader(value).content(tag::SEQUENCE)?)?),
            19 => self.basic_constraints = Some(basic_constraints(value)?),
            30 => self.name_constraints = Some(name_constraints(value)?),
            35 => self.authority_key_id = Some(authority_key_id(value)?),
            37 => self.extended_key_usage = Some(extended_key_usage(value)?),
            _ => {}
        }
        Some(())
    }
}

fn extension<'a>(list: &mut Reader<'a>) -> Option<(&'a [u8], bool, &'a [u8])> {
    let mut extension = list.enter(tag::SEQUENCE)?;
    let oid = extension.content(tag::OID)?;
    let critical = extension.optional(tag::BOOLEAN).is_some_and(|b| b.value != [0]);
    Some((oid, critical, extension.content(tag::OCTET_STRING)?))
}

fn is_read(number: u8) -> bool {
    matches!(number, 14 | 15 | 17 | 19 | 30 | 35 | 37)
}

/// Whether a critical extension may be met: those that we read, and policies and revocation pointers, which bind nobody who does not ask
/// for them. Key identifiers must not be critical.
fn is_understood(oid: &[u8]) -> bool {
    /// Netscape certificate type: 2.16.840.1.113730.1.1.
    const NETSCAPE_TYPE: &[u8] = &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1];
    matches!(oid, [0x55, 0x1d, 15 | 17 | 19 | 30 | 31 | 32 | 33 | 36 | 37 | 54]) || oid == NETSCAPE_TYPE
}

fn key_usage_bits(value: &[u8]) -> Option<u8> {
    let bits = Reader(value).content(tag::BIT_STRING)?;
    let first = bits.get(1).copied().unwrap_or(0);
    // RFC 5280 section 4.2.1.3: at least one bit is set.
    (bits.iter().skip(1).any(|b| *b != 0)).then_some(first)
}

fn basic_constraints(value: &[u8]) -> Option<BasicConstraints> {
    let mut sequence = Reader(value).enter(tag::SEQUENCE)?;
    let ca = sequence.optional(tag::BOOLEAN).is_some_and(|b| b.value != [0]);
    let path_len = match sequence.optional(tag::INTEGER) {
        None => None,
        Some(n) if n.value.first()? & 0x80 != 0 => return None,
        Some(n) => Some(n.value.iter().try_fold(0u32, |n, &o| n.checked_mul(256)?.checked_add(u32::from(o))).unwrap_or(u32::MAX)),
    };
    sequence.is_empty().then_some(BasicConstraints { ca, path_len })
}

fn extended_key_usage(value: &[u8]) -> Option<ExtendedKeyUsage> {
    const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    const MICROSOFT_SGC: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 10, 3, 3];
    const NETSCAPE_SGC: &[u8] = &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4, 1];
    let mut list = Reader(value).enter(tag::SEQUENCE)?;
    let mut usage = ExtendedKeyUsage::Others;
    while !list.is_empty() {
        // anyExtendedKeyUsage alone is not enough: RFC 5280 section 4.2.1.12 allows to refuse it, and OpenSSL does.
        if [SERVER_AUTH, MICROSOFT_SGC, NETSCAPE_SGC].contains(&list.content(tag::OID)?) {
            usage = ExtendedKeyUsage::Server;
        }
    }
    Some(usage)
}

fn general_names(list: &[u8]) -> Option<Vec<GeneralName>> {
    let mut list = Reader(list);
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(general_name(&mut list)?);
    }
    Some(names)
}

fn general_name(reader: &mut Reader<'_>) -> Option<GeneralName> {
    let tlv = reader.any()?;
    let value = || tlv.value.to_vec();
    Some(match tlv.tag {
        t if t == tag::primitive(1) => GeneralName::Email(value()),
        t if t == tag::primitive(2) => GeneralName::Dns(value()),
        t if t == tag::constructed(4) => GeneralName::Directory(value()),
        t if t == tag::primitive(6) => GeneralName::Uri(value()),
        t if t == tag::primitive(7) => GeneralName::Ip(value()),
        t if t & 0xc0 == 0x80 => GeneralName::Other,
        _ => return None,
    })
}

fn name_constraints(value: &[u8]) -> Option<NameConstraints> {
    let mut sequence = Reader(value).enter(tag::SEQUENCE)?;
    let permitted = sequence.optional(tag::constructed(0)).map_or(Some(Vec::new()), |t| subtrees(t.value))?;
    let excluded = sequence.optional(tag::constructed(1)).map_or(Some(Vec::new()), |t| subtrees(t.value))?;
    sequence.is_empty().then_some(NameConstraints { permitted, excluded })
}

fn subtrees(list: &[u8]) -> Option<Vec<Subtree>> {
    let mut list = Reader(list);
    let mut subtrees = Vec::new();
    while !list.is_empty() {
        let mut subtree = list.enter(tag::SEQUENCE)?;
        let base = general_name(&mut subtree)?;
        // An explicit `minimum` of 0 is not DER, but harmless.
        let minimum = subtree.optional(tag::primitive(0)).is_some_and(|m| m.value != [0]);
        subtrees.push(Subtree { base, bounded: minimum || !subtree.is_empty() });
    }
    Some(subtrees)
}

fn authority_key_id(value: &[u8]) -> Option<AuthorityKeyId> {
    let mut sequence = Reader(value).enter(tag::SEQUENCE)?;
    let key_id = sequence.optional(tag::primitive(0)).map(|t| t.value.to_vec());
    let names = sequence.optional(tag::constructed(1)).map_or(Some(Vec::new()), |t| general_names(t.value))?;
    let issuer = names.into_iter().find_map(|n| if let GeneralName::Directory(name) = n { Some(name) } else { None });
    let serial = sequence.optional(tag::primitive(2)).map(|t| t.value.to_vec());
    sequence.is_empty().then_some(AuthorityKeyId { key_id, issuer, serial })
}
