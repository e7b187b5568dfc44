//! What several verbs share.

pub mod file;
pub mod print;
pub mod probe;
pub mod resolver;
pub mod time;
