//! What a configuration is, in one hash: `config_sha256` of a run.
//!
//! It is the SHA-256 of one JSON object, [`canonical`]: keys in the order of their octets, no white space, times in whole milliseconds, rates
//! as decimal numbers (null: no limit), names in lower case without their final dot. Everything that decides what is looked at and how is in
//! it; not who is left alone, nor what the vantage point is called here and in EHLO: the machines that share a survey differ in that.

use dane::observation::Depth;
use data_encoding::HEXLOWER;
use probe::{Destinations, LookerConfig, Pace, Policies, Returns, Scope, SmtpLimits};
use resolve::{Config, Mode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// The hash, lower-case hex.
#[must_use]
pub fn fingerprint(resolver: &Config, looker: &LookerConfig) -> String {
    let text = canonical(resolver, looker);
    HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
}

fn canonical(resolver: &Config, looker: &LookerConfig) -> String {
    object([("looker", visits(looker)), ("resolver", questions(resolver))]).to_string()
}

fn visits(looker: &LookerConfig) -> Value {
    let scope = match &looker.scope {
        Scope::Full => "full".into(),
        Scope::DnsOnly => "dns-only".into(),
        Scope::Presented(chain) => chain.iter().map(|c| HEXLOWER.encode(&c.sha256())).collect::<Vec<_>>().into(),
    };
    let destinations = match looker.destinations {
        Destinations::PublicOnly => "public",
        Destinations::Any => "any",
    };
    let policies = match looker.policies {
        Policies::Skip => "none",
        Policies::Records => "records",
        Policies::All => "all",
    };
    let mut fields = vec![
        ("addresses_per_host", looker.addresses_per_host.into()),
        ("connect_port", looker.connect_port.into()),
        // The key is older than the option --depth.
        ("depth", scope),
        ("destinations", destinations.into()),
        ("domain_deadline_ms", ms(looker.domain_deadline)),
        ("every_name_server", (looker.name_servers == probe::NameServers::Each).into()),
        ("https_port", looker.https_port.into()),
        ("hosts_per_domain", looker.hosts_per_domain.into()),
        ("ipv6", (looker.ipv6 == probe::Ipv6::Auto).into()),
        ("pace", pace(&looker.pace)),
        ("policies", policies.into()),
        ("port", looker.port.into()),
        ("returns", returns(&looker.returns)),
        ("smtp", smtp(&looker.smtp)),
    ];
    // A look that goes no deeper than it ever did keeps its hash.
    if looker.depth != Depth::Chain {
        fields.push(("server_depth", looker.depth.word().into()));
        fields.push(("server_depth_connections", looker.depth_limits.connections.into()));
        fields.push(("server_depth_ms", ms(looker.depth_limits.time)));
    }
    object(fields)
}

fn smtp(limits: &SmtpLimits) -> Value {
    object([
        ("connect_ms", ms(limits.connect)),
        ("handshake_ms", ms(limits.handshake)),
        ("line_octets", limits.line_octets.into()),
        ("reply_lines", limits.reply_lines.into()),
        ("reply_ms", ms(limits.reply)),
        ("total_octets", limits.total_octets.into()),
        ("visit_ms", ms(limits.visit)),
    ])
}

fn pace(pace: &Pace) -> Value {
    object([
        ("address_open", pace.address_open.into()),
        ("address_per_s", pace.address_per_s.into()),
        ("network_per_s", pace.network_per_s.into()),
        ("open", pace.open.into()),
        ("patience_ms", ms(pace.patience)),
        ("provider_per_s", pace.provider_per_s.into()),
        ("total_per_s", pace.total_per_s.into()),
    ])
}

fn returns(returns: &Returns) -> Value {
    object([
        ("after_ms", ms(returns.after)),
        ("in_all", returns.in_all.into()),
        ("soon_ms", ms(returns.soon)),
        ("times", returns.times.into()),
        ("within_ms", ms(returns.within)),
    ])
}

fn questions(resolver: &Config) -> Value {
    let budgets = &resolver.budgets;
    object([
        ("anchors", resolver.anchors.texts().into()),
        ("attempts", resolver.attempts.into()),
        (
            "budgets",
            object([
                ("aliases", budgets.aliases.into()),
                ("bogus_retries", budgets.bogus_retries.into()),
                ("cache_bytes", budgets.cache_bytes.into()),
                ("depth", budgets.depth.into()),
                ("name_servers", budgets.name_servers.into()),
                ("queries", budgets.queries.into()),
                ("referrals", budgets.referrals.into()),
                ("sockets", budgets.sockets.into()),
            ]),
        ),
        ("dns_port", resolver.dns_port.into()),
        ("ipv6", (resolver.ipv6 == resolve::Ipv6::Auto).into()),
        ("lookup_ms", ms(resolver.timeouts.lookup)),
        ("mode", mode(&resolver.mode)),
        ("policy", policy(resolver)),
        ("query_ms", ms(resolver.timeouts.query)),
        ("tcp_ms", ms(resolver.timeouts.tcp)),
    ])
}

fn mode(mode: &Mode) -> Value {
    match mode {
        Mode::Upstream(server) => object([("upstream", server.to_string().into())]),
        Mode::Iterative { roots } => {
            let texts = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
            let server = |(name, addresses): &(resolve::Name, Vec<IpAddr>)| {
                object([("addresses", texts(addresses).into()), ("name", name.to_string().to_ascii_lowercase().into())])
            };
            object([("roots", roots.iter().map(server).collect())])
        }
    }
}

fn policy(resolver: &Config) -> Value {
    let policy = &resolver.policy;
    object([
        ("all_algorithms", (policy.algorithms == resolve::Algorithms::All).into()),
        ("max_aliases", policy.max_aliases.into()),
        ("max_failures", policy.max_failures.into()),
        ("max_hashes", policy.max_hashes.into()),
        ("max_questions", policy.max_questions.into()),
        ("max_signatures", policy.max_signatures.into()),
        ("max_tries", policy.max_tries.into()),
        ("nsec3_bogus_above", policy.nsec3_bogus_above.into()),
        ("nsec3_insecure_above", policy.nsec3_insecure_above.into()),
        ("sha1", (policy.sha1 == resolve::Sha1::Validate).into()),
    ])
}

/// Sorted here, so that it does not matter how the JSON library keeps its maps.
fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(fields.into_iter().collect::<BTreeMap<_, _>>().into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn ms(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs() -> (Config, LookerConfig) {
        let asked = Config::upstream("127.0.0.1:5353".parse().unwrap());
        let mut visited = LookerConfig::new(dane::name::parse_domain("here.example").unwrap());
        visited.pace.total_per_s = f64::INFINITY;
        visited.pace.address_per_s = 0.5;
        (asked, visited)
    }

    /// By hand from the description above: another compiler, version of a library or order of fields must not change it.
    #[test]
    fn the_text_is_the_documented_one() {
        let (asked, visited) = configs();
        let text = canonical(&asked, &visited);
        let pace = r#""pace":{"address_open":1,"address_per_s":0.5,"network_per_s":4.0,"open":1000,"patience_ms":900000,"provider_per_s":8.0,"total_per_s":null}"#;
        let returns = r#""port":25,"returns":{"after_ms":310000,"in_all":10000,"soon_ms":30000,"times":0,"within_ms":1000000}"#;
        let start = r#"{"looker":{"addresses_per_host":16,"connect_port":null,"depth":"full","destinations":"public","#;
        let mode = r#""lookup_ms":30000,"mode":{"upstream":"127.0.0.1:5353"},"policy":{"all_algorithms":false,"#;
        for part in [pace, returns, start, mode] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(text.starts_with(start) && !text.contains(": ") && text.ends_with("\"tcp_ms\":5000}}"), "{text}");
    }

    #[test]
    fn what_decides_changes_it_and_what_a_place_is_called_does_not() {
        let (asked, visited) = configs();
        let plain = fingerprint(&asked, &visited);
        let named = LookerConfig { vantage: "ams1".into(), ehlo: dane::name::parse_domain("b.example").unwrap(), ..visited.clone() };
        assert_eq!(fingerprint(&asked, &named), plain);
        let presented = |bytes: &[u8]| Scope::Presented(vec![dane::observation::CertificateBytes(bytes.into())]);
        let changed = [
            LookerConfig { port: 587, ..visited.clone() },
            LookerConfig { policies: Policies::All, ..visited.clone() },
            LookerConfig { returns: Returns::POLITE, ..visited.clone() },
            LookerConfig { ipv6: probe::Ipv6::Off, ..visited.clone() },
            LookerConfig { depth: Depth::Tls, ..visited.clone() },
            LookerConfig { depth: Depth::Full, ..visited.clone() },
            LookerConfig { scope: presented(b"a"), ..visited.clone() },
            LookerConfig { scope: presented(b"b"), ..visited.clone() },
        ];
        let mut all: Vec<String> = changed.iter().map(|c| fingerprint(&asked, c)).chain([plain]).collect();
        all.push(fingerprint(&Config::default(), &visited));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), changed.len() + 2, "each has one of its own");
    }
}
