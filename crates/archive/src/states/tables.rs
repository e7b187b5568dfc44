//! The tables of the archive of states: which columns there are and what they mean.

use super::model::{
    Cert, CertDer, CertId, ChainId, Digest, DomainId, DomainSeen, DomainState, Epoch, EvidenceId, Id, MxSetId, Notes, NsSetId, ServerId,
    ServerKey, ServerSeen, ServerState, Snapshot, Span, State, TlsaSetId, Versions, WordId,
};
use super::parts::Parts;
use super::table::{Column, Table, column, joined};
use dane::tlsa::Tlsa;

/// A word of which there are few.
#[derive(Clone)]
pub(crate) struct WordRow {
    pub id: WordId,
    pub word: Box<str>,
}

#[derive(Clone)]
pub(crate) struct ServerRow {
    pub id: ServerId,
    pub key: ServerKey,
    /// As text: what cannot be read is no address.
    pub address: Option<String>,
}

#[derive(Clone)]
pub(crate) struct DomainRow {
    pub id: DomainId,
    pub domain: Box<str>,
}

#[derive(Clone)]
pub(crate) struct CertRow {
    pub id: CertId,
    pub cert: Cert,
}

#[derive(Clone)]
pub(crate) struct DerRow {
    pub id: CertId,
    pub cert: CertDer,
}

/// One certificate of a list; of an empty list one row without.
#[derive(Clone)]
pub(crate) struct ChainRow {
    pub id: ChainId,
    pub sha256: Digest,
    pub place: Option<u16>,
    pub cert: Option<CertId>,
}

/// One record of a set; of an empty set one row without.
#[derive(Clone)]
pub(crate) struct TlsaRow {
    pub id: TlsaSetId,
    pub sha256: Digest,
    pub usage: Option<u8>,
    pub selector: Option<u8>,
    pub matching: Option<u8>,
    pub data: Option<Vec<u8>>,
}

#[derive(Clone)]
pub(crate) struct EvidenceRow {
    pub id: EvidenceId,
    pub sha256: Digest,
    pub messages: Box<str>,
}

/// One host of a set; of an empty set one row without.
#[derive(Clone)]
pub(crate) struct MxRow {
    pub id: MxSetId,
    pub preference: Option<u16>,
    pub host: Option<Box<str>>,
}

#[derive(Clone)]
pub(crate) struct NsRow {
    pub id: NsSetId,
    pub host: Option<Box<str>>,
}

impl TlsaRow {
    pub fn record(&self) -> Option<Tlsa> {
        Some(Tlsa { usage: self.usage?, selector: self.selector?, matching: self.matching?, data: self.data.clone()? })
    }
}

fn part(of: &str, at: Epoch) -> String {
    let format = if of == "month" { "%Y-%m" } else { "%Y" };
    format!("{of}={}", jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime(format))
}

impl Table for Snapshot {
    type Order = (WordId, Epoch);

    const NAME: &'static str = "snapshot";
    const ABOUT: &'static str = "When somebody looked: one row for every round of every vantage point. What has no row was missed.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!("vantage", Word, "Name of the vantage point.", vantage),
        column!("scheduled_s", Int, "The slot that the round was for.", scheduled_s),
        column!("every_s", Int, "Seconds to the next slot: what the round stands for.", every_s),
        column!("started_s", Int, "When it began.", started_s),
        column!("finished_s", Int, "When it ended; null if it was cut off.", finished_s),
        column!("clock_offset_ms", Int, "Our clock minus the true time, if known.", clock_offset_ms),
        column!("targets_sha256", Word, "SHA-256 of the list of targets.", targets_sha256),
        column!("targets", Int, "Number of targets.", targets),
        column!("done", Int, "Number of targets that have their record.", done),
        column!("servers", Int, "Servers observed: states that the round begins or confirms; null if not its business.", servers),
        column!("domains", Int, "The same of domains.", domains),
        column!("complete", Bool, "Whether every target has its record: only then what was not seen was not there.", complete),
        column!("config_sha256", Word, "SHA-256 of the configuration.", config_sha256),
        column!("danelaw", Word, "Version of danelaw.", versions.danelaw),
        column!("rules", Int, "Version of the rules.", versions.rules),
        column!("anchors", Word, "Trust anchors.", versions.anchors),
        column!("psl", Word, "Date of the list of public suffixes.", versions.psl),
        column!("roots", Word, "Date of the root certificates.", versions.roots),
        column!("content", Bytes, "SHA-256 of what was observed: tells a second delivery from another round.", content),
    ];

    fn blank() -> Self {
        Self {
            vantage: WordId::at(0),
            scheduled_s: 0,
            every_s: 1,
            started_s: 0,
            finished_s: None,
            clock_offset_ms: None,
            targets_sha256: None,
            targets: 0,
            done: 0,
            servers: None,
            domains: None,
            complete: false,
            config_sha256: None,
            versions: Versions::default(),
            content: Digest::default(),
        }
    }

    fn order(_: &Parts) -> impl Fn(&Self) -> Self::Order {
        |round| (round.vantage, round.scheduled_s)
    }

    fn partition(&self) -> Option<String> {
        Some(part("year", self.scheduled_s))
    }
}

