//! The crate with authority: it holds credentials and changes the world. `probe`, which looks at it, never depends on it.
//!
//! [`dns`] makes the TLSA records at a name from exactly one set into exactly another, or says precisely why not. [`roll`] keeps
//! keys, certificates and records right together.

pub mod dns;
#[doc(hidden)]
pub mod fuzz;
mod http;
pub mod roll;
