//! Keys, certificates and TLSA records of mail hosts, kept right for ever: what `danelaw roll` does.
//!
//! [`Config`] says what there is. A [`Turn`] looks at the world, asks the pure machine ([`rollover`]) what may be done, and does it: makes a key
//! ([`keys`]), changes records ([`crate::dns`]), installs a certificate ([`install`]). Nothing is remembered but the machine's state ([`store`]):
//! what was begun and not finished is seen by the next look, and asked for again.

mod config;
mod install;
mod keys;
mod store;
mod turn;
mod world;

pub use config::{Config, ConfigError, Dns, KeyConfig, Service};
pub use keys::Keys;
pub use store::Store;
pub use turn::{Deed, Mode, Turn, TurnError, emergency, may_deploy, plan};
pub use world::{World, now};
