//! Plays a scenario of Unbound, Deckard or `domain` (.rpl) as a recursive CD=1 upstream: no sockets, a question in, a message out.
//!
//! A scenario scripts the authoritative servers by address. The player resolves through them: it looks in the closest zone it knows
//! servers for, follows aliases, and makes DS responses out of referrals.

mod load;

use std::collections::{BTreeSet, HashMap};

use dnssec::{Epoch, Name, Question};

pub use super::record::{Rr, record};
use domain::base::iana::Rtype;

#[derive(Clone, Debug, Default)]
struct Entry {
    matches: BTreeSet<String>,
    adjust: BTreeSet<String>,
    rcode: u16,
    question: Option<(Name, Rtype)>,
    answer: Vec<Rr>,
    authority: Vec<Rr>,
    additional: Vec<Rr>,
    raw: bool,
}

#[derive(Clone, Debug)]
struct Range {
    begin: u64,
    end: u64,
    addresses: Vec<String>,
    entries: Vec<Entry>,
}

/// A scenario.
#[derive(Debug)]
pub struct Scenario {
    ranges: Vec<Range>,
    /// Trust anchors, one a line.
    pub anchors: String,
    /// The configuration demands signatures by all algorithms.
    pub all_algorithms: bool,
    /// Servers by zone, in the order met.
    zones: Vec<(Name, BTreeSet<String>)>,
    referrals: Vec<(Name, usize, usize)>,
}

type Reply = (u16, Vec<Rr>, Vec<Rr>);

const FAILURES: [u16; 4] = [1, 2, 4, 5];

impl Entry {
    fn referral(&self) -> Option<Name> {
        let question = &self.question.as_ref()?.0;
        if self.rcode != 0 || !self.answer.is_empty() || self.authority.iter().any(|r| r.rtype == Rtype::SOA) {
            return None;
        }
        let sub = self.matches.contains("subdomain");
        self.authority.iter().find(|r| r.rtype == Rtype::NS && (sub || question.ends_with(&r.owner))).map(|r| r.owner.clone())
    }

    fn fits(&self, name: &Name, rtype: Rtype) -> bool {
        let Some((asked, asked_type)) = &self.question else { return false };
        let has = |words: &[&str]| words.iter().any(|w| self.matches.contains(*w));
        let name_fits = if has(&["subdomain"]) { name.ends_with(asked) } else { !has(&["qname", "question", "all"]) || name == asked };
        let type_fits = !has(&["qtype", "question", "all"]) || rtype == *asked_type;
        name_fits && type_fits && has(&["qname", "qtype", "question", "subdomain", "opcode", "all"])
    }

    fn view(&self, name: &Name) -> Reply {
        let mut answer = self.answer.clone();
        if let Some((asked, _)) = &self.question
            && self.adjust.contains("copy_query")
            && asked != name
        {
            answer.iter_mut().filter(|r| r.owner == *asked).for_each(|r| r.owner = name.clone());
        }
        (self.rcode, answer, self.authority.clone())
    }

    /// The DS response hidden in a referral.
    fn ds_of(&self, name: &Name) -> Reply {
        let ds: Vec<Rr> = self.authority.iter().filter(|r| r.owner == *name && r.is(&[Rtype::DS])).cloned().collect();
        if ds.iter().any(|r| r.rtype == Rtype::DS) {
            return (0, ds, vec![]);
        }
        (0, vec![], self.authority.iter().filter(|r| r.is(&[Rtype::NSEC, Rtype::NSEC3])).cloned().collect())
    }
}

