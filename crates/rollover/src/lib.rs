//! Key rollover that cannot break mail: what to do next, whether it is safe, and why not yet. Pure: no input or output, no clock, no
//! private keys.
//!
//! [`machine::Machine::advance`] takes a state and a look at the world and says what may be done now. Somebody else has the authority to do it.
//! Everything serves one rule, [`cover`]: every set that a cache may hold covers every chain that a server may show. The [`ledger`] keeps
//! what these are, [`proof`] makes of it the proofs that the steps of [`phase`] consume.

pub mod change;
pub mod cover;
pub mod deploy;
pub mod key;
pub mod ledger;
pub mod look;
pub mod machine;
pub mod phase;
pub mod plan;
pub mod proof;
pub mod rrset;
pub mod time;
pub mod why;
