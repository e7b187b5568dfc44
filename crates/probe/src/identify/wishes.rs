//! Wishes to be left alone: taken in, kept in a file, and granted where it is plain that whoever asks may ask.

use crate::dns::Dns;
use crate::optout::OptOut;
use crate::reach::is_public;
use dane::Epoch;
use dane::name::{Name, parse_domain};
use domain::base::iana::Rtype;
use resolve::Networks;
use resolve::gate::network;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Wishes from one network in an hour.
const PER_NETWORK: u32 = 10;
/// Wishes in an hour.
const IN_ALL: u32 = 1000;
/// Networks that are counted apart.
const NETWORKS: usize = 10_000;
/// Octets of the file; beyond them nothing is taken any more, and the page says whom to write to.
const FILE: u64 = 8 << 20;
/// Characters of a contact.
const CONTACT: usize = 200;
/// The widest network that may be wished for by an address in it: more than that is not one operator's.
const WIDEST_V4: u8 = 24;
const WIDEST_V6: u8 = 48;
/// MX hosts of a domain whose addresses are compared with that of who asks.
const HOSTS: usize = 8;
/// Time for asking the DNS.
const ASK_TIME: Duration = Duration::from_secs(8);
const HOUR: Duration = Duration::from_secs(3600);

/// A wish, as kept: one JSON object on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// When it came.
    pub at: Epoch,
    /// From where.
    pub source: IpAddr,
    /// The domain, address or network.
    pub what: String,
    /// How to answer, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// `accepted`: in force from the next round on. `pending`: until somebody makes it `accepted`.
    pub state: String,
    /// Why it was accepted: `from-the-network`, `from-a-server-of-the-domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Why a wish was not taken.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    /// It is neither a domain nor a network.
    #[error("this is neither a domain nor an address or network such as 192.0.2.0/24")]
    NotUnderstood,
    /// Too many came.
    #[error("too many wishes came from your network or in all; please write to us")]
    TooMany,
    /// It cannot be kept.
    #[error("we cannot keep it now; please write to us")]
    Unkept(#[from] io::Error),
}

/// Takes wishes in.
pub struct Wishes {
    path: PathBuf,
    /// Whether addresses that are not public may ask, too: in a lab.
    lab: bool,
    counts: Mutex<Counts>,
}

struct Counts {
    since: Instant,
    all: u32,
    by_network: HashMap<IpAddr, u32>,
}

/// What is wished for.
enum What {
    Domain(Name),
    Network { shown: String, networks: Networks, narrow: bool },
}

impl Wishes {
    /// Wishes kept in this file, which is made when the first one comes. `destinations` as of the scan: beside a lab, private addresses may ask.
    #[must_use]
    pub fn new(path: PathBuf, destinations: crate::Destinations) -> Self {
        let lab = destinations == crate::Destinations::Any;
        Self { path, lab, counts: Mutex::new(Counts { since: Instant::now(), all: 0, by_network: HashMap::new() }) }
    }

    /// Takes a wish from this address, decides whether it is granted by itself, and keeps it.
    ///
    /// # Errors
    /// If it is not understood, or there are too many, or it cannot be kept.
    pub async fn take(&self, what: &str, contact: &str, source: IpAddr, at: Epoch, dns: &dyn Dns) -> Result<Wish, WishError> {
        let source = source.to_canonical();
        let what = understand(what).ok_or(WishError::NotUnderstood)?;
        if !self.count(source) {
            return Err(WishError::TooMany);
        }
        let may_ask = self.lab || is_public(source);
        let why = match &what {
            What::Network { networks, narrow, .. } => (*narrow && networks.hold(source)).then_some("from-the-network"),
            What::Domain(domain) if may_ask && timeout(ASK_TIME, serves(dns, domain, source)).await == Ok(true) => {
                Some("from-a-server-of-the-domain")
            }
            What::Domain(_) => None,
        };
        let contact: String = contact.trim().chars().filter(|c| !c.is_control()).take(CONTACT).collect();
        let wish = Wish {
            at,
            source,
            what: match what {
                What::Domain(domain) => domain.to_string(),
                What::Network { shown, .. } => shown,
            },
            contact: (!contact.is_empty()).then_some(contact),
            state: if why.is_some() { "accepted" } else { "pending" }.to_owned(),
            why: why.map(str::to_owned),
        };
        self.keep(&wish)?;
        Ok(wish)
    }

