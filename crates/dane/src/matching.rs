//! Does a chain match a TLSA RRset? Usability, digest agility, all four usages, names. (RFC 6698, RFC 7671, RFC 7672 section 3)

use crate::Epoch;
use crate::association::Associations;
use crate::cert::{Certificate, SignatureError};
use crate::name::Name;
use crate::observation::CertificateBytes;
use crate::path::{self, Anchor, MAX_CERTIFICATE_OCTETS, MAX_CERTIFICATES, Paths};
use crate::tlsa::{Mode, Tlsa};

pub use crate::refid::CommonName;
pub use crate::verification::{Detour, ErrorCode, MatchError, MatchVerdict, RecordOutcome, RecordStatus, Verification};

/// How to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Which usages count.
    pub mode: Mode,
    /// Whether usage 3 checks names. RFC 7672 says no.
    pub ee_names: EeNames,
    /// What a common name is worth.
    pub common_name: CommonName,
    /// Digests from strongest to weakest, as matching types; one that is not named here is weaker than all that are.
    pub digest_order: Vec<u8>,
    /// Trusted roots for usages 0 and 1; DANE-TA needs none and looks at none.
    pub roots: Vec<CertificateBytes>,
}

impl Default for VerifyOptions {
    /// SMTP, as RFC 7672 wants it.
    fn default() -> Self {
        Self {
            mode: Mode::Smtp,
            ee_names: EeNames::Ignore,
            common_name: CommonName::IfNoDnsName,
            // R-079 rfc7671#9
            digest_order: vec![2, 1],
            roots: Vec::new(),
        }
    }
}

/// Whether usage 3 checks names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EeNames {
    /// Never: the DNS owner name binds the key.
    #[default]
    Ignore,
    /// As for usage 2: stricter than RFC 7672.
    Check,
}

/// Verifies `chain` (leaf first, exactly as received) against `records`, at the moment `at`, for the reference identifiers `names`.
///
/// Never panics, and does bounded work on any input.
#[must_use]
pub fn verify(chain: &[CertificateBytes], records: &[Tlsa], names: &[Name], at: Epoch, options: &VerifyOptions) -> Verification {
    let leaf = chain.first().and_then(|first| readable(first).ok());
    verify_read(leaf.as_ref(), chain, records, (names, at), options)
}

/// [`verify`], where the leaf was read before; `None`: it cannot be.
pub(crate) fn verify_read(
    leaf: Option<&Certificate>,
    chain: &[CertificateBytes],
    records: &[Tlsa],
    (names, at): (&[Name], Epoch),
    options: &VerifyOptions,
) -> Verification {
    let mut tally = Tally::screen(records, options);
    let Some(first) = chain.first() else {
        tally.refuse_all(ErrorCode::NoCertificate, "the server presented no certificate");
        return tally.conclude(records);
    };
    let Some(leaf) = leaf.filter(|_| first.0.len() <= MAX_CERTIFICATE_OCTETS) else {
        tally.refuse_all(ErrorCode::GarbageCertificate, &readable(first).err().unwrap_or_default());
        return tally.conclude(records);
    };
    // Usage 3 looks at the leaf alone.
    let (issuers, all_looked_at) =
        if records.iter().all(|r| r.usage == 3) { (Vec::new(), true) } else { issuers(leaf, chain, records, &tally) };
    let server = Server {
        named: crate::refid::names_one_of(leaf, names, options.common_name),
        only_common: crate::refid::names_one_of(leaf, names, CommonName::IfNoDnsName),
        forms: Associations::of(leaf),
        leaf,
        issuers: issuers.iter().map(Known::new).collect(),
        all_looked_at,
        at,
    };
    server.match_leaf(records, options, &mut tally);
    let path = server.match_issuers(records, &mut tally);
    server.match_pkix(records, options, &mut tally);
    server.explain_hidden(records, &mut tally);
    let detour = path.filter(|_| tally.rests_on_issuers(records)).and_then(|path| server.detour(&path, chain, records, &tally));
    Verification { detour, ..tally.conclude(records) }
}

