//! Why a change was not made.

use super::change::TlsaSet;
use super::tsig::TsigError;
use dane::name::Name;

/// Why a change was not made, and where.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {why}")]
pub struct Error {
    /// The server, URL or file.
    pub place: String,
    /// What went wrong, and what helps.
    #[source]
    pub why: Why,
}

/// Whether the world is still as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was changed.
    Nothing,
    /// The change may have been made: look before you act.
    Unknown,
}

/// What went wrong, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The set is neither the one that was expected nor the one that is wanted.
    #[error(
        "somebody changed the TLSA records of {owner} meanwhile: expected {expected}, found {}, so nothing was changed; look again",
        found.as_ref().map_or_else(|| "others".to_owned(), ToString::to_string)
    )]
    ChangedMeanwhile {
        /// The owner.
        owner: Name,
        /// What was to be there.
        expected: TlsaSet,
        /// What is there, where it could be seen.
        found: Option<TlsaSet>,
    },
    /// Records beside a CNAME would be ignored. (RFC 2136 section 3.4.2.2)
    #[error("{owner} is an alias of {target}, so it can have no TLSA records: change those of {target}")]
    Alias {
        /// The owner.
        owner: Name,
        /// What it stands for.
        target: String,
    },
    /// The signature of the answer, or what the server says of ours.
    #[error(transparent)]
    Tsig(#[from] TsigError),
    /// REFUSED.
    #[error(
        "the server refuses (REFUSED): allow the key '{key}' to change TLSA records at {owner} (BIND: update-policy; Knot: acl; PowerDNS: TSIG-ALLOW-DNSUPDATE)"
    )]
    Refused {
        /// The key's name.
        key: Name,
        /// The owner.
        owner: Name,
    },
    /// NOTAUTH.
    #[error("the server is no authority for the zone {0} (NOTAUTH): name its primary, which the SOA record need not name")]
    NotAuth(Name),
    /// NOTZONE, or a zone that cannot be the owner's.
    #[error("{owner} is not in the zone {zone} (NOTZONE): name the zone that it is in")]
    NotZone {
        /// The owner.
        owner: Name,
        /// The zone.
        zone: Name,
    },
    /// NOTIMP.
    #[error("the server takes no updates (NOTIMP): turn them on, or name the primary")]
    NotImp,
    /// SERVFAIL: the server may have begun.
    #[error(
        "the server failed (SERVFAIL), and its log says why; often it cannot write its zone or journal: look what is published, then try again"
    )]
    Servfail,
    /// Any other response code.
    #[error("the server answers {0}, so nothing was changed: look into its log")]
    Rcode(String),
    /// It could not be reached.
    #[error("cannot be reached: {0}; does the server run, at this address and port, and does a firewall let us through?")]
    Unreachable(String),
    /// No answer to what was sent.
    #[error("no answer within {0} s; the change may have been made: look what is published, then try again")]
    Timeout(u64),
    /// The connection broke after something was sent.
    #[error("the connection broke ({0}); the change may have been made: look what is published, then try again")]
    Broken(String),
    /// What came is no answer to what was asked.
    #[error("the answer cannot be used: {0}")]
    Malformed(&'static str),
    /// The zone's apex could not be found.
    #[error("the server does not say in which zone {0} is: name the zone")]
    NoZone(Name),
    /// More than a message holds.
    #[error("the change is larger than a DNS message can be (65535 octets): publish digests in place of whole certificates")]
    TooLarge,
    /// An API key that would travel in the clear.
    #[error("the API key would go over the network in the clear: use https, or a tunnel that ends at 127.0.0.1")]
    InTheClear,
    /// A wrong setting.
    #[error("{0}")]
    Setting(String),
    /// The API does not know the key.
    #[error("the API refuses the key (status {0}): compare it with `api-key` in pdns.conf, and our address with `webserver-allow-from`")]
    ApiKey(u16),
    /// The API says no.
    #[error("the API answers with status {status}: {text}")]
    Api {
        /// The status code.
        status: u16,
        /// What it says, in one line.
        text: String,
    },
    /// A file.
    #[error("{0}; nothing was changed")]
    File(#[from] std::io::Error),
    /// A line in the fragment that we did not write.
    #[error(
        "line {number} is not one of ours ('{text}'): the file may hold TLSA records and comments only; move other records to the zone's own file"
    )]
    ForeignLine {
        /// Counted from 1.
        number: usize,
        /// What stands there.
        text: String,
    },
    /// The reload failed, and then what undoes the change.
    #[error(
        "the new records are in the file, as it could not be put back ({error}): mend that, look what is published, then try again; before that, {reload}"
    )]
    NotRestored {
        /// What went wrong first.
        reload: Box<Why>,
        /// And then.
        error: std::io::Error,
    },
    /// The reload.
    #[error("`{command}` {how}, so the file was put back as it was: make the command work, then try again{output}")]
    Reload {
        /// The program.
        command: String,
        /// How it ended.
        how: String,
        /// The end of what it printed.
        output: String,
    },
}

impl Error {
    pub(crate) fn at(place: impl ToString) -> impl FnOnce(Why) -> Self {
        move |why| Self { place: place.to_string(), why }
    }

    /// Whether the world is still as it was.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.why.effect()
    }
}

impl Why {
    fn effect(&self) -> Effect {
        match self {
            // What cannot be believed says nothing, but the two that a server must not sign: it made no change, or somebody lies.
            Self::Tsig(TsigError::Unsigned(_) | TsigError::Forged | TsigError::Late { .. } | TsigError::Malformed(_)) => Effect::Unknown,
            Self::Tsig(TsigError::BadKey(_) | TsigError::BadSig(_)) => Effect::Unknown,
            Self::Tsig(TsigError::BadTime { .. } | TsigError::BadTrunc | TsigError::Other(_)) => Effect::Nothing,
            Self::Servfail | Self::Timeout(_) | Self::Broken(_) | Self::Malformed(_) => Effect::Unknown,
            Self::Reload { .. } | Self::NotRestored { .. } => Effect::Unknown,
            Self::Api { status, .. } if *status >= 500 => Effect::Unknown,
            _ => Effect::Nothing,
        }
    }
}