impl Table for ServerState {
    /// Its server's place in the order of servers; vantage point; time.
    type Order = (u32, WordId, Epoch);

    const NAME: &'static str = "server_state";
    const ABOUT: &'static str = "What a server showed, unchanged from `valid_from_s` until before `valid_to_s`, in every round that took place \
        (see `snapshot`). Partitioned by the month of `valid_to_s`; `open` is what the last round saw.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!("server_id", Int, "The server: `server`.", key),
        joined!("host", JoinedText, "Its host.", |s, parts| Some(parts.servers.list().get(s.key.index())?.host.to_string())),
        joined!("port", JoinedInt, "The service's port.", |s, parts| Some(parts.servers.list().get(s.key.index())?.port.into())),
        joined!("address", JoinedText, "Its address; null if the row speaks of the host's DNS alone.", |s, parts| {
            Some(parts.servers.list().get(s.key.index())?.address?.to_string())
        }),
        joined!("key_type", JoinedText, "What the client takes: any, rsa, ecdsa, no-name.", |s, parts| {
            Some(parts.servers.list().get(s.key.index())?.key_type.word().to_owned())
        }),
        column!("vantage", Word, "Name of the vantage point.", vantage),
        column!("valid_from_s", Int, "Slot of the first round that saw it.", span.valid_from_s),
        column!(
            "valid_to_s",
            Int,
            "Slot of the first later round that did not, or the end of what the last one stands for.",
            span.valid_to_s
        ),
        column!("n_obs", Int, "Rounds that saw it: snapshots of the vantage point in the interval.", span.n_obs),
        column!("tlsa_set_id", Int, "TLSA records; null: no answer. An empty set: there are none.", seen.tlsa_set),
        column!("chain_id", Int, "Certificates; null: none seen.", seen.chain),
        column!("ttl", Int, "TTL of the TLSA records, seconds.", seen.ttl),
        column!("dnssec", Text, "DNSSEC status of the TLSA answer.", seen.dnssec),
        column!("reason", Word, "Why it is not secure, or there is none.", seen.reason),
        column!("signed", Bool, "Whether it carried signatures, valid or not.", seen.signed),
        column!("address_dnssec", Text, "DNSSEC status of the host's addresses.", seen.address_dnssec),
        column!("smtp_status", Word, "ok, or what was in the way of a certificate; null: not visited.", seen.smtp_status),
        column!("smtp_code", Int, "Reply code of what was in the way.", seen.smtp_code),
        column!("tls_version", Word, "TLS version.", seen.tls_version),
        column!("tls_cipher", Word, "TLS cipher suite.", seen.tls_cipher),
        column!("paper_match", Bool, "Does a record equal the hash of what it refers to?", seen.verdict.paper_match),
        column!("paper_valid", Bool, "Secure, and that, and the chain valid?", seen.verdict.paper_valid),
        column!("rfc_action", Text, "What a sender does: dane, enc, opp, skip.", seen.verdict.rfc_action),
        column!("rfc_delivers", Bool, "Whether it delivers.", seen.verdict.rfc_delivers),
        column!("causes", Word, "Causes found, with a space between.", seen.verdict.causes),
        column!("rules", Int, "Version of the rules that judged the first look.", notes.rules),
        column!("sig_inception_s", Int, "Begin of the signature over the TLSA records, at the first look.", notes.sig_inception_s),
        column!("sig_expiration_s", Int, "Its end, at the last look.", notes.sig_expiration_s),
        column!("evidence_from", Int, "Raw answers of the first look: `evidence`.", notes.evidence_from),
        column!("evidence_to", Int, "The latest that were kept.", notes.evidence_to),
    ];

    fn blank() -> Self {
        blank_state(ServerSeen::default())
    }

    fn order(parts: &Parts) -> impl Fn(&Self) -> Self::Order {
        let ranks = ranks(parts.servers.list());
        move |state| (rank(&ranks, state.key), state.vantage, state.span.valid_from_s)
    }

    fn partition(&self) -> Option<String> {
        Some(part("month", self.span.valid_to_s))
    }
}