/// Verifies a raw public key (RFC 7250), as SubjectPublicKeyInfo, against `records`.
///
/// R-053 rfc7671#5.1: only usage 3 with selector 1 can authenticate it.
#[must_use]
pub fn verify_raw_key(spki: &[u8], records: &[Tlsa], options: &VerifyOptions) -> Verification {
    let mut tally = Tally::screen(records, options);
    let forms = Associations::of_raw_key(spki);
    for (i, record) in records.iter().enumerate() {
        if tally.is_open(i) && record.usage == 3 && forms.equals(record) {
            tally.accept(i, "leaf", 0, "it is the server's raw public key");
        }
    }
    tally.conclude(records)
}

/// One certificate beside the leaf, with all that records can say of it.
struct Known<'a> {
    certificate: &'a Certificate,
    forms: Associations<'a>,
    origin: Origin,
}

/// Where a certificate came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Chain,
    /// A record with the full certificate.
    Dns,
}

impl<'a> Known<'a> {
    fn new((certificate, origin): &'a (Certificate, Origin)) -> Self {
        Self { certificate, forms: Associations::of(certificate), origin: *origin }
    }
}

fn readable(bytes: &CertificateBytes) -> Result<Certificate, String> {
    if bytes.0.len() > MAX_CERTIFICATE_OCTETS {
        return Err(format!("the server's certificate is longer than {MAX_CERTIFICATE_OCTETS} octets"));
    }
    Certificate::parse_shared(bytes).map_err(|e| format!("the server's certificate cannot be read: {e}"))
}

/// Everything that may be an issuer: the chain without its leaf, and certificates from records, each once, at most [`MAX_CERTIFICATES`];
/// and whether that is all there is.
fn issuers(leaf: &Certificate, chain: &[CertificateBytes], records: &[Tlsa], tally: &Tally) -> (Vec<(Certificate, Origin)>, bool) {
    // R-057 rfc7671#5.2.2: a 2 0 0 record brings its certificate along.
    let from_dns =
        records.iter().enumerate().filter(|(i, r)| tally.is_open(*i) && matches!((r.usage, r.selector, r.matching), (0 | 2, 0, 0)));
    let from_dns = from_dns.map(|(_, r)| (CertificateBytes(r.data.as_slice().into()), Origin::Dns));
    let mut issuers: Vec<(Certificate, Origin)> = Vec::new();
    let mut all_looked_at = true;
    for (bytes, origin) in chain.iter().skip(1).cloned().map(|c| (c, Origin::Chain)).chain(from_dns) {
        // R-054 rfc7671#5.2: the leaf, sent twice or published as an issuer, does not become one.
        let known = leaf.der == bytes || issuers.iter().any(|(c, _)| c.der == bytes);
        if known {
            continue;
        }
        // what is not looked at is not held against the server.
        if issuers.len() + 1 >= MAX_CERTIFICATES || bytes.0.len() > MAX_CERTIFICATE_OCTETS {
            all_looked_at = false;
            continue;
        }
        issuers.extend(readable(&bytes).ok().map(|c| (c, origin)));
    }
    (issuers, all_looked_at)
}

/// All about the server that matching needs.
struct Server<'a> {
    leaf: &'a Certificate,
    forms: Associations<'a>,
    /// The leaf is for one of the reference identifiers.
    named: bool,
    /// It would be, if its common name counted.
    only_common: bool,
    issuers: Vec<Known<'a>>,
    /// No certificate was left out for our limits.
    all_looked_at: bool,
    at: Epoch,
}

