//! The software in the field: mail servers send to every scenario of the lab through other people's resolvers, and what they did is read
//! from the lab's side and from their logs. Name servers publish TLSA records and DNSSEC. All of it goes into `docs/software.md`.
//!
//! It runs in a network of the test's own, where DNS has port 53 and SMTP port 25. Between a sender and its resolver stands a [`tap`], which
//! passes on what is asked and remembers it. Nothing here says what is right: that is [`scenario`]'s, from the RFCs.

pub mod authority;
pub mod deeds;
pub mod libraries;
pub mod matrix;
pub mod page;
pub mod place;
pub mod resolver;
pub mod sender;
pub mod tap;