impl Table for DomainState {
    /// Top-level domain, by its place in the order of words; vantage point; what was seen; time; number of the domain.
    type Order = (u32, WordId, DomainSeen, [Epoch; 2], DomainId);

    const NAME: &'static str = "domain_state";
    const ABOUT: &'static str = "What the DNS said of a mail domain, in the same way. Partitioned by the year of `valid_to_s`, sorted by \
        top-level domain, then by what was seen: what the domains of one provider have in common takes no room, and their names stand in \
        `domain` only.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!("domain_id", Int, "The domain: `domain`.", key),
        column!("tld", Word, "Its last label.", seen.tld),
        column!("vantage", Word, "Name of the vantage point.", vantage),
        column!("valid_from_s", Int, "Slot of the first round that saw it.", span.valid_from_s),
        column!(
            "valid_to_s",
            Int,
            "Slot of the first later round that did not, or the end of what the last one stands for.",
            span.valid_to_s
        ),
        column!("n_obs", Int, "Rounds that saw it.", span.n_obs),
        column!("mx_set_id", Int, "Hosts that mail goes to; null: no answer. An empty set: it takes no mail.", seen.mx_set),
        column!("ns_set_id", Int, "Name servers of its zone.", seen.ns_set),
        column!("hosts", Int, "Number of its MX hosts.", seen.hosts),
        column!("addresses", Int, "How many of them have an address.", seen.addresses),
        column!("tlsa", Int, "How many of them have TLSA records.", seen.tlsa),
        column!("ds", Bool, "Whether the parent has DS records of its zone.", seen.ds),
        column!("dnskey", Bool, "Whether its zone has keys.", seen.dnskey),
        column!("signed", Bool, "Whether the MX answer carried signatures, valid or not.", seen.signed),
        column!("status", Text, "DNSSEC status of the MX answer.", seen.status),
        column!("reason", Word, "Why it is not secure, or there is none.", seen.reason),
        column!("standing", Word, "The verdict in one word.", seen.standing),
        column!("rules", Int, "Version of the rules that judged the first look.", notes.rules),
        column!("sig_inception_s", Int, "Begin of the signature over the MX records, at the first look.", notes.sig_inception_s),
        column!("sig_expiration_s", Int, "Its end, at the last look.", notes.sig_expiration_s),
        column!("evidence_from", Int, "Raw answers of the first look: `evidence`.", notes.evidence_from),
        column!("evidence_to", Int, "The latest that were kept.", notes.evidence_to),
    ];

    fn blank() -> Self {
        blank_state(DomainSeen::default())
    }

    fn order(parts: &Parts) -> impl Fn(&Self) -> Self::Order {
        let ranks = ranks(parts.words.list());
        move |state| {
            let tld = state.seen.tld.map_or(0, |tld| rank(&ranks, tld));
            (tld, state.vantage, state.seen, [state.span.valid_from_s, state.span.valid_to_s], state.key)
        }
    }

    fn partition(&self) -> Option<String> {
        Some(part("year", self.span.valid_to_s))
    }
}

/// The places of names in their order, by number.
fn ranks<V: Ord>(names: &[V]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|number| &names[*number]);
    let mut ranks = vec![0; names.len()];
    for (rank, number) in (0..).zip(order) {
        ranks[number] = rank;
    }
    ranks
}

fn rank(ranks: &[u32], id: impl Id) -> u32 {
    ranks.get(id.index()).copied().unwrap_or(u32::MAX)
}

fn blank_state<K: Id, S>(seen: S) -> State<K, S> {
    State { key: K::at(0), vantage: WordId::at(0), span: Span::default(), seen, notes: Notes::default() }
}

macro_rules! table {
    ($row:ident $name:literal $about:literal { $($column:expr;)* } { $($field:ident: $value:expr),* }) => {
        impl Table for $row {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = $about;
            const COLUMNS: &'static [Column<Self>] = &[$($column),*];

            type Order = ();

            fn order(_: &Parts) -> impl Fn(&Self) {
                |_| ()
            }

            fn blank() -> Self {
                Self { $($field: $value),* }
            }
        }
    };
}

table! {
    WordRow "word" "Every code and name that the columns hold, by number." {
        column!("word_id", Int, "Number of the word.", id);
        column!("word", Text, "The word.", word);
    } { id: WordId::at(0), word: "".into() }
}

