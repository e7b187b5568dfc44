//! Who runs an address, by a table that somebody gave.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Networks and who runs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operators {
    /// By the length of the prefix, over the addresses as IPv6 (IPv4 mapped).
    by_length: BTreeMap<u8, BTreeMap<u128, String>>,
}

impl Operators {
    /// Reads lines of `PREFIX NAME`: `192.0.2.0/24 Example Mail`, `2001:db8::/32 Example Mail`, a single address too. `#` begins a comment.
    ///
    /// # Errors
    /// The number of a line that is not such, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut operators = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
            if line.is_empty() {
                continue;
            }
            let wrong = |what: &str| (number + 1, format!("{what}: {line}; write a network and a name, as 192.0.2.0/24 Example Mail"));
            let (prefix, name) = line.split_once(char::is_whitespace).ok_or_else(|| wrong("no name"))?;
            let (length, network) = network(prefix).ok_or_else(|| wrong("no network"))?;
            operators.by_length.entry(length).or_default().insert(network, name.trim().to_owned());
        }
        Ok(operators)
    }

    /// Who runs an address: the longest prefix counts.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<&str> {
        let octets = mapped(address);
        self.by_length.iter().rev().find_map(|(length, networks)| networks.get(&cut(octets, *length))).map(String::as_str)
    }

    /// Whether two addresses have the same operator. Without the table one network is one operator, and of others nothing is known.
    #[must_use]
    pub fn same(&self, one: IpAddr, other: IpAddr) -> Option<bool> {
        match (self.of(one), self.of(other)) {
            (Some(one), Some(other)) => Some(one == other),
            _ => {
                let length = match (one, other) {
                    (IpAddr::V4(_), IpAddr::V4(_)) => 96 + 24,
                    (IpAddr::V6(_), IpAddr::V6(_)) => 48,
                    _ => return None,
                };
                (cut(mapped(one), length) == cut(mapped(other), length)).then_some(true)
            }
        }
    }
}

fn network(text: &str) -> Option<(u8, u128)> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let (before, most) = if address.is_ipv4() { (96, 32) } else { (0, 128) };
    let length = length.map_or(Some(most), |length| length.parse().ok().filter(|length| *length <= most))?;
    Some((before + length, cut(mapped(address), before + length)))
}

fn mapped(address: IpAddr) -> u128 {
    let address: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    u128::from(address)
}

fn cut(address: u128, length: u8) -> u128 {
    let below = 128 - u32::from(length.min(128));
    address.checked_shr(below).and_then(|kept| kept.checked_shl(below)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Operators;

    #[test]
    fn the_longest_prefix_counts() {
        let text = "# who is who\n192.0.2.0/24 Example Mail\n192.0.2.128/25  Other, Inc.  # since May\n2001:db8::/32 Example Mail\n0.0.0.0/0 anybody\n198.51.100.7 One\n";
        let table = Operators::parse(text).unwrap();
        for (address, name) in [
            ("192.0.2.1", Some("Example Mail")),
            ("192.0.2.200", Some("Other, Inc.")),
            ("2001:db8:ffff::1", Some("Example Mail")),
            ("203.0.113.1", Some("anybody")),
            ("198.51.100.7", Some("One")),
            ("2001:db9::1", None),
        ] {
            assert_eq!(table.of(address.parse().unwrap()), name, "{address}");
        }
        let same = |one: &str, other: &str| table.same(one.parse().unwrap(), other.parse().unwrap());
        assert_eq!((same("192.0.2.1", "2001:db8::1"), same("192.0.2.1", "192.0.2.200")), (Some(true), Some(false)));
        let nothing = Operators::default();
        let same = |one: &str, other: &str| nothing.same(one.parse().unwrap(), other.parse().unwrap());
        assert_eq!((same("192.0.2.1", "192.0.2.200"), same("192.0.2.1", "192.0.3.1"), same("::1", "192.0.2.1")), (Some(true), None, None));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, what) in
            [("192.0.2.0/24", "no name"), ("192.0.2.0/33 x", "no network"), ("a b", "no network"), ("::/129 x", "no network")]
        {
            let (line, said) = Operators::parse(&format!("\n{text}\n")).unwrap_err();
            assert!(line == 2 && said.starts_with(what), "{text}: {said}");
        }
    }
}
