//! Iterative and upstream DNS resolution, validated locally.

mod answer;
mod config;
pub mod hints;
mod resolver;
mod text;

pub use answer::{Answer, Failure, Link, LookupError, Reason, Signature};
pub use config::{Budgets, Clock, Config, ConfigError, Ipv6, Mode, Timeouts};
pub use dnssec::{Epoch, Name, Question, Rrset, Security};
pub use resolver::Resolver;