impl Server<'_> {
    /// Usage 3. R-051 rfc7671#5.1: the leaf only. R-052: neither names nor dates nor issuers.
    fn match_leaf(&self, records: &[Tlsa], options: &VerifyOptions, tally: &mut Tally) {
        for (i, record) in records.iter().enumerate() {
            if !tally.is_open(i) || record.usage != 3 || !self.forms.equals(record) {
                continue;
            }
            match options.ee_names {
                EeNames::Check if !self.named => tally.refuse(i, Refusal { why: self.wrong_name(), depth: Some(0) }),
                _ => tally.accept(i, "leaf", 0, "it names the server's certificate"),
            }
        }
    }

    /// The leaf, then everything that may be an issuer.
    fn certificates(&self) -> Vec<&Certificate> {
        std::iter::once(self.leaf).chain(self.issuers.iter().map(|k| k.certificate)).collect()
    }

    /// Usage 2. The first path that matches, as indices into [`Self::certificates`].
    fn match_issuers(&self, records: &[Tlsa], tally: &mut Tally) -> Option<Vec<usize>> {
        let open: Vec<usize> = (0..records.len()).filter(|i| tally.is_open(*i) && records.get(*i).is_some_and(|r| r.usage == 2)).collect();
        if open.is_empty() {
            return None;
        }
        let certificates = self.certificates();
        let mut paths = path::find(&certificates);
        let mut first = None;
        for i in open {
            let Some(record) = records.get(i) else { continue };
            // R-055 rfc7671#5.2.3: the bare key counts only if no certificate of a path has it.
            let tried = match self.try_certificate(record, &certificates, &paths) {
                Err(refusal) if refusal.depth.is_none() => {
                    self.try_bare_key(record, &certificates, &mut paths).map_err(|bare| bare.or_nearer(Some(refusal)))
                }
                certificate => certificate,
            };
            match tried {
                Ok(found) => {
                    let (what, detail) = match found.anchor {
                        Anchor::Certificate => ("issuer", "it names an issuer of the server's certificate"),
                        Anchor::Key => ("bare-key", "its key signed the topmost certificate"),
                    };
                    tally.accept(i, what, depth_of(&found.steps), detail);
                    first.get_or_insert(found.steps);
                }
                Err(why) => tally.refuse(i, why),
            }
        }
        tally.cut_short |= paths.cut_short || !self.all_looked_at;
        first
    }

    /// Where a sender that tries one path only leaves `right`, the path that matches; `None`: it finds a match. (R-063 rfc7671#5.2)
    fn detour(&self, right: &[usize], chain: &[CertificateBytes], records: &[Tlsa], tally: &Tally) -> Option<Detour> {
        let certificates = self.certificates();
        let open = || records.iter().enumerate().filter(|(i, r)| r.usage == 2 && tally.counts(*i)).map(|(_, r)| r);
        let is_anchor = |i: usize| self.issuers.get(i.wrapping_sub(1)).is_some_and(|k| open().any(|r| k.forms.equals(r)));
        // OpenSSL looks at certificates from the DNS before those that the server sent.
        let in_dns = |k: &Known| open().any(|r| (r.selector, r.matching) == (0, 0) && k.forms.equals(r));
        let mut order: Vec<usize> = (1..certificates.len()).collect();
        order.sort_by_key(|i| !self.issuers.get(i - 1).is_some_and(in_dns));
        let first = path::first(&certificates, &order, self.at, is_anchor);

        let steps: Vec<&Certificate> = first.iter().filter_map(|i| certificates.get(*i).copied()).collect();
        let top = steps.last()?;
        let is_signed = || steps.windows(2).all(|pair| matches!(pair, [lower, upper] if lower.verify_signature(&upper.spki).is_ok()));
        let bare_key = |r: &Tlsa| (r.selector, r.matching) == (1, 0) && top.verify_signature(&r.data).is_ok();
        let anchor = match first.last() {
            Some(last) if is_anchor(*last) => Some(Anchor::Certificate),
            _ => open().any(bare_key).then_some(Anchor::Key),
        };
        if anchor.is_some_and(|anchor| self.accept_path(&steps, anchor).is_ok() && is_signed()) {
            return None;
        }
        let (parted, (taken, wanted)) = first.iter().zip(right).enumerate().find(|(_, (taken, wanted))| taken != wanted)?;
        let place = |i: &usize| certificates.get(*i).and_then(|c| chain.iter().position(|sent| *sent == c.der));
        let called = |i: &usize| certificates.get(*i).map_or(String::new(), |c| c.called(place(i).unwrap_or(*i)));
        let number = |i: &usize| place(i).map_or("from the DNS".to_owned(), |n| format!("number {} of the chain", n + 1));
        let subject = first.get(parted.checked_sub(1)?).map(called)?;
        let detail = format!(
            "it takes {} ({}) for the issuer of {subject} and finds no match above it; the match lies above {} ({})",
            called(taken),
            number(taken),
            called(wanted),
            number(wanted)
        );
        Some(Detour { right: right.iter().filter_map(place).collect(), detail })
    }

    /// R-059 rfc7671#5.2, R-060 rfc6698#2.1.1: a valid path to a certificate that the record names; what is above it does not matter.
    fn try_certificate(&self, record: &Tlsa, certificates: &[&Certificate], paths: &Paths) -> Result<Found, Refusal> {
        let mut nearest: Option<Refusal> = None;
        for path in &paths.found {
            let top = path.steps.last().and_then(|i| i.checked_sub(1)).and_then(|i| self.issuers.get(i));
            if !top.is_some_and(|k| k.forms.equals(record)) {
                continue;
            }
            let steps: Vec<&Certificate> = path.steps.iter().filter_map(|i| certificates.get(*i).copied()).collect();
            match self.accept_path(&steps, Anchor::Certificate) {
                Ok(()) => return Ok(Found { anchor: Anchor::Certificate, steps: path.steps.clone() }),
                Err(why) => nearest = Some(Refusal::at(why, &steps).or_nearer(nearest)),
            }
        }
        Err(nearest.unwrap_or_else(|| self.no_path(record, certificates, paths).into()))
    }

    /// Why no path leads to what a usage 2 record names.
    fn no_path(&self, record: &Tlsa, certificates: &[&Certificate], paths: &Paths) -> MatchError {
        let (code, what) = match self.issuers.iter().find(|k| k.forms.equals(record)).map(|k| k.origin) {
            None => return self.unmatched(record, certificates, paths),
            Some(Origin::Dns) => (ErrorCode::NoMatch, "the certificate in the record issued none of the chain"),
            Some(Origin::Chain) => {
                (ErrorCode::PathBroken, "the certificate it names is sent, but issued nothing on a path to the server's")
            }
        };
        // R-068 rfc7672#3.2.2: for another name it is wrong however it is signed.
        if paths.unsupported && !self.named {
            return self.wrong_name();
        }
        let code = if paths.unsupported { ErrorCode::UnsupportedSignature } else { code };
        let why = paths.wrong_link.as_ref().map_or_else(String::new, |w| format!(": {w}"));
        MatchError { code, detail: format!("{what}{why}") }
    }

    /// R-055 rfc7671#5.2.3: the key of a 2 1 0 record may have signed the topmost certificate, which may be the leaf itself.
    fn try_bare_key(&self, record: &Tlsa, certificates: &[&Certificate], paths: &mut Paths) -> Result<Found, Refusal> {
        if (record.selector, record.matching) != (1, 0) {
            return Err(self.unmatched(record, certificates, paths).into());
        }
        let mut nearest: Option<Refusal> = None;
        let complete: Vec<Vec<usize>> = paths.found.iter().filter(|p| p.is_complete).map(|p| p.steps.clone()).collect();
        for path in complete {
            let steps: Vec<&Certificate> = path.iter().filter_map(|i| certificates.get(*i).copied()).collect();
            let signature = steps.last().map(|top| paths.verify(top, &record.data));
            if signature == Some(Err(SignatureError::Unsupported)) {
                let detail = "whether its key signed the topmost certificate cannot be verified: danelaw knows no signatures of that kind";
                let unsupported = MatchError { code: ErrorCode::UnsupportedSignature, detail: detail.into() };
                let error = if self.named { unsupported } else { self.wrong_name() };
                nearest = Some(Refusal::from(error).or_nearer(nearest));
            }
            let signed = signature == Some(Ok(()));
            match self.accept_path(&steps, Anchor::Key) {
                Ok(()) if signed => return Ok(Found { anchor: Anchor::Key, steps: path }),
                Err(why) if signed => nearest = Some(Refusal::at(why, &steps).or_nearer(nearest)),
                _ => {}
            }
        }
        Err(nearest.unwrap_or_else(|| self.unmatched(record, certificates, paths).into()))
    }

    /// Why a usage 2 record equals no issuer.
    fn unmatched(&self, record: &Tlsa, certificates: &[&Certificate], paths: &Paths) -> MatchError {
        // R-054 rfc7671#5.2
        if self.forms.equals(record) {
            let detail = "it names the server's own certificate, but usage 2 can only name an issuer".into();
            return MatchError { code: ErrorCode::LeafAsTa, detail };
        }
        let tops = paths.found.iter().filter(|p| p.is_complete).filter_map(|p| p.steps.last()).filter_map(|i| certificates.get(*i));
        // Where a signature cannot be verified, the chain only seems to end.
        let missing = tops.into_iter().find(|top| !top.is_self_signed() && !paths.unsupported);
        match missing {
            // R-058 rfc7671#5.2.2: a digest names something that only the server can show.
            Some(top) if record.matching != 0 => {
                let detail = format!(
                    "it names no certificate that was sent; the chain ends at {}, whose issuer '{}' was not sent",
                    top.called(certificates.iter().position(|c| c == top).unwrap_or_default()),
                    top.issuer()
                );
                MatchError { code: ErrorCode::TaNotSent, detail }
            }
            _ => MatchError { code: ErrorCode::NoMatch, detail: "it names no issuer in the chain".into() },
        }
    }

    /// Usages 0 and 1: the same, and a path to a trusted root. (RFC 7671 sections 5.3 and 5.4)
    fn match_pkix(&self, records: &[Tlsa], options: &VerifyOptions, tally: &mut Tally) {
        let open: Vec<usize> = (0..records.len()).filter(|i| tally.is_open(*i) && records.get(*i).is_some_and(|r| r.usage < 2)).collect();
        if open.is_empty() {
            return;
        }
        let roots: Vec<Certificate> = options.roots.iter().filter_map(|r| Certificate::parse_shared(r).ok()).collect();
        let (paths, refused) = trusted_paths(self.leaf, self.issuers.iter().map(|k| k.certificate), &roots, self.at);
        for i in open {
            let Some(record) = records.get(i) else { continue };
            let tried = match record.usage {
                1 if self.forms.equals(record) => paths.first().map(|_| 0).ok_or_else(|| Refusal { why: refused.clone(), depth: Some(0) }),
                1 => Err(MatchError { code: ErrorCode::NoMatch, detail: "it does not name the server's certificate".into() }.into()),
                _ => paths.iter().find_map(|p| issuer_depth(p, record)).ok_or_else(|| self.unmatched_root(record, &paths, &refused).into()),
            };
            match tried {
                Ok(depth) if !self.named => tally.refuse(i, Refusal { why: self.wrong_name(), depth: Some(depth) }),
                Ok(depth) => {
                    tally.accept(i, if depth == 0 { "leaf" } else { "issuer" }, depth, "it names a certificate on a path to a trusted root")
                }
                Err(why) => tally.refuse(i, why),
            }
        }
    }

    fn unmatched_root(&self, record: &Tlsa, paths: &[Vec<&Certificate>], refused: &MatchError) -> MatchError {
        match paths.is_empty() && self.issuers.iter().any(|k| k.forms.equals(record)) {
            true => refused.clone(),
            false => MatchError { code: ErrorCode::NoMatch, detail: "it names no issuer on a path to a trusted root".into() },
        }
    }

    /// Says of records hidden by a stronger digest whether they would have matched.
    fn explain_hidden(&self, records: &[Tlsa], tally: &mut Tally) {
        for (i, record) in records.iter().enumerate() {
            let would = match record.usage {
                1 | 3 => self.forms.equals(record),
                _ => self.issuers.iter().any(|k| k.forms.equals(record)),
            };
            if would {
                tally.would_match(i);
            }
        }
    }

    fn accept_path(&self, steps: &[&Certificate], anchor: Anchor) -> Result<(), MatchError> {
        path::check(steps, anchor, self.at)?;
        // R-068 rfc7672#3.2.2
        if self.named { Ok(()) } else { Err(self.wrong_name()) }
    }

    fn wrong_name(&self) -> MatchError {
        if self.only_common {
            let detail = "the name is only in the common name of the certificate, which does not count here".into();
            return MatchError { code: ErrorCode::NameMismatch, detail };
        }
        let presented = if self.leaf.dns_names.is_empty() { self.leaf.common_names() } else { self.leaf.dns_names.clone() };
        let shown = presented.iter().take(10).map(|n| n.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
        MatchError { code: ErrorCode::NameMismatch, detail: format!("the certificate is for other names: {shown}") }
    }
}

