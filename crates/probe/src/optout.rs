//! Who wants to be left alone.

use dane::name::Name;
use resolve::Networks;
use std::collections::HashSet;
use std::net::IpAddr;

/// Domains (with everything below them) and networks that are never looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptOut {
    domains: HashSet<Name>,
    networks: Networks,
}

/// A line of an opt-out file that is neither a domain nor a network.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: '{text}' is neither a domain nor a network such as 192.0.2.0/24")]
pub struct OptOutError {
    /// Counted from 1.
    pub line: usize,
    /// The beginning of what stands there.
    pub text: String,
}

impl OptOut {
    /// Reads an opt-out list: one domain, address or CIDR network per line; `#` begins a comment.
    ///
    /// # Errors
    /// The first line that is none of these. An opt-out that is not understood must not be ignored.
    pub fn parse(text: &str) -> Result<Self, OptOutError> {
        let mut list = Self::default();
        for (number, line) in text.lines().enumerate() {
            let item = line.split('#').next().unwrap_or_default().trim();
            if item.is_empty() {
                continue;
            }
            if !list.add(item) {
                return Err(OptOutError { line: number + 1, text: item.chars().take(80).collect() });
            }
        }
        Ok(list)
    }

    /// Adds a domain, an address or a network. False: it is none of these.
    pub(crate) fn add(&mut self, item: &str) -> bool {
        if self.networks.add(item) {
            return true;
        }
        dane::name::parse_domain(item).is_ok_and(|name| {
            self.domains.insert(name);
            true
        })
    }

    /// Domains and networks, apart.
    pub(crate) fn into_parts(self) -> (HashSet<Name>, Networks) {
        (self.domains, self.networks)
    }

    /// Whether this name, or one above it, is on the list.
    #[must_use]
    pub fn has_name(&self, name: &Name) -> bool {
        if self.domains.is_empty() {
            return false;
        }
        let mut at = name.clone();
        loop {
            if self.domains.contains(&at) {
                return true;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return false,
            }
        }
    }

    /// The networks on the list.
    #[must_use]
    pub fn networks(&self) -> &Networks {
        &self.networks
    }

    /// Whether this address is in a network on the list.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.networks.hold(address)
    }
}

#[cfg(test)]
mod tests {
    use super::OptOut;

    fn name(text: &str) -> dane::name::Name {
        dane::name::parse_domain(text).unwrap()
    }

    #[test]
    fn names_cover_what_is_below_them_and_nothing_beside() {
        let list = OptOut::parse("# people who wrote to us\nexample.org # 2026-11-01\n\nMX.Example.net.\n").unwrap();
        assert!(list.has_name(&name("example.org")));
        assert!(list.has_name(&name("mx1.Example.ORG")));
        assert!(!list.has_name(&name("badexample.org")));
        assert!(!list.has_name(&name("org")));
        assert!(list.has_name(&name("mx.example.net")));
        assert!(!list.has_name(&name("example.net")));
    }

    #[test]
    fn networks_by_prefix() {
        let list = OptOut::parse("192.0.2.128/25\n198.51.100.7\n2001:db8::/32\n").unwrap();
        for (address, there) in [
            ("192.0.2.128", true),
            ("192.0.2.255", true),
            ("192.0.2.127", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("::ffff:192.0.2.200", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(list.has_address(address.parse().unwrap()), there, "{address}");
        }
        assert!(OptOut::parse("0.0.0.0/0").unwrap().has_address("203.0.113.1".parse().unwrap()));
        assert!(!OptOut::parse("0.0.0.0/0").unwrap().has_address("::1".parse().unwrap()));
        assert!(OptOut::parse("::/0").unwrap().has_address("::1".parse().unwrap()));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for bad in ["192.0.2.0/33", "2001:db8::/129", "exa mple.org", "192.0.2.0/", "192.0.2.0/x"] {
            let error = OptOut::parse(&format!("example.org\n{bad}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{bad}");
        }
    }
}
