//! Root hints: the names and addresses of the root's servers.

use crate::ConfigError;
use dnssec::Name;
use std::net::IpAddr;

/// The root's name servers as IANA publishes them (named.root of 2025: b.root renumbered in November 2023).
#[must_use]
pub fn iana() -> Vec<(Name, Vec<IpAddr>)> {
    parse(IANA).unwrap_or_default()
}

/// Reads a hints file: a zone file with the `NS` records of the root and the `A` and `AAAA` records of its servers.
///
/// # Errors
/// Names the line that cannot be read.
pub fn parse(text: &str) -> Result<Vec<(Name, Vec<IpAddr>)>, ConfigError> {
    let mut roots: Vec<(Name, Vec<IpAddr>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let bad = |what: String| ConfigError::Hints { line: index + 1, what };
        let line = line.split(';').next().unwrap_or("");
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [owner, rest @ ..] = fields.as_slice() else { continue };
        if owner.starts_with('$') {
            continue;
        }
        // TTL and class may stand in either order, or be left out.
        let rest: Vec<&&str> = rest.iter().skip_while(|f| f.eq_ignore_ascii_case("in") || f.bytes().all(|b| b.is_ascii_digit())).collect();
        let [rtype, data, ..] = rest.as_slice() else { return Err(bad(format!("'{line}' is no resource record"))) };
        let (server, address) = match rtype.to_ascii_uppercase().as_str() {
            "NS" => (data, None),
            "A" | "AAAA" => (&owner, Some(data.parse::<IpAddr>().map_err(|_| bad(format!("'{data}' is no IP address")))?)),
            _ => continue,
        };
        let server: Name = server.parse().map_err(|_| bad(format!("'{server}' is no domain name")))?;
        let known = roots.iter_mut().find(|(name, _)| *name == server);
        match known {
            Some((_, addresses)) => addresses.extend(address),
            None => roots.push((server, address.into_iter().collect())),
        }
    }
    Ok(roots)
}

const IANA: &str = "
. 3600000 NS a.root-servers.net.
a.root-servers.net. A 198.41.0.4
a.root-servers.net. AAAA 2001:503:ba3e::2:30
b.root-servers.net. A 170.247.170.2
b.root-servers.net. AAAA 2801:1b8:10::b
c.root-servers.net. A 192.33.4.12
c.root-servers.net. AAAA 2001:500:2::c
d.root-servers.net. A 199.7.91.13
d.root-servers.net. AAAA 2001:500:2d::d
e.root-servers.net. A 192.203.230.10
e.root-servers.net. AAAA 2001:500:a8::e
f.root-servers.net. A 192.5.5.241
f.root-servers.net. AAAA 2001:500:2f::f
g.root-servers.net. A 192.112.36.4
g.root-servers.net. AAAA 2001:500:12::d0d
h.root-servers.net. A 198.97.190.53
h.root-servers.net. AAAA 2001:500:1::53
i.root-servers.net. A 192.36.148.17
i.root-servers.net. AAAA 2001:7fe::53
j.root-servers.net. A 192.58.128.30
j.root-servers.net. AAAA 2001:503:c27::2:30
k.root-servers.net. A 193.0.14.129
k.root-servers.net. AAAA 2001:7fd::1
l.root-servers.net. A 199.7.83.42
l.root-servers.net. AAAA 2001:500:9f::42
m.root-servers.net. A 202.12.27.33
m.root-servers.net. AAAA 2001:dc3::35
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iana_has_thirteen_servers_with_two_addresses_each() {
        let roots = iana();
        assert_eq!(roots.len(), 13);
        assert!(roots.iter().all(|(_, addresses)| addresses.len() == 2));
    }

    #[test]
    fn reads_ttl_and_class_in_any_order_and_names_a_bad_line() {
        let roots = parse(". IN 5 NS ns.\n; comment\nNS. 5 IN A 127.0.0.1\nns. AAAA ::1\n").unwrap();
        assert_eq!(roots.len(), 1);
        assert_eq!(roots[0].1.len(), 2);
        let error = parse("\n. NS ns.\nns. A 127.0.0.256").unwrap_err();
        assert_eq!(error.to_string(), "root hints, line 3: '127.0.0.256' is no IP address");
    }
}
