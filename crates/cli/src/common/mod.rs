//! What several verbs share.

pub mod print;
pub mod resolver;
pub mod time;
