//! A made-up history straight into the states of an archive: told by its changes, so that years take minutes.

use crate::common::roots::Trust;
use archive::Error;
use archive::import::dane_study::{Failure, WhyBogus, WhyFail, status as smtp_status};
use archive::states::model::{
    ChainId, DomainSeen, Notes, ServerId, ServerKey, ServerSeen, ServerVerdict, Snapshot, TlsaSetId, Versions, WordId,
};
use archive::states::{Bulk, BulkRound, Look, Parts, Writer};
use dane::Epoch;
use dane::cert::Certificate;
use dane::dns::Security;
use dane::paper::{paper_match, paper_valid};
use dane::verdict::RULES_VERSION;
use lab::history::domains::{DomainChange, DomainState, Domains};
use lab::history::{self, CITIES, Change, Dnssec, History, Sight};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::path::Path;

/// The vantage point of daily looks at domains: their rounds are not those of the servers.
const DAILY: &str = "daily";
const DAY: i64 = 86_400;

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Rounds of all vantage points.
    pub rounds: u64,
    /// Looks at servers and domains that the states stand for.
    pub observations: u64,
}

/// Whether states note when signatures over TLSA records begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// As the form of the studies, once it is imported.
    Unnoted,
    /// They are new every day.
    Noted,
}

/// How looks are put down.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// What states note.
    pub signatures: Signatures,
    /// Seconds between rounds at servers; an hour is a whole number of them. What changes changes on the hour all the same.
    pub every: i64,
}

/// Writes the states of servers and domains below a directory that has none.
///
/// # Errors
/// If it has some; those of the archive.
pub fn write(root: &Path, history: &History, domains: Option<&Domains>, manner: Manner) -> Result<Made, Error> {
    let mut writer = Writer::open(root)?;
    if let Some(round) = writer.snapshots().first() {
        let detail = "there are states already, and a history would not go on where they end; name another directory".to_owned();
        let vantage = CITIES[0].to_owned();
        return Err(Error::Round { path: root.join("states"), vantage, slot: round.scheduled_s, detail });
    }
    let mut bulk = writer.bulk()?;
    let mut made = Made::default();
    if history.config().servers > 0 {
        Servers::new(history, manner, &mut bulk).all(&mut bulk, &mut made)?;
    }
    if let Some(domains) = domains {
        daily(domains, history.config().start, &mut bulk, &mut made)?;
    }
    bulk.finish()?;
    Ok(made)
}

/// A round in which everything was looked at.
fn snapshot(vantage: WordId, danelaw: WordId, slot: Epoch, every: i64, seen: u64) -> Snapshot {
    Snapshot {
        vantage,
        scheduled_s: slot,
        every_s: u32::try_from(every).unwrap_or(u32::MAX),
        started_s: slot,
        finished_s: Some(slot),
        clock_offset_ms: None,
        targets_sha256: None,
        targets: seen,
        done: seen,
        servers: None,
        domains: None,
        complete: true,
        config_sha256: None,
        versions: Versions { danelaw: Some(danelaw), rules: RULES_VERSION, ..Versions::default() },
        content: Default::default(),
    }
}

/// What a chain means with a set, by the time from which on it does: certificates expire.
struct Meaning {
    matches: Option<bool>,
    valid: Vec<(Epoch, Option<bool>)>,
}

/// What a server shows now at a vantage point.
#[derive(Clone, Copy)]
struct Now {
    sight: Sight,
    look: Look<ServerId, ServerSeen>,
}

/// Servers on their way through time.
struct Servers<'a> {
    history: &'a History,
    manner: Manner,
    trust: Trust,
    danelaw: WordId,
    keys: Vec<ServerId>,
    vantages: Vec<WordId>,
    chains: Vec<Option<ChainId>>,
    sets: Vec<Option<TlsaSetId>>,
    meanings: HashMap<(history::ChainId, history::SetId, Security), Meaning>,
    /// By vantage point and server.
    now: Vec<Vec<Option<Now>>>,
    /// How many there are, by vantage point.
    there: Vec<u64>,
    /// When a certificate that is shown begins or ceases to be valid: vantage point and server.
    bounds: BinaryHeap<Reverse<(Epoch, usize, usize)>>,
    /// Servers that this round may see otherwise, by vantage point: a missed round leaves them to the next.
    touched: Vec<BTreeSet<usize>>,
}

