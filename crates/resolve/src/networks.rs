//! Sets of addresses.

use std::net::IpAddr;

/// Networks in CIDR notation, and single addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Networks {
    /// Takes an address or a network as text: `192.0.2.1`, `2001:db8::/32`. `false` if it is neither.
    pub fn add(&mut self, text: &str) -> bool {
        let network = parse(text);
        self.0.extend(network);
        network.is_some()
    }

    /// Whether this address is in one of them.
    #[must_use]
    pub fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let (bits, ours, theirs) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (32, u128::from(a.to_bits()), u128::from(b.to_bits())),
            (IpAddr::V6(a), IpAddr::V6(b)) => (128, a.to_bits(), b.to_bits()),
            _ => return false,
        };
        (ours ^ theirs).checked_shr(bits - u32::from(self.prefix)).unwrap_or(0) == 0
    }
}

fn parse(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(p) => p.parse().ok().filter(|p| *p <= bits)?,
        None => bits,
    };
    Some(Network { address, prefix })
}
