//! A look at our own addresses: what their names are, where those lead, and what block lists say.

use crate::dns::Dns;
use crate::look::now;
use crate::optout::{OptOut, OptOutError};
use crate::vantage::CHECK_TIME;
use dane::dns::{Lookup, Outcome};
use dane::name::Name;
use dane::observation::{ListAnswer, Listing, Preflight, PtrName, SourceObservation};
use dane::preflight::{reverse_name, reversed};
use domain::base::iana::Rtype;
use resolve::Networks;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Names of one address that are followed.
const NAMES: usize = 4;
/// Block lists that are asked.
const LISTS: usize = 100;
/// Characters kept of what a block list says.
const WORDS: usize = 300;
/// The entry that every list has. (RFC 5782 section 5)
const TEST_ENTRY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Block lists: zones to ask (RFC 5782), and networks from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockLists {
    zones: Vec<Name>,
    /// What the file is called, and what is on it.
    file: Option<(String, Networks)>,
}

impl BlockLists {
    /// Reads a file: one zone of a block list, address or network per line; `#` begins a comment. Addresses and networks are those that are listed
    /// themselves, for who keeps a copy of a list. `called`: the name of the file, for the record.
    ///
    /// # Errors
    /// The first line that is none of these.
    pub fn parse(text: &str, called: &str) -> Result<Self, OptOutError> {
        // The same form as that of opt-outs, but that names are asked instead of spared.
        let (names, networks) = OptOut::parse(text)?.into_parts();
        let file = (networks != Networks::default()).then(|| (called.to_owned(), networks));
        let mut zones: Vec<Name> = names.into_iter().collect();
        zones.sort();
        Ok(Self { zones, file })
    }

    fn in_file(&self, address: IpAddr) -> Vec<ListAnswer> {
        let said = |(called, networks): &(String, Networks)| ListAnswer {
            list: called.clone(),
            answer: if networks.hold(address) { Listing::Listed } else { Listing::NotListed },
            codes: Vec::new(),
            why: None,
        };
        self.file.iter().map(said).collect()
    }
}

/// Looks, at everything side by side. What has no answer in time is unknown.
pub(crate) async fn look(dns: &Arc<dyn Dns>, ehlo: &Name, sources: &[IpAddr], lists: &BlockLists) -> Preflight {
    let mut tasks = JoinSet::new();
    for (place, source) in sources.iter().copied().enumerate() {
        let own = Arc::clone(dns);
        tasks.spawn(async move { (place, Seen::Ptr(timeout(CHECK_TIME, ptr(own.as_ref(), source)).await.ok().flatten())) });
        for zone in lists.zones.iter().take(LISTS) {
            let (own, zone) = (Arc::clone(dns), zone.clone());
            tasks.spawn(async move {
                let list = zone.to_string();
                let answer = timeout(CHECK_TIME, ask(own.as_ref(), source, &zone)).await;
                let silent = ListAnswer { list, answer: Listing::Unanswered, codes: Vec::new(), why: None };
                (place, Seen::List(answer.ok().flatten().unwrap_or(silent)))
            });
        }
    }
    let ehlo = timeout(CHECK_TIME, addresses(dns.as_ref(), ehlo, &families(sources))).await.ok().flatten();
    let mut seen: Vec<SourceObservation> =
        sources.iter().map(|address| SourceObservation { address: *address, ptr: None, lists: lists.in_file(*address) }).collect();
    while let Some(task) = tasks.join_next().await {
        let Ok((place, found)) = task else { continue };
        match (seen.get_mut(place), found) {
            (Some(source), Seen::Ptr(names)) => source.ptr = names,
            (Some(source), Seen::List(answer)) => source.lists.push(answer),
            (None, _) => {}
        }
    }
    for source in &mut seen {
        source.lists.sort_by(|a, b| a.list.cmp(&b.list));
    }
    Preflight { at: now(), ehlo, sources: seen }
}

/// What one question about one address brought.
enum Seen {
    Ptr(Option<Vec<PtrName>>),
    List(ListAnswer),
}

