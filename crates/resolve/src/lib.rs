//! Iterative and upstream DNS resolution, validated locally.
//!
//! A [`Resolver`] looks names up: from the root servers down ([`Mode::Iterative`]), or through one recursive resolver whose word on
//! DNSSEC is not taken ([`Mode::Upstream`]). Every answer is validated by the `dnssec` crate. A lookup never fails as a function; what
//! went wrong is in the [`Answer`]: either a [`Failure`] with the servers involved, or a status that is not secure with the reason.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use domain::base::iana::Rtype;
//! use resolve::{Config, Resolver, Security};
//!
//! // IANA's root servers and keys. For a local resolver: Config::upstream("127.0.0.1:53".parse()?)
//! let resolver = Resolver::new(Config::default())?;
//! let answer = resolver.lookup(&"_25._tcp.mx.example.com".parse()?, Rtype::TLSA).await;
//! match (answer.status, answer.failure) {
//!     (Security::Secure, None) => answer.data_text().iter().for_each(|record| println!("TLSA {record}")),
//!     (status, None) => println!("{status:?}: {}", answer.reason.as_ref().map(ToString::to_string).unwrap_or_default()),
//!     (_, Some(_)) => println!("no answer: {}", answer.failure_detail.as_deref().unwrap_or_default()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The way of a lookup, from the top: `resolver` (answer cache, one lookup for all who ask the same), `validate` (a bogus answer is asked
//! for again from other servers), `fetch` (aliases; cache of replies), `iterate` (referrals, name servers), `reply` (what a reply means),
//! `exchange` (UDP, TCP, EDNS), `net` (sockets), `wire` (bytes). `work` keeps the account of what one lookup may spend. [`sweep`] is the
//! short cut for millions of names.

mod answer;
mod cache;
mod config;
mod direct;
mod exchange;
mod fetch;
pub mod gate;
pub mod hints;
mod iterate;
mod net;
mod networks;
mod reply;
mod resolver;
mod servers;
pub mod sweep;
mod text;
mod trouble;
mod validate;
mod wire;
mod work;

pub use answer::{Answer, Failure, LookupError, Whom};
pub use config::{Budgets, Clock, Config, ConfigError, Ipv6, Mode, Source, Timeouts};
pub use direct::{AnchorCheck, Direct, Interception};
pub use dnssec::{
    Algorithms, Anchors, Attempt, Epoch, Link, Name, Policy, Question, Reason, ReasonCode, Response, Rrset, Rrsig, Security, Sha1,
    Signature,
};
pub use gate::{Gate, Pace};
pub use networks::Networks;
pub use resolver::{Counters, Resolver};
pub use text::{data as data_text, push_data as push_data_text, push_name_text};

/// What the fuzz target calls: reads any bytes as the answer to a question, and makes of it what a server of `zone` would be understood
/// to say. Must neither panic nor take long.
#[cfg(fuzzing)]
pub fn fuzz_message(bytes: &[u8]) {
    let Some((head, message)) = bytes.split_first_chunk::<2>() else { return };
    let [zone, rtype] = *head;
    let name: Name = "www.sub.example.test".parse().unwrap_or_else(|_| Name::root_bytes());
    let zone = name.iter_suffixes().nth(usize::from(zone % 5)).unwrap_or_else(Name::root_bytes);
    let question = Question { name, rtype: domain::base::iana::Rtype::from_int(u16::from(rtype)) };
    if let Some(wire::Received::Reply(mut reply)) = wire::receive(bytes::Bytes::copy_from_slice(message), &question) {
        if let reply::Meaning::Referral { zone, .. } = reply::read(&mut reply, &zone, &question) {
            let _ = reply::ds_beside(&reply.response, &zone);
        }
        let _ = reply::lifetime(&reply.response);
        for set in reply.response.answer.iter().chain(&reply.response.authority) {
            for data in &set.data {
                let _ = text::data(set.rtype, data);
            }
        }
    }
}
