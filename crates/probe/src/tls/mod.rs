//! TLS as a witness: it takes whatever the server presents and records it.

mod capture;
mod engine;
mod failure;
pub(crate) mod hello;
mod names;
mod proof;

pub(crate) use engine::{Engine, Session, SessionError};
pub(crate) use failure::too_slow;
