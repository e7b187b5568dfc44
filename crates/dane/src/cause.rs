//! Every finding danelaw can make: one definition each, from which the JSON code, the words on the terminal, the report's groups, the
//! documentation and the catalogue's expectations come.

use serde::{Deserialize, Serialize};

/// Who has to act. Never merged. (design: "three parties")
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The domain or its mail provider: misconfigured.
    Domain,
    /// Between us and the domain, or the server's mood: unreachable, rate-limited, blocked. Says nothing about the domain's DANE.
    Path,
    /// Danelaw or the machine it runs on.
    Us,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know.
    Info,
    /// Mail flows today; it is against a SHOULD, or will break.
    Warning,
    /// We could not look: nothing can be said. Never *bad*.
    Unknown,
    /// Mail from validating senders is lost or unprotected now.
    Error,
}

macro_rules! causes {
    ($($variant:ident $code:literal $party:ident $weight:ident $requirement:literal $title:literal;)*) => {
        /// A stable cause code. The code is the contract: it never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Cause {
            $(#[doc = $title] #[serde(rename = $code)] $variant,)*
        }

        impl Cause {
            /// Every cause, in the order of the documentation.
            pub const ALL: &'static [Cause] = &[$(Cause::$variant,)*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Cause::$variant => $code,)* }
            }

            /// Who is at fault.
            #[must_use]
            pub fn party(self) -> Party {
                match self { $(Cause::$variant => Party::$party,)* }
            }

            /// How much it weighs unless the circumstances say otherwise.
            #[must_use]
            pub fn weight(self) -> Weight {
                match self { $(Cause::$variant => Weight::$weight,)* }
            }

            /// The requirement it rests on: an id of `rfc/`.
            #[must_use]
            pub fn requirement(self) -> &'static str {
                match self { $(Cause::$variant => $requirement,)* }
            }

            /// Where that requirement stands: `rfc7672#2.2`, document and section.
            #[must_use]
            pub fn place(self) -> &'static str {
                crate::requirement::place(self.requirement()).unwrap_or_default()
            }

            /// One sentence without particulars.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Cause::$variant => $title,)* }
            }

            /// The cause with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|c| c.code() == code)
            }
        }
    };
}

