//! TLS as a witness: it takes whatever the server presents and records it.
//!
//! Two engines, one face ([`Engine`]): `modern` is rustls, which speaks TLS 1.2 and 1.3; `broad` is OpenSSL, if this machine has it, for what
//! rustls refuses. Where neither comes to terms with a server, `hello` asks and `flight` reads its first flight in the clear.

mod broad;
mod capture;
pub(crate) mod cut;
mod engine;
mod failure;
pub(crate) mod flight;
pub(crate) mod hello;
pub(crate) mod known;
pub(crate) mod messages;
mod modern;
pub(crate) mod names;
mod proof;
pub(crate) mod renegotiation;
mod resume;
pub(crate) mod ssl2;

pub(crate) use engine::{Engine, Handshake, Session, SessionError};
pub(crate) use resume::Remembering;

use dane::observation::TlsFailure;

/// Which kinds of key a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Whatever there is.
    All,
    /// RSA only.
    Rsa,
    /// ECDSA only.
    Ecdsa,
}

/// What came out of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// So many octets.
    Octets(usize),
    /// Nothing yet.
    Nothing,
    /// The server ended the session.
    End,
}

/// Why an engine cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    /// It finds fault with what the server sent.
    Failed(TlsFailure),
    /// One message of more octets than it takes.
    TooLarge,
}

impl Wrong {
    fn failure(&self) -> TlsFailure {
        match self {
            Wrong::Failed(failure) => failure.clone(),
            Wrong::TooLarge => failure::of_kind("message-too-large", "the server began a message longer than our engine takes"),
        }
    }
}