impl<'a> Servers<'a> {
    fn new(history: &'a History, manner: Manner, bulk: &mut Bulk<'_>) -> Self {
        let parts = bulk.parts();
        let (sets, chains) = history.sizes();
        let servers = history.truth().len();
        let vantages = &CITIES[..history.config().vantages];
        Self {
            history,
            manner,
            trust: Trust::mozilla(),
            danelaw: parts.word(env!("CARGO_PKG_VERSION")),
            keys: history.truth().iter().map(|server| parts.server(&ServerKey::new(&server.host, 25, None))).collect(),
            vantages: vantages.iter().map(|city| parts.word(city)).collect(),
            chains: vec![None; chains],
            sets: vec![None; sets],
            meanings: HashMap::new(),
            now: vec![vec![None; servers]; vantages.len()],
            there: vec![0; vantages.len()],
            bounds: BinaryHeap::new(),
            touched: vec![BTreeSet::new(); vantages.len()],
        }
    }

    fn all(mut self, bulk: &mut Bulk<'_>, made: &mut Made) -> Result<(), Error> {
        let rounds: Vec<BTreeSet<Epoch>> = (0..self.vantages.len()).map(|v| self.history.rounds(v).into_iter().collect()).collect();
        let mut changes = self.history.changes().peekable();
        let hours: BTreeSet<Epoch> = rounds.iter().flatten().copied().collect();
        let within = (0..self.history.interval()).step_by(usize::try_from(self.manner.every).unwrap_or(usize::MAX).max(1));
        for (hour, slot) in hours.iter().flat_map(|hour| within.clone().map(move |after| (hour, hour + after))) {
            while let Some(change) = changes.next_if(|change| change.at <= slot) {
                self.change(&change);
            }
            while let Some(Reverse((at, vantage, server))) = self.bounds.pop() {
                if at > slot {
                    self.bounds.push(Reverse((at, vantage, server)));
                    break;
                }
                self.touched[vantage].insert(server);
            }
            for vantage in (0..self.vantages.len()).filter(|vantage| rounds[*vantage].contains(hour)) {
                self.round(vantage, slot, bulk)?;
                made.rounds += 1;
                made.observations += self.there[vantage];
            }
        }
        Ok(())
    }

    fn change(&mut self, change: &Change) {
        let blank = Look { key: self.keys[change.server], seen: ServerSeen::default(), notes: Notes::default() };
        let place = &mut self.now[change.vantage][change.server];
        let old = std::mem::replace(place, change.sight.map(|sight| Now { sight, look: blank }));
        let there = &mut self.there[change.vantage];
        *there = *there + u64::from(change.sight.is_some()) - u64::from(old.is_some());
        self.touched[change.vantage].insert(change.server);
    }

    fn round(&mut self, vantage: usize, slot: Epoch, bulk: &mut Bulk<'_>) -> Result<(), Error> {
        let whole = snapshot(self.vantages[vantage], self.danelaw, slot, self.manner.every, self.there[vantage]);
        let mut round = bulk.begin(&Snapshot { servers: Some(0), ..whole })?;
        for server in std::mem::take(&mut self.touched[vantage]) {
            match self.now[vantage][server] {
                None => round.gone_server(self.keys[server]),
                Some(now) => {
                    let look = Look { seen: self.seen(now.sight, slot, (vantage, server), round.parts()), ..now.look };
                    let look = Look { notes: self.notes(now.sight, slot), ..look };
                    self.now[vantage][server] = Some(Now { look, ..now });
                    round.server(&look)?;
                }
            }
        }
        if self.manner.signatures == Signatures::Noted {
            self.sign_anew(vantage, slot, &mut round)?;
        }
        round.end()
    }

