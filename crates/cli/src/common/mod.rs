//! What several verbs share.

pub mod colour;
pub mod domains;
pub mod file;
pub mod fingerprint;
pub mod fold;
pub mod metadata;
pub mod pace;
pub mod papers;
pub mod policies;
pub mod preflight;
pub mod print;
pub mod probe;
pub mod program;
pub mod progress;
pub mod resolver;
pub mod resolvers;
pub mod revalidate;
pub mod roots;
pub mod study;
pub mod survey;
pub mod targets;
pub mod time;
pub mod usage;
