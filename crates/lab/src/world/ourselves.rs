//! What others look up of those who come to them: the names of their addresses, and a block list.
//!
//! | address | name | |
//! |---|---|---|
//! | 127.0.0.1 | `scanner.scanners.net` | leads back, and is on no list |
//! | 127.0.0.66 | `listed.scanners.net` | leads back, and is on the block list `blocklist.net` |
//! | of a mail server | the host's | |

use super::build::{Builder, TTL, zone};
use crate::dns::rdata::{self, below, name};
use dane::name::Name;
use dane::preflight::{reverse_name, reversed};
use domain::base::iana::Rtype;
use scenario::recipe::{Algorithm, Denial, Signing};
use std::net::{IpAddr, Ipv4Addr};

/// The operator that serves these zones.
const OPERATOR: usize = 2;
/// Addresses from which to look at the lab, and their names below `scanners.net`.
const SCANNERS: [(Ipv4Addr, &str); 2] = [(Ipv4Addr::LOCALHOST, "scanner"), (LISTED, "listed")];
const LISTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// The entry by which one tells a list from a name that is gone. (RFC 5782 section 5)
const TEST_ENTRY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Adds the reverse zone with all hosts so far, the zone of scanners, and the block list.
pub fn add(builder: &mut Builder) {
    let Some(operator) = builder.operators.get(OPERATOR).cloned() else { return };
    let scanners = name("scanners.net.");
    let mut forward = zone(&scanners, Signing::OneKey(Algorithm::EcdsaP256), Denial::Nsec, &operator);
    // As most of them are, and thousands of signatures that nobody asks for are saved.
    let mut reverse = zone(&name("127.in-addr.arpa."), Signing::Unsigned, Denial::Nsec, &operator);
    let mut point = |address: Ipv4Addr, host: &Name| {
        reverse.add(&name(&reverse_name(IpAddr::V4(address))), Rtype::PTR, TTL, rdata::target(host));
    };
    for (address, label) in SCANNERS {
        let host = below(label, &scanners);
        forward.add(&host, Rtype::A, TTL, rdata::a(address));
        point(address, &host);
    }
    for host in &builder.hosts {
        if let (IpAddr::V4(address), Ok(called)) = (host.address, host.name.parse::<Name>()) {
            point(address, &called);
        }
    }
    builder.plans.extend([forward, reverse, block_list(&operator)]);
}

/// Its entries, in the form of RFC 5782 section 2.1. Never 127.0.0.1. (section 5)
fn block_list(operator: &super::Operator) -> crate::dns::zone::ZonePlan {
    let apex = name("blocklist.net.");
    let mut list = zone(&apex, Signing::Unsigned, Denial::Nsec, operator);
    for (address, code, why) in [(TEST_ENTRY, 2, "Test entry"), (LISTED, 4, "Seen where it was not wanted")] {
        let owner = name(&format!("{}.{}", reversed(IpAddr::V4(address)), apex.fmt_with_dot()));
        list.add(&owner, Rtype::A, TTL, rdata::a(Ipv4Addr::new(127, 0, 0, code)));
        list.add(&owner, Rtype::TXT, TTL, rdata::txt(why));
    }
    list
}