/// A path on which a usage 2 record matches, and what vouches for it.
struct Found {
    anchor: Anchor,
    /// Indices; the last is the certificate that the record names, or that its key signed.
    steps: Vec<usize>,
}

/// Why a record does not authenticate, and where the certificate that it names lies if there is a path to it.
struct Refusal {
    why: MatchError,
    depth: Option<u8>,
}

impl From<MatchError> for Refusal {
    fn from(why: MatchError) -> Self {
        Self { why, depth: None }
    }
}

impl Refusal {
    fn at(why: MatchError, steps: &[&Certificate]) -> Self {
        Self { why, depth: Some(depth_of(steps)) }
    }

    fn or_nearer(self, other: Option<Self>) -> Self {
        other.filter(|o| o.why.code >= self.why.code).unwrap_or(self)
    }
}

fn depth_of<T>(steps: &[T]) -> u8 {
    u8::try_from(steps.len().saturating_sub(1)).unwrap_or(u8::MAX)
}

fn issuer_depth(path: &[&Certificate], record: &Tlsa) -> Option<u8> {
    let depth = path.iter().skip(1).position(|c| Associations::of(c).equals(record))?;
    u8::try_from(depth + 1).ok()
}

/// Valid paths from `leaf` to one of `roots` at `at`, shortest first, and why there is none if there is none.
pub(crate) fn trusted_paths<'a>(
    leaf: &'a Certificate,
    issuers: impl Iterator<Item = &'a Certificate>,
    roots: &'a [Certificate],
    at: Epoch,
) -> (Vec<Vec<&'a Certificate>>, MatchError) {
    let mut certificates: Vec<&Certificate> = vec![leaf];
    certificates.extend(issuers.filter(|c| !roots.iter().any(|r| r.der == c.der)));
    let untrusted = certificates.len();
    // Only roots that may be on a path: a root store has more than we look at.
    let useful = |root: &&Certificate| certificates.iter().any(|c| c.may_be_issued_by(root)) && root.der != leaf.der;
    let mut useful: Vec<&Certificate> = roots.iter().filter(useful).collect();
    useful.truncate(MAX_CERTIFICATES / 2);
    certificates.truncate(MAX_CERTIFICATES - useful.len());
    let untrusted = untrusted.min(certificates.len());
    certificates.extend(useful);
    let mut nearest = MatchError { code: ErrorCode::UntrustedRoot, detail: "no path leads to a trusted root".into() };
    let mut good = Vec::new();
    for path in path::find(&certificates).found {
        let is_root = path.steps.last().is_some_and(|i| *i >= untrusted || (*i == 0 && roots.iter().any(|r| r.der == leaf.der)));
        if !is_root {
            continue;
        }
        let steps: Vec<&Certificate> = path.steps.iter().filter_map(|i| certificates.get(*i).copied()).collect();
        match path::check(&steps, Anchor::Certificate, at) {
            Ok(()) => good.push(steps),
            Err(why) if why.code >= nearest.code => nearest = why,
            Err(_) => {}
        }
    }
    (good, nearest)
}