    /// Signatures of a new day, where they have not been seen yet.
    fn sign_anew(&mut self, vantage: usize, slot: Epoch, round: &mut BulkRound<'_, '_>) -> Result<(), Error> {
        for server in 0..self.keys.len() {
            let Some(now) = self.now[vantage][server] else { continue };
            let notes = self.notes(now.sight, slot);
            if notes != now.look.notes {
                let look = Look { notes, ..now.look };
                self.now[vantage][server] = Some(Now { look, ..now });
                // Begun in this round it has them already.
                round.server(&look)?;
            }
        }
        Ok(())
    }

    fn notes(&self, sight: Sight, slot: Epoch) -> Notes {
        let signed = sight.tlsa.is_some_and(|answer| answer.dnssec != Dnssec::Unsigned);
        let window = (signed && self.manner.signatures == Signatures::Noted).then(|| history::signature(slot));
        Notes { sig_inception_s: window.map(|w| w.0), sig_expiration_s: window.map(|w| w.1), rules: RULES_VERSION, ..Notes::default() }
    }

    fn seen(&mut self, sight: Sight, slot: Epoch, whose: (usize, usize), parts: &mut Parts) -> ServerSeen {
        let dns = match sight.tlsa {
            None => ServerSeen::default(),
            Some(answer) => {
                let (status, why) = status(answer.dnssec);
                let place = &mut self.sets[answer.set as usize];
                ServerSeen {
                    tlsa_set: Some(*place.get_or_insert_with(|| parts.tlsa_set(self.history.records(answer.set).to_vec()))),
                    ttl: Some(answer.ttl),
                    dnssec: Some(status),
                    reason: why.map(|why| parts.word(WhyBogus::of(why).code())),
                    signed: Some(answer.dnssec != Dnssec::Unsigned),
                    ..ServerSeen::default()
                }
            }
        };
        match sight.chain {
            Err(text) => {
                // The words that an import of the same history has.
                let (word, code) = smtp_status(&Failure { class: WhyFail::of(text), text: text.to_owned() });
                ServerSeen { smtp_status: word.map(|word| parts.word(word)), smtp_code: code, ..dns }
            }
            Ok(chain) => {
                let place = &mut self.chains[chain as usize];
                let kept = *place.get_or_insert_with(|| {
                    let certificates = self.history.certificates(chain);
                    parts.chain(certificates.iter().map(|cert| &*cert.0))
                });
                let verdict = sight.tlsa.map_or_else(ServerVerdict::default, |answer| self.verdict(chain, answer, slot, whose));
                ServerSeen { chain: Some(kept), smtp_status: Some(parts.word("ok")), verdict, ..dns }
            }
        }
    }

    /// What it means at this time; that it will be looked at again when that may change.
    fn verdict(
        &mut self,
        chain: history::ChainId,
        answer: history::Answer,
        slot: Epoch,
        (vantage, server): (usize, usize),
    ) -> ServerVerdict {
        let (status, _) = status(answer.dnssec);
        let (history, trust) = (self.history, &self.trust);
        let meaning =
            self.meanings.entry((chain, answer.set, status)).or_insert_with(|| meaning(history, trust, chain, answer.set, status));
        let place = meaning.valid.partition_point(|(from, _)| *from <= slot);
        if let Some((next, _)) = meaning.valid.get(place) {
            self.bounds.push(Reverse((*next, vantage, server)));
        }
        let valid = place.checked_sub(1).and_then(|place| meaning.valid[place].1);
        ServerVerdict { paper_match: meaning.matches, paper_valid: valid, ..ServerVerdict::default() }
    }
}

/// The status of an answer, and what unbound says of one that is bogus.
fn status(dnssec: Dnssec) -> (Security, Option<&'static str>) {
    match dnssec {
        Dnssec::Secure => (Security::Secure, None),
        Dnssec::NoDs | Dnssec::Unsigned => (Security::Insecure, None),
        Dnssec::Bogus(why) => (Security::Bogus, Some(why)),
    }
}