table! {
    ServerRow "server" "What has a history: a host's server at an address, as one kind of client meets it." {
        column!("server_id", Int, "Number of the server.", id);
        column!("host", Text, "The host, lower case, no final dot.", key.host);
        column!("port", Int, "The service's port.", key.port);
        column!("address", Text, "The address.", address);
        column!("key_type", Text, "What the client takes: any, rsa, ecdsa, no-name.", key.key_type);
    } { id: ServerId::at(0), key: ServerKey::new("", 0, None), address: None }
}

table! {
    DomainRow "domain" "Mail domains." {
        column!("domain_id", Int, "Number of the domain.", id);
        column!("domain", Text, "Its name, lower case, no final dot.", domain);
    } { id: DomainId::at(0), domain: "".into() }
}

table! {
    CertRow "cert" "Certificates, each once: what can be read of them, and the digests that TLSA records name them by." {
        column!("cert_id", Int, "Number of the certificate.", id);
        column!("sha256", Bytes, "Selector 0, matching type 1: SHA-256 of its bytes.", cert.sha256);
        column!("sha512", Bytes, "Selector 0, matching type 2: SHA-512 of its bytes.", cert.sha512);
        column!("spki_sha256", Bytes, "Selector 1, matching type 1: SHA-256 of its key; null if it cannot be read.", cert.spki_sha256);
        column!("spki_sha512", Bytes, "Selector 1, matching type 2: SHA-512 of its key.", cert.spki_sha512);
        column!("not_before_s", Int, "First moment of validity.", cert.not_before_s);
        column!("not_after_s", Int, "Last moment of validity.", cert.not_after_s);
        column!("subject_cn", Text, "First common name of its subject.", cert.subject_cn);
        column!("issuer_cn", Text, "First common name of its issuer.", cert.issuer_cn);
        column!("key_kind", Text, "Kind of key: RSA, P-256, …", cert.key_kind);
        column!("key_bits", Int, "Size of the key.", cert.key_bits);
    } { id: CertId::at(0), cert: Cert::default() }
}

table! {
    DerRow "cert_der" "The bytes of the certificates: selector 0, matching type 0." {
        column!("cert_id", Int, "Number of the certificate.", id);
        column!("der", Bytes, "As received, well-formed or not.", cert.der);
    } { id: CertId::at(0), cert: CertDer { der: Box::default() } }
}

table! {
    ChainRow "chain" "Lists of certificates as servers sent them, one row for each certificate." {
        column!("chain_id", Int, "Number of the list.", id);
        column!("sha256", Bytes, "SHA-256 of the SHA-256 of its certificates, one after the other.", sha256);
        column!("place", Int, "0: the server's own; null: the list is empty.", place);
        column!("cert_id", Int, "The certificate.", cert);
    } { id: ChainId::at(0), sha256: Digest::default(), place: None, cert: None }
}

table! {
    TlsaRow "tlsa_set" "Sets of TLSA records, one row for each record." {
        column!("tlsa_set_id", Int, "Number of the set.", id);
        column!("sha256", Bytes, "SHA-256 of the RDATA of its records, each after its length (4 octets).", sha256);
        column!("usage", Int, "Certificate usage; null: the set is empty.", usage);
        column!("selector", Int, "Selector.", selector);
        column!("matching", Int, "Matching type.", matching);
        column!("data", Bytes, "Certificate association data.", data);
    } { id: TlsaSetId::at(0), sha256: Digest::default(), usage: None, selector: None, matching: None, data: None }
}

table! {
    EvidenceRow "evidence" "Raw DNS answers, kept where the status is not secure." {
        column!("evidence_id", Int, "Number of the evidence.", id);
        column!("sha256", Bytes, "SHA-256 of the text.", sha256);
        column!("messages", Text, "The messages, base64, by line.", messages);
    } { id: EvidenceId::at(0), sha256: Digest::default(), messages: "".into() }
}

table! {
    MxRow "mx_set" "Sets of mail hosts, one row for each host." {
        column!("mx_set_id", Int, "Number of the set.", id);
        column!("preference", Int, "Preference; null: the set is empty.", preference);
        column!("host", Text, "The host.", host);
    } { id: MxSetId::at(0), preference: None, host: None }
}

table! {
    NsRow "ns_set" "Sets of name servers, one row for each." {
        column!("ns_set_id", Int, "Number of the set.", id);
        column!("host", Text, "The name server.", host);
    } { id: NsSetId::at(0), host: None }
}