/// What is known of each record so far.
struct Tally {
    outcomes: Vec<RecordOutcome>,
    /// Why an open record does not match; same order.
    errors: Vec<Option<MatchError>>,
    cut_short: bool,
}

impl Tally {
    /// R-039 rfc6698#4.1: drops unusable records; R-074 rfc7671#9: then, for each usage and selector, all digests but the strongest.
    fn screen(records: &[Tlsa], options: &VerifyOptions) -> Self {
        let usable: Vec<_> = records.iter().map(|r| r.usability_for(options.mode)).collect();
        let weakness = |matching: u8| options.digest_order.iter().position(|m| *m == matching).unwrap_or(usize::MAX);
        let is_hidden = |record: &Tlsa| {
            let rivals = records.iter().zip(&usable).filter(|(r, u)| u.is_ok() && (r.usage, r.selector) == (record.usage, record.selector));
            // rfc7671#9: rivals have the same usage and selector, and are usable. R-077: Full(0) neither hides nor is hidden.
            record.matching != 0 && rivals.into_iter().any(|(r, _)| r.matching != 0 && weakness(r.matching) < weakness(record.matching))
        };
        let screened = records.iter().zip(&usable).map(|(record, usable)| {
            let (status, reason, detail) = match usable {
                Err(why) => (RecordStatus::Unusable, why.code(), why.to_string()),
                Ok(()) if is_hidden(record) => {
                    (RecordStatus::SkippedAgility, "stronger-digest", "a record with a stronger digest stands beside it".into())
                }
                Ok(()) => (RecordStatus::Unmatched, ErrorCode::NoMatch.code(), "it does not name the server's certificate".into()),
            };
            RecordOutcome { status, reason, detail, depth: None }
        });
        Self { outcomes: screened.collect(), errors: vec![None; records.len()], cut_short: false }
    }