/// What a chain means with a set over all time. Roots come and go, too, but none of theirs issued what was made up here.
fn meaning(history: &History, trust: &Trust, chain: history::ChainId, set: history::SetId, status: Security) -> Meaning {
    let (certificates, records) = (history.certificates(chain), history.records(set));
    let start = history.config().start;
    let read = certificates.iter().filter_map(|cert| Certificate::parse_shared(cert).ok());
    let bounds = read.flat_map(|cert| [cert.not_before, cert.not_after.map(|last| last.saturating_add(1))]);
    let from: BTreeSet<Epoch> = bounds.flatten().filter(|at| *at > start).chain([start]).collect();
    let roots = trust.at(start);
    let mut valid: Vec<(Epoch, Option<bool>)> = Vec::new();
    for at in from {
        let now = paper_valid(status, &certificates, records, &roots, at);
        if valid.last().is_none_or(|(_, before)| *before != now) {
            valid.push((at, now));
        }
    }
    Meaning { matches: paper_match(&certificates, records, &roots), valid }
}

/// The daily rounds of domains.
fn daily(domains: &Domains, start: Epoch, bulk: &mut Bulk<'_>, made: &mut Made) -> Result<(), Error> {
    let (vantage, danelaw) = (bulk.parts().word(DAILY), bulk.parts().word(env!("CARGO_PKG_VERSION")));
    let mut changes = domains.changes().peekable();
    let mut there = 0_u64;
    let mut known = DomainParts::default();
    let mut present: Vec<bool> = vec![false; domains.config().domains as usize];
    for day in 0..domains.config().days {
        // How many there are is known when the round is told.
        let slot = start + i64::from(day) * DAY;
        let today = std::iter::from_fn(|| changes.next_if(|change| change.day <= day));
        let mut round = bulk.begin(&Snapshot { domains: Some(0), ..snapshot(vantage, danelaw, slot, DAY, 0) })?;
        for change in today {
            let was = std::mem::replace(&mut present[change.number as usize], change.state.is_some());
            there = there + u64::from(change.state.is_some()) - u64::from(was);
            domain(&change, &mut known, &mut round)?;
        }
        round.targets(there);
        round.end()?;
        made.rounds += 1;
        made.observations += there;
    }
    Ok(())
}

/// Numbers of what millions of domains share, by the names of their first MX host.
#[derive(Default)]
struct DomainParts {
    providers: HashMap<String, (archive::states::model::MxSetId, archive::states::model::NsSetId)>,
}

fn domain(change: &DomainChange, known: &mut DomainParts, round: &mut BulkRound<'_, '_>) -> Result<(), Error> {
    let key = round.parts().domain(&change.domain);
    let Some(state) = &change.state else {
        round.gone_domain(key);
        return Ok(());
    };
    let seen = domain_seen(&change.domain, state, known, round.parts());
    round.domain(&Look { key, seen, notes: Notes { rules: RULES_VERSION, ..Notes::default() } })
}

fn domain_seen(name: &str, state: &DomainState, known: &mut DomainParts, parts: &mut Parts) -> DomainSeen {
    let sets = |parts: &mut Parts| (parts.mx_set([(10, &*state.mx[0]), (20, &*state.mx[1])]), parts.ns_set([&*state.ns]));
    let own = state.mx[0].ends_with(name);
    let (mx_set, ns_set) = match known.providers.get(&state.mx[0]) {
        _ if own => sets(parts),
        Some(sets) => *sets,
        None => *known.providers.entry(state.mx[0].clone()).or_insert(sets(parts)),
    };
    DomainSeen {
        tld: Some(parts.word(name.rsplit('.').next().unwrap_or_default())),
        mx_set: Some(mx_set),
        ns_set: Some(ns_set),
        addresses: 2,
        tlsa: state.tlsa.iter().map(|has| u16::from(*has)).sum(),
        hosts: 2,
        ds: Some(state.signed),
        dnskey: Some(state.signed),
        signed: Some(state.signed),
        status: Some(if state.signed { Security::Secure } else { Security::Insecure }),
        reason: None,
        standing: None,
    }
}
