//! What a looker needs of the DNS.

use dane::dns::Lookup;
use dane::name::Name;
use domain::base::iana::Rtype;
use std::future::Future;
use std::pin::Pin;

/// A question under way.
pub type DnsFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A validating source of DNS answers: `resolve::Resolver`, or a table in tests.
pub trait Dns: Send + Sync {
    /// Asks, follows aliases, validates. Never fails: failure is inside.
    fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup>;

    /// The apex of the zone that `name` lies in, by its SOA.
    fn zone_apex<'a>(&'a self, name: &'a Name) -> DnsFuture<'a, Option<Name>>;
}