    fn is_open(&self, i: usize) -> bool {
        self.outcomes.get(i).is_some_and(|o| o.status == RecordStatus::Unmatched)
    }

    /// Whether the record is usable, and hidden by none, whether it matches or not.
    fn counts(&self, i: usize) -> bool {
        self.outcomes.get(i).is_some_and(|o| matches!(o.status, RecordStatus::Matched | RecordStatus::Unmatched))
    }

    /// Whether the match, if there is one, is made by usage 2 alone, and with roots nobody has to do.
    fn rests_on_issuers(&self, records: &[Tlsa]) -> bool {
        records.iter().enumerate().all(|(i, r)| match r.usage {
            0 | 1 => !self.counts(i),
            3 => self.is_open(i) || !self.counts(i),
            _ => true,
        })
    }

    fn accept(&mut self, i: usize, what: &'static str, depth: u8, detail: &str) {
        if let Some(outcome) = self.outcomes.get_mut(i) {
            *outcome = RecordOutcome { status: RecordStatus::Matched, reason: what, detail: detail.into(), depth: Some(depth) };
        }
    }

    fn refuse(&mut self, i: usize, refusal: impl Into<Refusal>) {
        let Refusal { why, depth } = refusal.into();
        if let (Some(outcome), Some(error)) = (self.outcomes.get_mut(i), self.errors.get_mut(i)) {
            outcome.reason = why.code.code();
            outcome.depth = depth;
            outcome.detail.clone_from(&why.detail);
            *error = Some(why);
        }
    }

