//! Iterative and upstream DNS resolution, validated locally.

mod answer;
mod cache;
mod config;
mod direct;
mod exchange;
mod fetch;
pub mod hints;
mod iterate;
mod net;
mod reply;
mod resolver;
mod servers;
mod text;
mod trouble;
mod validate;
mod wire;
mod work;

pub use answer::{Answer, Failure, LookupError};
pub use config::{Budgets, Clock, Config, ConfigError, Ipv6, Mode, Timeouts};
pub use direct::{AnchorCheck, Direct, Interception};
pub use dnssec::{Anchors, Attempt, Epoch, Link, Name, Policy, Question, Reason, ReasonCode, Response, Rrset, Security, Signature};
pub use resolver::Resolver;