    /// Whether one more may come.
    fn count(&self, source: IpAddr) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.since.elapsed() >= HOUR {
            *counts = Counts { since: Instant::now(), all: 0, by_network: HashMap::new() };
        }
        if counts.all >= IN_ALL || (counts.by_network.len() >= NETWORKS && !counts.by_network.contains_key(&network(source))) {
            return false;
        }
        let here = counts.by_network.entry(network(source)).or_default();
        if *here >= PER_NETWORK {
            return false;
        }
        *here += 1;
        counts.all += 1;
        true
    }

    /// Appends, in one piece.
    fn keep(&self, wish: &Wish) -> io::Result<()> {
        let mut line = serde_json::to_string(wish)?;
        line.push('\n');
        // One writer at a time; the counts are ours anyway.
        let _alone = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        if file.metadata()?.len() >= FILE {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }
}

/// Adds the accepted wishes of a file to a list of who is left alone. A torn last line is what a crash leaves, and was never promised.
///
/// # Errors
/// The number of the first line that cannot be read: a wish must not be ignored.
pub fn accepted(text: &str, into: &mut OptOut) -> Result<(), usize> {
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let Ok(wish) = serde_json::from_str::<Wish>(line) else {
            if line.ends_with('\n') {
                return Err(number + 1);
            }
            continue;
        };
        if wish.state == "accepted" && !into.add(&wish.what) {
            return Err(number + 1);
        }
    }
    Ok(())
}

fn understand(text: &str) -> Option<What> {
    let text = text.trim();
    let mut networks = Networks::default();
    if networks.add(text) {
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let v4 = address.parse::<IpAddr>().is_ok_and(|a| a.is_ipv4());
        let narrow = prefix.parse::<u8>().map_or(prefix.is_empty(), |p| p >= if v4 { WIDEST_V4 } else { WIDEST_V6 });
        return Some(What::Network { shown: text.to_owned(), networks, narrow });
    }
    parse_domain(text).ok().filter(|domain| !domain.is_root()).map(What::Domain)
}

