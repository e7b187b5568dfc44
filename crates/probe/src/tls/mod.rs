//! TLS as a witness: it takes whatever the server presents and records it.

mod capture;
mod engine;
mod failure;
pub(crate) mod flight;
pub(crate) mod hello;
pub(crate) mod known;
pub(crate) mod names;
mod proof;
mod resume;

pub(crate) use engine::{Engine, Handshake, Session, SessionError};
pub(crate) use resume::Remembering;