impl Scenario {
    fn new(ranges: Vec<Range>, config: load::Config) -> Self {
        let mut addresses: HashMap<Name, Vec<String>> = HashMap::new();
        let entries = || ranges.iter().flat_map(|r| &r.entries);
        for rr in entries().flat_map(|e| e.answer.iter().chain(&e.authority).chain(&e.additional)) {
            if let Some(address) = load::address(rr) {
                addresses.entry(rr.owner.clone()).or_default().push(address);
            }
        }
        let mut zones: Vec<(Name, BTreeSet<String>)> = Vec::new();
        let mut add = |zone: Name, found: Vec<String>| match zones.iter_mut().find(|(z, _)| *z == zone) {
            Some((_, set)) => set.extend(found),
            None => zones.push((zone, found.into_iter().collect())),
        };
        for rr in entries().flat_map(|e| e.authority.iter().chain(&e.answer)).filter(|rr| rr.rtype == Rtype::NS) {
            add(rr.owner.clone(), rr.target().and_then(|t| addresses.get(&t)).cloned().unwrap_or_default());
        }
        for (zone, address) in config.servers {
            add(zone.parse().unwrap(), vec![address]);
        }
        let mut referrals = Vec::new();
        for (i, range) in ranges.iter().enumerate() {
            for (j, entry) in range.entries.iter().enumerate() {
                referrals.extend(entry.referral().filter(|z| !z.is_root()).map(|z| (z, i, j)));
            }
        }
        Self { ranges, anchors: config.anchors, all_algorithms: config.all_algorithms, zones, referrals }
    }

    fn lookup(&self, address: &str, name: &Name, rtype: Rtype, step: u64) -> Option<&Entry> {
        let ranges = self.ranges.iter().filter(|r| (r.begin..=r.end).contains(&step));
        let mut entries = ranges.filter(|r| r.addresses.is_empty() || r.addresses.iter().any(|a| a == address)).flat_map(|r| &r.entries);
        entries.find(|e| e.fits(name, rtype) && !e.adjust.contains("do_not_answer"))
    }

    fn resolve_one(&self, name: &Name, rtype: Rtype, step: u64) -> Option<Reply> {
        let mut zones: Vec<_> =
            self.zones.iter().filter(|(z, _)| name.ends_with(z) && !(rtype == Rtype::DS && z == name && !z.is_root())).collect();
        zones.sort_by_key(|(z, _)| std::cmp::Reverse(z.label_count()));
        let mut failure = None;
        for (zone, addresses) in zones {
            for address in addresses {
                let Some(entry) = self.lookup(address, name, rtype, step).filter(|e| !e.raw) else { continue };
                match entry.referral() {
                    Some(cut) if cut != *zone && cut.ends_with(zone) => {
                        if rtype == Rtype::DS && cut == *name {
                            return Some(entry.ds_of(name));
                        }
                        if cut != *name || rtype != Rtype::NS {
                            continue;
                        }
                    }
                    Some(cut) if cut == *zone && !entry.authority.iter().any(|r| matches!(r.rtype, Rtype::NSEC | Rtype::NSEC3)) => {
                        continue;
                    }
                    _ => {}
                }
                if FAILURES.contains(&entry.rcode) {
                    failure = failure.or(Some(entry));
                    continue;
                }
                return Some(entry.view(name));
            }
        }
        if rtype == Rtype::DS {
            for (_, i, j) in self.referrals.iter().filter(|(cut, ..)| cut == name) {
                if (self.ranges[*i].begin..=self.ranges[*i].end).contains(&step) {
                    return Some(self.ranges[*i].entries[*j].ds_of(name));
                }
            }
        }
        let entries = self.ranges.iter().filter(|r| (r.begin..=r.end).contains(&step)).flat_map(|r| &r.entries);
        let direct = entries.filter(|e| e.question.as_ref() == Some(&(name.clone(), rtype)) && !e.raw);
        let direct = direct.filter(|e| e.referral().is_none() && matches!(e.rcode, 0 | 3)).map(|e| e.view(name)).next();
        direct.or_else(|| failure.map(|e| e.view(name)))
    }