    fn refuse_all(&mut self, code: ErrorCode, detail: &str) {
        for i in (0..self.outcomes.len()).filter(|i| self.is_open(*i)).collect::<Vec<_>>() {
            self.refuse(i, MatchError { code, detail: detail.into() });
        }
    }

    fn would_match(&mut self, i: usize) {
        if self.outcomes.get(i).is_some_and(|o| o.status == RecordStatus::SkippedAgility) {
            let detail = "it would match, but a record with a stronger digest stands beside it".into();
            if let Some(error) = self.errors.get_mut(i) {
                *error = Some(MatchError { code: ErrorCode::HiddenByAgility, detail });
            }
        }
    }

    /// R-048 rfc7671#8: any usable record that matches decides; rfc7672#2.2: no usable record is not the same as no match.
    fn conclude(self, records: &[Tlsa]) -> Verification {
        let usable = self.outcomes.iter().any(|o| o.status != RecordStatus::Unusable);
        let matched = self.outcomes.iter().zip(records).filter(|(o, _)| o.status == RecordStatus::Matched);
        // R-065 rfc7671#5.1: usage 3 wins, for it needs nothing else; then the nearest issuer.
        let best = matched.min_by_key(|(o, r)| (u8::MAX - r.usage, o.depth)).map(|(o, r)| (r.usage, o.depth));
        let nearest = self.errors.iter().zip(&self.outcomes).zip(records).filter(|((_, o), _)| o.depth.is_some());
        let nearest = nearest.max_by_key(|((e, _), _)| e.as_ref().map(|e| e.code)).map(|((_, o), r)| (r.usage, o.depth));
        let (verdict, error) = match (best, usable) {
            (Some(_), _) => (MatchVerdict::Match, None),
            (None, true) => (MatchVerdict::NoMatch, Some(self.nearest_error())),
            (None, false) => {
                let detail = "no record is usable".into();
                (MatchVerdict::Unusable, Some(MatchError { code: ErrorCode::NoUsableRecord, detail }))
            }
        };
        let best = best.or(nearest);
        Verification { verdict, usage: best.map(|b| b.0), depth: best.and_then(|b| b.1), error, records: self.outcomes, detour: None }
    }

    fn nearest_error(&self) -> MatchError {
        // What was not looked at might have matched, so no other failure is the truth.
        if self.cut_short {
            return MatchError { code: ErrorCode::Budget, detail: "the chain is beyond our limits".into() };
        }
        let none = MatchError { code: ErrorCode::NoMatch, detail: "no record names the server's certificate or an issuer of it".into() };
        self.errors.iter().flatten().cloned().max_by_key(|e| e.code).unwrap_or(none)
    }
}