/// Whether this address is one of the domain's, or of a host that its MX records name. A top-level domain has no such servers of its own.
async fn serves(dns: &dyn Dns, domain: &Name, source: IpAddr) -> bool {
    if domain.label_count() < 3 {
        return false;
    }
    let mx = dns.lookup(domain, Rtype::MX).await;
    let hosts = dane::mx::listed(&mx).into_iter().filter(|m| !m.is_address()).map(|m| m.host).take(HOSTS);
    let rtype = if source.is_ipv4() { Rtype::A } else { Rtype::AAAA };
    for name in std::iter::once(domain.clone()).chain(hosts) {
        if dns.lookup(&name, rtype).await.records.iter().any(|r| r.data.parse() == Ok(source)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Destinations;
    use crate::dns::DnsFuture;
    use dane::dns::{Lookup, Record, Security};

    /// example.org has its mail at mx.provider.example, which is 192.0.2.25.
    struct Table;

    impl Dns for Table {
        fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
            let mut lookup = Lookup::unasked(name, rtype, 0);
            (lookup.failure, lookup.status) = (None, Security::Insecure);
            let data = match (name.to_string().as_str(), rtype) {
                ("example.org", Rtype::MX) => Some("10 mx.provider.example."),
                ("mx.provider.example", Rtype::A) => Some("198.18.0.25"),
                ("org" | "example.org", Rtype::A) => Some("9.9.9.9"),
                _ => None,
            };
            lookup.records.extend(data.map(|d| Record { owner: name.clone(), ttl: 1, data: d.to_owned() }));
            Box::pin(std::future::ready(lookup))
        }

        fn zone_apex<'a>(&'a self, _: &'a Name) -> DnsFuture<'a, Option<Name>> {
            Box::pin(std::future::ready(None))
        }
    }

    fn wishes(destinations: Destinations) -> (tempfile::TempDir, Wishes) {
        let place = tempfile::tempdir().unwrap();
        let wishes = Wishes::new(place.path().join("wishes.jsonl"), destinations);
        (place, wishes)
    }

    async fn state(wishes: &Wishes, what: &str, source: &str) -> String {
        wishes.take(what, "", source.parse().unwrap(), 7, &Table).await.unwrap().state
    }

    #[tokio::test]
    async fn a_wish_holds_by_itself_only_for_what_is_plainly_ones_own() {
        let (_place, wishes) = wishes(Destinations::PublicOnly);
        for (what, source, expected) in [
            ("9.9.9.0/24", "9.9.9.9", "accepted"),
            ("9.9.9.9", "::ffff:9.9.9.9", "accepted"),
            ("2620:fe::/48", "2620:fe::9", "accepted"),
            ("9.9.9.0/24", "8.8.8.8", "pending"),
            ("0.0.0.0/0", "9.9.9.9", "pending"),
            ("9.9.0.0/16", "9.9.9.9", "pending"),
            ("::/0", "2620:fe::9", "pending"),
            ("Example.ORG.", "9.9.9.9", "accepted"),
            ("example.org", "8.8.8.8", "pending"),
            ("org", "9.9.9.9", "pending"),
            // An address that is nobody's on the Internet proves nothing there.
            ("example.org", "198.18.0.25", "pending"),
        ] {
            assert_eq!(state(&wishes, what, source).await, expected, "{what} from {source}");
        }
        let (_place, wishes) = self::wishes(Destinations::Any);
        assert_eq!(state(&wishes, "example.org", "198.18.0.25").await, "accepted", "one of its MX hosts, in a lab");
        for nonsense in ["", ".", "no name", "9.9.9.0/33", "<script>"] {
            let told = wishes.take(nonsense, "", "9.9.9.9".parse().unwrap(), 7, &Table).await;
            assert!(matches!(told, Err(WishError::NotUnderstood)), "{nonsense}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_fills_the_file() {
        let (_place, wishes) = wishes(Destinations::PublicOnly);
        let wishes = &wishes;
        let ask = |source: String| async move { wishes.take("a.example", "", source.parse().unwrap(), 7, &Table).await };
        for i in 0..PER_NETWORK {
            assert!(ask(format!("9.9.9.{i}")).await.is_ok());
        }
        assert!(matches!(ask("9.9.9.200".into()).await, Err(WishError::TooMany)));
        assert!(ask("9.9.8.1".into()).await.is_ok(), "others may still");
        tokio::time::advance(HOUR).await;
        assert!(ask("9.9.9.200".into()).await.is_ok());
        std::fs::File::options().write(true).open(&wishes.path).unwrap().set_len(FILE).unwrap();
        assert!(matches!(ask("9.9.7.1".into()).await, Err(WishError::Unkept(_))));
    }

    #[tokio::test]
    async fn what_is_kept_is_heeded_if_accepted() {
        let (_place, wishes) = wishes(Destinations::PublicOnly);
        let long = format!("me\n{}", "x".repeat(1000));
        wishes.take("9.9.9.0/24", &long, "9.9.9.9".parse().unwrap(), 7, &Table).await.unwrap();
        wishes.take("pending.example", "", "9.9.9.9".parse().unwrap(), 7, &Table).await.unwrap();
        let text = std::fs::read_to_string(&wishes.path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|l| l.len() < 500));
        let mut opt_out = OptOut::parse("mine.example").unwrap();
        accepted(&text, &mut opt_out).unwrap();
        let pending = dane::name::parse_domain("pending.example").unwrap();
        assert!(opt_out.has_address("9.9.9.1".parse().unwrap()) && !opt_out.has_name(&pending));
        // As whoever runs the scan confirms it.
        accepted(&text.replace("pending\"}", "accepted\"}"), &mut opt_out).unwrap();
        assert!(opt_out.has_name(&pending));
        accepted(&text[..text.len() - 5], &mut opt_out).unwrap();
        assert_eq!(accepted(&text.replace("9.9.9.0/24", "no network"), &mut opt_out), Err(1));
        assert_eq!(accepted("{}\n", &mut opt_out), Err(1));
    }
}