causes! {
    // The domain and its MX
    NoSuchDomain "no-such-domain" Domain Error "R-007" "The domain does not exist.";
    NullMx "null-mx" Domain Info "R-008" "The domain accepts no mail (null MX).";
    NullMxMixed "null-mx-mixed" Domain Warning "R-009" "A null MX stands beside other MX records.";
    ImplicitMx "implicit-mx" Domain Info "R-006" "There is no MX record; mail goes to the domain's own address.";
    MxIsAddress "mx-is-address" Domain Error "R-013" "An MX record names an IP address instead of a host.";
    MxIsAlias "mx-is-alias" Domain Warning "R-026" "An MX host is an alias (CNAME), which SMTP forbids.";
    MxInsecure "mx-insecure" Domain Warning "R-004" "The MX records are not secured by DNSSEC, so an attacker can redirect the mail.";
    MxHostUnresolvable "mx-host-unresolvable" Domain Error "R-020" "An MX host has no address.";
    AddressInsecure "address-insecure" Domain Warning "R-017" "The host's addresses are not secured by DNSSEC, so senders do not ask for its TLSA records.";
    OneFamilyBogus "one-family-bogus" Domain Warning "R-018" "One address family of the host cannot be validated.";
    PartialTlsa "partial-tlsa" Domain Warning "R-101" "Some MX hosts have TLSA records and others have none.";
    // DNSSEC
    Unsigned "unsigned" Domain Warning "R-029" "The zone is not signed with DNSSEC.";
    DsMissing "ds-missing" Domain Error "R-029" "The zone is signed, but its parent has no DS record, so nobody can validate it.";
    AlgorithmUnsupported "algorithm-unsupported" Domain Warning "R-109" "The zone is signed only with algorithms or digests that validators do not support, so it counts as unsigned.";
    DsDigestMismatch "ds-digest-mismatch" Domain Error "R-108" "The DS record names a key by tag and algorithm, but its digest does not match that key.";
    DsNoMatchingKey "ds-no-matching-key" Domain Error "R-108" "No key of the zone matches a DS record at its parent.";
    DnskeyMissing "dnskey-missing" Domain Error "R-108" "The parent has a DS record, but the zone has no DNSKEY.";
    RrsigExpired "rrsig-expired" Domain Error "R-112" "The signature has expired.";
    RrsigNotYetValid "rrsig-not-yet-valid" Domain Error "R-112" "The signature is not valid yet.";
    RrsigTimesReversed "rrsig-times-reversed" Domain Error "R-112" "The signature ends before it begins.";
    RrsigMissing "rrsig-missing" Domain Error "R-115" "The zone should be signed, but the signature is missing.";
    RrsigUnknownKey "rrsig-unknown-key" Domain Error "R-112" "The signature was made by a key that the zone does not publish.";
    RrsigWrong "rrsig-wrong" Domain Error "R-112" "The signature does not fit the data.";
    DenialWrong "denial-wrong" Domain Error "R-117" "The proof that a name or type does not exist is missing or wrong.";
    WildcardWrong "wildcard-wrong" Domain Error "R-114" "The proof that a wildcard applies is missing or wrong.";
    CnameProofWrong "cname-proof-wrong" Domain Error "R-124" "An alias on the way cannot be validated.";
    Nsec3Iterations "nsec3-iterations-high" Domain Warning "R-123" "The zone's NSEC3 iteration count is so high that validators treat it as unsigned.";
    ZoneAbove "zone-above" Path Unknown "R-127" "A zone above the domain's fails; its operator has to mend that, not the domain's.";
    ResolverFails "resolver-fails" Us Unknown "R-001" "The resolver that was asked answers nothing at all: ask another, or none (without --upstream).";
    DnssecOther "dnssec-broken" Domain Error "R-127" "DNSSEC validation fails.";
    ServerBogus "server-bogus" Domain Warning "R-127" "One of the name servers gives answers that cannot be validated; those of another can.";
    ServerDiffers "server-differs" Domain Warning "R-090" "One of the name servers has other records than the others.";
    ServerFails "server-fails" Domain Warning "R-031" "One of the name servers does not answer for the zone; others do.";
    ServerSilent "server-silent" Path Warning "R-031" "One of the name servers does not answer; others do.";
    ServerNoTcp "server-no-tcp" Domain Warning "R-128" "One of the name servers does not answer over TCP: long answers are lost.";
    ServerBehind "server-behind" Domain Info "R-090" "One of the name servers has an older copy of the zone.";
    DnsTimeout "dns-timeout" Path Unknown "R-031" "No name server answered in time.";
    DnsUnreachable "dns-unreachable" Path Unknown "R-031" "No name server could be reached.";
    DnsServfail "dns-servfail" Domain Error "R-031" "The name servers answer with an error (SERVFAIL).";
    DnsRefused "dns-refused" Domain Error "R-031" "The name servers refuse to answer for the zone.";
    DnsError "dns-error" Domain Error "R-031" "The name servers answer with an error or with malformed messages.";
    AliasLoop "alias-loop" Domain Error "R-010" "An alias chain loops or is too long.";
    DelegationLoop "delegation-loop" Domain Error "R-002" "The delegation leads nowhere: its name servers cannot be found.";
    // TLSA records
    NoTlsa "no-tlsa" Domain Info "R-032" "There are no TLSA records, so DANE does not protect this server.";
    AllUnusable "all-unusable" Domain Error "R-034" "No TLSA record is usable: senders encrypt, but authenticate nobody.";
    TlsaUndefinedUsage "tlsa-undefined-usage" Domain Error "R-040" "The TLSA record has a certificate usage that nobody defined.";
    TlsaUndefinedSelector "tlsa-undefined-selector" Domain Error "R-040" "The TLSA record has a selector that nobody defined.";
    TlsaUndefinedMatchingType "tlsa-undefined-matching-type" Domain Error "R-040" "The TLSA record has a matching type that nobody defined.";
    TlsaMalformed "tlsa-malformed" Domain Error "R-041" "The TLSA record's data has the wrong length or form.";
    PemInFull "pem-in-full" Domain Error "R-042" "The TLSA record holds PEM text instead of DER.";
    DigestOfNothing "digest-of-nothing" Domain Error "R-041" "The TLSA record is the digest of the empty string: a script hashed nothing.";
    PkixUsage "pkix-usage" Domain Error "R-043" "Certificate usage 0 or 1 is not defined for SMTP: senders ignore the record.";
    WrongUsage "wrong-usage" Domain Error "R-051" "The TLSA data is right, but its certificate usage is wrong.";
    WrongSelector "wrong-selector" Domain Error "R-049" "The TLSA data is right, but its selector is wrong.";
    WrongMatchingType "wrong-matching-type" Domain Error "R-050" "The TLSA data is right, but its matching type is wrong.";
    CopyPasteError "copy-paste-error" Domain Error "R-050" "The TLSA data differs from the right digest in a few digits.";
    StaleTlsa "stale-tlsa" Domain Error "R-090" "The TLSA record matches a certificate that the server showed before and has replaced.";
    UnknownMismatch "unknown-mismatch" Domain Error "R-048" "No TLSA record matches the certificate that the server shows.";
    AgilityHidesMatch "agility-hides-match" Domain Error "R-075" "A matching TLSA record is ignored, because one with a stronger digest does not match.";
    TaNotSent "ta-not-sent" Domain Error "R-058" "The TLSA record names an issuer whose certificate the server does not send.";
    TaNameMismatch "ta-name-mismatch" Domain Error "R-068" "The issuer matches, but the certificate is for another name.";
    TaExpired "ta-expired" Domain Error "R-061" "The issuer matches, but a certificate on the way is outside its validity.";
    TaPathBroken "ta-path-broken" Domain Error "R-059" "The issuer is in the chain, but no valid path leads to it from the server's certificate.";
    SignatureUnsupported "signature-unsupported" Us Unknown "R-059" "A signature in the chain is of a kind that danelaw cannot verify; senders may.";
    TaSecondPath "ta-second-path" Domain Warning "R-063" "The chain matches only if the sender tries another path than the first one it finds.";
    LeafAsTa "leaf-as-ta" Domain Error "R-054" "Usage 2 names the server's own certificate; it can only name an issuer.";
    RecordUnmatched "record-unmatched" Domain Info "R-090" "A TLSA record matches nothing the server shows now: the next key, or a left-over.";
    CombinationUnmatched "combination-unmatched" Domain Warning "R-090" "For one combination of usage, selector and matching type no TLSA record matches.";
    PartialCoverage "partial-coverage" Domain Error "R-090" "The TLSA records match at some addresses of the host and not at others.";
    // TLSA advice
    UsageDiscouraged "usage-discouraged" Domain Info "R-099" "The combination works, but 3 1 1 is what the standard recommends.";
    BreaksOnRenewal "breaks-on-renewal" Domain Warning "R-102" "The record pins the whole certificate, so every renewal breaks it, even with the same key.";
    BareTaKey "bare-ta-key" Domain Warning "R-056" "The record is a bare issuer key whose certificate is not sent; not every sender can use it.";
    MixedScheme "mixed-scheme" Domain Warning "R-095" "Leaf and issuer are pinned together: the next leaf needs its record before it is deployed.";
    ManyTlsa "many-tlsa" Domain Warning "R-132" "So many TLSA records that the answer needs TCP; some senders cope with about 12.";
    TlsaTtlLong "tlsa-ttl-long" Domain Warning "R-131" "The TTL is long: after a mistake, mail stays broken for as long.";
    ExpiredUnderUsage3 "expired-under-usage-3" Domain Info "R-052" "The certificate has expired, which usage 3 ignores.";
    NotYetValidUnderUsage3 "not-yet-valid-under-usage-3" Domain Info "R-052" "The certificate is not valid yet, which usage 3 ignores.";
    // SMTP: could not look
    SmtpBlocked "smtp-blocked" Path Unknown "R-033" "The server refuses to talk to us (554 or 5xx greeting).";
    RateLimited "rate-limited" Path Unknown "R-033" "The server says it is busy or that we come too often (421).";
    Greylisted "greylisted" Path Unknown "R-033" "The server asks us to come back later (4xx).";
    BannerTimeout "banner-timeout" Path Unknown "R-033" "The server accepted the connection and stayed silent.";
    Tarpit "tarpit" Path Unknown "R-033" "The server fell silent, or answers so slowly that we gave up.";
    ConnectionRefused "connection-refused" Path Unknown "R-033" "The connection was refused.";
    ConnectionTimeout "connection-timeout" Path Unknown "R-033" "The server did not answer.";
    ConnectionReset "connection-reset" Path Unknown "R-033" "The server closed or reset the connection.";
    Unreachable "unreachable" Path Unknown "R-033" "There is no way to the server's address.";
    NotSmtp "not-smtp" Path Unknown "R-033" "What answers there does not speak SMTP within reason.";
    StarttlsStripped "starttls-stripped" Path Unknown "R-129" "A firewall on the way masks the server's STARTTLS.";
    OptedOut "opted-out" Us Unknown "R-036" "The address or domain is on our opt-out list, so we did not look.";
    AddressNotPublic "address-not-public" Domain Warning "R-020" "The host has an address that is not reachable from the Internet.";
    NotLooked "not-looked" Us Unknown "R-036" "We did not connect to the server, so its certificate is unknown.";
    // SMTP and TLS: bad
    StarttlsNotOffered "starttls-not-offered" Domain Error "R-038" "The server does not offer STARTTLS.";
    StarttlsRefused "starttls-refused" Domain Error "R-036" "The server refuses STARTTLS for good (5xx).";
    StarttlsTemporary "starttls-454" Domain Error "R-036" "The server says that TLS is not available now (454).";
    TlsHandshakeFailure "tls-handshake-failure" Domain Error "R-036" "The TLS handshake fails.";
    TlsTooOld "tls-too-old" Domain Error "R-073" "The server speaks only TLS versions that are no longer allowed.";
    EmptyChain "empty-chain" Domain Error "R-073" "The server presents no certificate.";
    GarbageCertificate "garbage-certificate" Domain Error "R-049" "What the server presents as certificate is not one.";
    KeyNotProven "key-not-proven" Domain Error "R-036" "The server could not prove that it holds the certificate's key.";
    VisitsDisagree "visits-disagree" Domain Warning "R-036" "Visits to the same address saw different things within minutes.";
    CertificateUncovered "certificate-uncovered" Domain Warning "R-090" "The TLSA records fit one of the server's certificates and not another, which clients get that offer something else.";
    SniRequired "sni-required" Domain Info "R-103" "Clients that do not name the server get no certificate, or another.";
    SniBreaks "sni-breaks" Domain Warning "R-067" "The handshake fails if the client names the server, and works if it does not.";
    EarlyBytes "plaintext-injection" Domain Warning "R-036" "The server sent plaintext after agreeing to TLS.";
    StarttlsInjection "starttls-injection" Domain Error "R-036" "The server obeys commands inside TLS that were sent before it: an attacker on the way can slip his own into the session.";
    Ssl2Accepted "ssl2-accepted" Domain Warning "R-073" "The server accepts SSL 2.0, by which its sessions of every version can be broken.";
    Ssl3Accepted "ssl3-accepted" Domain Warning "R-073" "The server accepts SSL 3.0, which can be broken.";
    OldTlsAccepted "old-tls-accepted" Domain Info "R-073" "The server accepts TLS versions older than 1.2.";
    WeakCipherAccepted "weak-cipher-accepted" Domain Warning "R-073" "The server accepts cipher suites that do not encrypt or can be broken.";
    AnonymousAccepted "anonymous-accepted" Domain Info "R-073" "The server accepts cipher suites without a certificate: a sender that offers them and wants DANE could not use it.";
    WeakDh "weak-dh" Domain Warning "R-073" "The server agrees on keys by a prime that is too short.";
    TlsCompression "tls-compression" Domain Warning "R-073" "The server compresses inside TLS, which lets secrets be guessed.";
    InsecureRenegotiation "insecure-renegotiation" Domain Warning "R-073" "The server does not secure renegotiation (RFC 5746).";
    AuthBeforeStarttls "auth-before-starttls" Domain Warning "R-038" "The server offers to take passwords in the clear.";
    WeakKey "weak-key" Domain Warning "R-073" "The certificate's key is too short.";
    V1Certificate "v1-certificate" Domain Warning "R-059" "The certificate is of the obsolete version 1.";
    Sha1Signature "sha1-signature" Domain Warning "R-073" "The certificate is signed with SHA-1.";
    ReorderedChain "reordered-chain" Domain Info "R-062" "The certificates are not sent in order.";
    HugeChain "huge-chain" Domain Warning "R-066" "The chain is far longer than any path needs.";
    // Policies besides DANE
    StsRecordInvalid "sts-record-invalid" Domain Warning "R-081" "The MTA-STS record is malformed or there are several: senders act as if there were none.";
    StsPolicyUnavailable "sts-policy-unavailable" Domain Warning "R-081" "MTA-STS is announced, but its policy cannot be fetched as it must be.";
    StsPolicyInvalid "sts-policy-invalid" Domain Warning "R-081" "The MTA-STS policy is not one that senders can read.";
    StsNotReached "sts-not-reached" Path Unknown "R-081" "The host of the MTA-STS policy could not be reached, so the policy is unknown.";
    StsMxMismatch "sts-mx-mismatch" Domain Error "R-081" "The MTA-STS policy has no pattern for an MX host.";
    StsMxUntrusted "sts-mx-untrusted" Domain Error "R-081" "The MTA-STS policy wants a trusted certificate, and an MX host has none for its name.";
    StsNotEnforced "sts-not-enforced" Domain Info "R-081" "The MTA-STS policy is not enforced (mode testing or none).";
    StsConflict "sts-conflict" Domain Warning "R-080" "MTA-STS passes where DANE fails: DANE decides.";
    TlsrptInvalid "tlsrpt-invalid" Domain Warning "R-082" "The TLS reporting record is malformed or there are several: senders do not report.";
    TlsrptMissing "tlsrpt-missing" Domain Info "R-082" "There is no TLS reporting record: senders do not report what goes wrong.";
    CaaExcludes "caa-excludes" Domain Info "R-140" "The CAA records do not let the certificate's issuer issue the next one.";
    // Us
    SignaturesToCome "signatures-to-come" Us Info "R-112" "The signatures seen end before the time judged; it is taken that they are renewed as usual.";
    Port25Blocked "port-25-blocked" Us Unknown "R-036" "Connections to port 25 leave this machine for nowhere: its network blocks them.";
    NoIpv6 "no-ipv6" Us Unknown "R-019" "This machine has no IPv6, so IPv6 addresses were not looked at.";
    DnsIntercepted "dns-intercepted" Us Unknown "R-001" "Something on this network answers DNS queries in place of the servers asked.";
    RootUnreachable "root-unreachable" Us Unknown "R-001" "No root server answers this machine as it should; name a resolver with --upstream, or root servers that can be reached with --root-hints.";
    NoAnchor "no-anchor" Us Unknown "R-107" "We have no trust anchor above the name, so nothing there can be validated.";
    AnchorStale "anchor-stale" Us Unknown "R-107" "Our trust anchor does not fit the root zone's keys.";
    ClockOff "clock-off" Us Unknown "R-112" "This machine's clock is wrong.";
    NoPtr "no-ptr" Us Warning "R-036" "Our address has no PTR record; many servers will refuse us.";
    EhloUnresolvable "ehlo-unresolvable" Us Warning "R-036" "Our EHLO name does not resolve; many servers will refuse us.";
    PtrUnconfirmed "ptr-unconfirmed" Us Warning "R-036" "The name of our address does not lead back to it; many servers will refuse us.";
    EhloElsewhere "ehlo-elsewhere" Us Warning "R-036" "Our EHLO name does not lead to our address; some servers will refuse us.";
    BlockListed "block-listed" Us Warning "R-036" "Our address is on a block list; servers that use it will refuse us.";
    TlsEngineLimit "tls-engine-limit" Us Unknown "R-073" "The server speaks only cipher suites that our TLS engine does not have; other senders may.";
    LocalError "local-error" Us Unknown "R-036" "Something failed on this machine, so we could not look.";
    BudgetExhausted "budget-exhausted" Us Unknown "R-066" "One of our own limits was reached before the answer was complete.";
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