    fn resolve(&self, name: &Name, rtype: Rtype, step: u64) -> Reply {
        let (mut rcode, mut answer, mut authority): Reply = (0, vec![], vec![]);
        let mut at = name.clone();
        let mut seen = BTreeSet::new();
        for _ in 0..14 {
            let Some((code, more, auth)) = self.resolve_one(&at, rtype, step) else {
                return (if answer.is_empty() { 2 } else { rcode }, answer, authority);
            };
            rcode = code;
            add_new(&mut answer, more);
            let nothing = auth.is_empty();
            add_new(&mut authority, auth);
            if matches!(rtype, Rtype::CNAME | Rtype::ANY | Rtype::RRSIG) {
                break;
            }
            let mut moved = false;
            while !answer.iter().any(|r| r.owner == at && r.rtype == rtype) {
                let Some(target) = next_alias(&mut answer, &at) else { break };
                if seen.contains(&target) {
                    break;
                }
                seen.insert(at);
                at = target;
                moved = true;
            }
            if answer.iter().any(|r| r.owner == at && r.rtype == rtype) || !moved || (rcode == 3 && !nothing) {
                break;
            }
        }
        (rcode, answer, authority)
    }

    /// The response message to a question.
    pub fn respond(&self, question: &Question, step: u64) -> Vec<u8> {
        let (rcode, answer, authority) = self.resolve(&question.name, question.rtype, step);
        message(question, rcode, &answer, &authority)
    }
}

fn add_new(to: &mut Vec<Rr>, from: Vec<Rr>) {
    let old = to.len();
    for rr in from {
        if !to[..old].iter().any(|r| (&r.owner, r.rtype, &r.data) == (&rr.owner, rr.rtype, &rr.data)) {
            to.push(rr);
        }
    }
}

/// The target of the alias at a name; the CNAME that a DNAME stands for is added.
fn next_alias(answer: &mut Vec<Rr>, at: &Name) -> Option<Name> {
    if let Some(cname) = answer.iter().find(|r| r.owner == *at && r.rtype == Rtype::CNAME) {
        return cname.target();
    }
    let dname = answer.iter().find(|r| r.rtype == Rtype::DNAME && at.ends_with(&r.owner) && *at != r.owner)?.clone();
    let mut data = at.as_slice()[..at.len() - dname.owner.len()].to_vec();
    data.extend_from_slice(&dname.data);
    answer.push(Rr { owner: at.clone(), ttl: dname.ttl, rtype: Rtype::CNAME, data });
    answer.last()?.target()
}

/// A response in wire form, uncompressed.
pub fn message(question: &Question, rcode: u16, answer: &[Rr], authority: &[Rr]) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend((0x8180 | rcode).to_be_bytes());
    for count in [1, answer.len(), authority.len(), 0] {
        out.extend(u16::try_from(count).unwrap().to_be_bytes());
    }
    out.extend(question.name.as_slice());
    out.extend(question.rtype.to_int().to_be_bytes());
    out.extend([0, 1]);
    for rr in answer.iter().chain(authority) {
        out.extend(rr.owner.as_slice());
        out.extend(rr.rtype.to_int().to_be_bytes());
        out.extend([0, 1]);
        out.extend(rr.ttl.to_be_bytes());
        out.extend(u16::try_from(rr.data.len()).unwrap().to_be_bytes());
        out.extend(&rr.data);
    }
    out
}

/// `YYYYMMDDHHMMSS` or epoch seconds.
pub fn epoch(time: &str) -> Epoch {
    if time.len() != 14 {
        return time.parse().unwrap();
    }
    let n = |from: usize, to: usize| time[from..to].parse::<i64>().unwrap();
    let (y, m, d) = (n(0, 4), n(4, 6), n(6, 8));
    // Days from civil, counting years from March.
    let (y, m) = if m <= 2 { (y - 1, m + 9) } else { (y, m - 3) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + d - 1 - 719_468;
    days * 86_400 + n(8, 10) * 3600 + n(10, 12) * 60 + n(12, 14)
}

#[allow(unused_imports, reason = "not every test plays scenarios")]
pub use load::load;