fn families(sources: &[IpAddr]) -> Vec<Rtype> {
    let both = [(Rtype::A, true), (Rtype::AAAA, false)];
    let wanted = |v4: bool| sources.is_empty() || sources.iter().any(|s| s.is_ipv4() == v4);
    both.into_iter().filter(|(_, v4)| wanted(*v4)).map(|(rtype, _)| rtype).collect()
}

/// A name's addresses of these families; `None`: one of them has no answer.
async fn addresses(dns: &dyn Dns, name: &Name, families: &[Rtype]) -> Option<Vec<IpAddr>> {
    let mut found = Vec::new();
    for rtype in families {
        found.extend(data(&dns.lookup(name, *rtype).await)?.iter().filter_map(|d| d.parse::<IpAddr>().ok()));
    }
    Some(found)
}

async fn ptr(dns: &dyn Dns, address: IpAddr) -> Option<Vec<PtrName>> {
    let reverse = Name::from_str(&reverse_name(address)).ok()?;
    let names = data(&dns.lookup(&reverse, Rtype::PTR).await)?;
    let mut found = Vec::new();
    for name in names.iter().take(NAMES).filter_map(|n| Name::from_str(n).ok()) {
        let addresses = addresses(dns, &name, &families(&[address])).await;
        found.push(PtrName { name, addresses });
    }
    Some(found)
}

/// What a block list says of an address. `None`: no answer.
async fn ask(dns: &dyn Dns, address: IpAddr, zone: &Name) -> Option<ListAnswer> {
    let said = |answer, codes, why| Some(ListAnswer { list: zone.to_string(), answer, codes, why });
    let entry = |of| Name::from_str(&format!("{}.{}", reversed(of), zone.fmt_with_dot())).ok();
    let owner = entry(address)?;
    let codes: Vec<IpAddr> = data(&dns.lookup(&owner, Rtype::A).await)?.iter().filter_map(|d| d.parse().ok()).collect();
    match listing(&codes) {
        Listing::Listed => {
            let txt = data(&dns.lookup(&owner, Rtype::TXT).await).unwrap_or_default();
            let words = txt.first().map(|t| t.trim_matches('"').chars().filter(|c| !c.is_control()).take(WORDS).collect());
            said(Listing::Listed, codes, words)
        }
        // A list that has died says nothing of anybody, and must not be taken for one that clears us.
        Listing::NotListed => {
            let test: Vec<IpAddr> = data(&dns.lookup(&entry(TEST_ENTRY)?, Rtype::A).await)?.iter().filter_map(|d| d.parse().ok()).collect();
            let answer = match listing(&test) {
                Listing::Listed => Listing::NotListed,
                Listing::NotListed => Listing::NoList,
                other => other,
            };
            said(answer, test, None)
        }
        other => said(other, codes, None),
    }
}

/// What the A records of a block list mean.
fn listing(codes: &[IpAddr]) -> Listing {
    let v4 = codes.iter().map(|c| if let IpAddr::V4(v4) = c { v4.octets() } else { [0; 4] });
    let (mut refused, mut strange) = (false, false);
    for [a, b, c, d] in v4 {
        refused |= [a, b, c] == [127, 255, 255] || [a, b, c, d] == [127, 0, 0, 1];
        strange |= a != 127;
    }
    match (codes.is_empty(), refused, strange) {
        (true, ..) => Listing::NotListed,
        (_, true, _) => Listing::Refused,
        (_, _, true) => Listing::NoList,
        _ => Listing::Listed,
    }
}

