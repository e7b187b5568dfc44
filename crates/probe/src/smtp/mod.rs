//! The SMTP dialogue of a visit: polite, patient within bounds, and with a record of every word.

mod deep;
mod dialogue;
pub(crate) mod reply;
mod visit;

pub(crate) use deep::Heard;
pub(crate) use visit::{Target, Visitor, connect_failure};
