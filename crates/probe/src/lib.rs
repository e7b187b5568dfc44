//! Looks at mail domains: DNS, SMTP, STARTTLS, TLS. Brings back evidence ([`dane::observation`]) and judges nothing.
//!
//! The way of a look: [`Survey`] hands domains to a [`Looker`]; the looker asks its [`Dns`] for MX, addresses, TLSA and zone data,
//! and visits every address of every MX host over SMTP, within the bounds of [`LookerConfig`]. Each MX host is visited once per looker and
//! its observation shared by all domains that use it.
//!
//! A probe looks at *more* than a sender would: TLSA below insecure names, STARTTLS where it is not offered. What a sender would have done
//! is the business of `dane`'s policy walk.

mod authorities;
mod chain;
mod comeback;
mod config;
mod depth;
mod dns;
#[doc(hidden)]
pub mod fuzz;
mod host;
mod http;
pub mod identify;
mod look;
mod name_servers;
mod once;
mod optout;
mod pace;
mod policies;
mod preflight;
mod reach;
mod reactor;
mod resolver_environment;
pub mod rounds;
mod smtp;
mod survey;
mod tls;
mod vantage;
pub mod web;
mod weigh;
mod wire;
mod zone;

pub use authorities::observe_authorities;
pub use comeback::Comeback;
pub use config::{
    Certificates, ConfigError, DepthLimits, Destinations, Ipv6, LookerConfig, NameServers, OpenSsl, Pace, Policies, Returns, Scope,
    SmtpLimits, default_ehlo,
};
pub use dns::{Dns, DnsFuture, lookup_record};
pub use look::Looker;
pub use optout::{OptOut, OptOutError};
pub use preflight::BlockLists;
pub use resolver_environment::{ResolverLook, observe_resolvers, parse_resolv_conf};
pub use survey::{Looked, Progress, Survey, SurveyOptions};