/// The data of an answer, none if it is that there is none. `None`: no answer.
fn data(lookup: &Lookup) -> Option<Vec<String>> {
    match lookup.outcome() {
        Outcome::Data => Some(lookup.records.iter().map(|r| r.data.clone()).collect()),
        Outcome::NoData | Outcome::NxDomain => Some(Vec::new()),
        Outcome::Err => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::DnsFuture;
    use dane::dns::{Record, Security};

    /// A DNS of these records; `?` as data: no answer. What it does not have does not exist.
    struct Table(&'static [(&'static str, Rtype, &'static str)]);

    impl Dns for Table {
        fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
            let mut lookup = Lookup::unasked(name, rtype, 0);
            let found: Vec<&str> =
                self.0.iter().filter(|(owner, t, _)| *owner == name.to_string() && *t == rtype).map(|(_, _, data)| *data).collect();
            if !found.contains(&"?") {
                (lookup.failure, lookup.status) = (None, Security::Insecure);
                lookup.rcode = if found.is_empty() { 3 } else { 0 };
                lookup.records = found.iter().map(|d| Record { owner: name.clone(), ttl: 1, data: (*d).to_owned() }).collect();
            }
            Box::pin(std::future::ready(lookup))
        }

        fn zone_apex<'a>(&'a self, _: &'a Name) -> DnsFuture<'a, Option<Name>> {
            Box::pin(std::future::ready(None))
        }
    }

    async fn seen(records: &'static [(&'static str, Rtype, &'static str)], lists: &str) -> Preflight {
        let dns: Arc<dyn Dns> = Arc::new(Table(records));
        let lists = BlockLists::parse(lists, "copy.txt").unwrap();
        look(&dns, &dane::name::parse_domain("us.example").unwrap(), &["192.0.2.1".parse().unwrap()], &lists).await
    }

    const REVERSE: &str = "1.2.0.192.in-addr.arpa";

    #[tokio::test]
    async fn names_and_addresses_are_followed_both_ways() {
        let good = seen(&[("us.example", Rtype::A, "192.0.2.1"), (REVERSE, Rtype::PTR, "us.example.")], "").await;
        let us: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(good.ehlo, Some(vec![us]));
        let names = good.sources[0].ptr.as_ref().unwrap();
        assert_eq!((names[0].name.to_string().as_str(), &names[0].addresses), ("us.example", &Some(vec![us])));
        let silent = seen(&[("us.example", Rtype::A, "?"), (REVERSE, Rtype::PTR, "us.example.")], "").await;
        assert_eq!((silent.ehlo, silent.sources[0].ptr.as_ref().unwrap()[0].addresses.clone()), (None, None));
        assert_eq!(seen(&[(REVERSE, Rtype::PTR, "?")], "").await.sources[0].ptr, None);
        let none = seen(&[], "").await;
        assert_eq!((none.ehlo, none.sources[0].ptr.clone()), (Some(vec![]), Some(vec![])));
    }

    /// RFC 5782 sections 2.1 and 5; 127.255.255.0/24 as large lists have it for resolvers that they refuse.
    #[tokio::test]
    async fn block_lists_are_believed_only_if_they_answer_as_lists() {
        let records = &[
            ("1.2.0.192.bad.example", Rtype::A, "127.0.0.4"),
            ("1.2.0.192.bad.example", Rtype::TXT, "\"Open relay, see https://bad.example/\""),
            ("2.0.0.127.good.example", Rtype::A, "127.0.0.2"),
            ("1.2.0.192.refusing.example", Rtype::A, "127.255.255.254"),
            ("2.0.0.127.shy.example", Rtype::A, "127.0.0.1"),
            ("1.2.0.192.parked.example", Rtype::A, "203.0.113.80"),
            ("1.2.0.192.silent.example", Rtype::A, "?"),
        ];
        let zones = "bad.example\ngood.example\nrefusing.example\nshy.example\nparked.example\nsilent.example\ndead.example\n";
        let seen = seen(records, &format!("{zones}192.0.2.0/24\n")).await;
        let told: Vec<(&str, Listing)> = seen.sources[0].lists.iter().map(|l| (l.list.as_str(), l.answer)).collect();
        let expected = [
            ("bad.example", Listing::Listed),
            ("copy.txt", Listing::Listed),
            ("dead.example", Listing::NoList),
            ("good.example", Listing::NotListed),
            ("parked.example", Listing::NoList),
            ("refusing.example", Listing::Refused),
            ("shy.example", Listing::Refused),
            ("silent.example", Listing::Unanswered),
        ];
        assert_eq!(told, expected);
        assert_eq!(seen.sources[0].lists[0].why.as_deref(), Some("Open relay, see https://bad.example/"));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error() {
        assert_eq!(BlockLists::parse("# none\n", "f").unwrap(), BlockLists::default());
        assert!(BlockLists::parse("bl.example\nno name\n", "f").is_err_and(|e| e.line == 2));
        assert_eq!(BlockLists::parse("10.0.0.0/8\n", "f").unwrap().in_file("192.0.2.1".parse().unwrap())[0].answer, Listing::NotListed);
    }
}
