//! The sentences of the RFCs, one by one, on a small zone with two servers and two addresses.

mod simulation;

use dane::dns::Security;
use dane::rollover::ChainId;
use dane::tlsa::Tlsa;
use rollover::cover::{self, Gap};
use rollover::deploy::MayDeploy;
use rollover::key::{Chain, Key, KeyType};
use rollover::look::{AddressLook, Look, Place, Said, ServerLook};
use rollover::machine::{Action, Advance, Lane, Machine, State, Urgency};
use rollover::phase::Phase;
use rollover::plan::{Transition, transition};
use rollover::rrset::RrSet;
use rollover::time::Now;
use rollover::why::Code;
use simulation::library::{Library, OWN};

const AT: i64 = 1_800_000_000;
const TTL: u32 = 3600;
const LANE: &str = "mx ecdsa";

fn set(records: &[Tlsa]) -> RrSet {
    records.iter().cloned().collect()
}

fn said(records: &RrSet, ttl: u32) -> Option<Said> {
    let signature = Some((AT - 86_400, AT + 13 * 86_400));
    Some(Said { set: records.clone(), ttl, security: Security::Secure, reason: String::new(), signature })
}

fn servers(look: &mut Look, each: [&RrSet; 2], ttl: u32) {
    look.servers = (0..2).map(|i| ServerLook { server: format!("ns{i}"), said: said(each[i], ttl) }).collect();
    look.primary = Some(each[0].clone());
}

fn place(library: &Library, i: u8) -> Place {
    Place { host: library.host.clone(), address: [192, 0, 2, i].into() }
}

fn addresses(look: &mut Look, library: &Library, each: [ChainId; 2]) {
    let seen = |i: usize| AddressLook { place: place(library, i as u8), shown: vec![library.shown(each[i]).clone()] };
    look.addresses = (0..2).map(seen).collect();
}

/// Makes the first set from the keys and chains.
type Serve = fn(&Library, &[Key], &[ChainId]) -> Vec<Tlsa>;

/// A world of three keys, each with a chain, and a state that begins with the first.
struct Small {
    library: Library,
    keys: Vec<Key>,
    chains: Vec<ChainId>,
    machine: Machine,
    state: State,
    look: Look,
    seconds: i64,
}

impl Small {
    /// All servers serve this set; the second key lies ready.
    fn new(serve: impl Fn(&Library, &[Key], &[ChainId]) -> Vec<Tlsa>) -> Self {
        let mut library = Library::new(8);
        let numbers: Vec<usize> = (0..3).map(|_| library.new_key()).collect();
        let keys: Vec<Key> = numbers.iter().map(|number| library.key(*number)).collect();
        let chains: Vec<ChainId> = numbers.iter().map(|number| library.chain(*number, OWN, 0)).collect();
        let lane = Lane::new(LANE, vec![library.host.clone()], KeyType::Ecdsa, keys[0].clone(), AT + 365 * 86_400);
        let mut look = Look::default();
        let first = set(&serve(&library, &keys, &chains));
        servers(&mut look, [&first, &first], TTL);
        addresses(&mut look, &library, [chains[0], chains[0]]);
        look.prepared = vec![(LANE.to_owned(), keys[1].clone())];
        Self { library, keys, chains, machine: Machine::default(), state: State::new(vec![lane]), look, seconds: 0 }
    }

    /// The usual beginning: `3 1 1` of the key in use.
    fn usual() -> Self {
        Self::new(|_, keys, _| vec![keys[0].record(1).unwrap()])
    }

    fn record(&self, key: usize) -> Tlsa {
        self.keys[key].record(1).unwrap()
    }

    fn now(&self) -> Now {
        Now { wall: AT + self.seconds, boot: 1, uptime: self.seconds }
    }

    fn advance(&mut self) -> Advance {
        let advance = self.machine.advance(self.state.clone(), &self.look, self.now());
        self.state = advance.state.clone();
        advance
    }

    /// Advances, and lets every server take up the change that is asked for.
    fn publish(&mut self) {
        let advance = self.advance();
        let change = change(&advance).expect("a change is wanted");
        servers(&mut self.look, [&change, &change], TTL);
        self.advance();
    }

    fn phase(&self) -> &'static str {
        self.state.lanes[0].phase.word()
    }

    fn may_deploy(&self, chain: usize) -> MayDeploy {
        let chain = self.library.shown(self.chains[chain]);
        self.machine.may_deploy(&self.state, LANE, chain, &self.look, self.now())
    }

    fn wait(&mut self, seconds: i64) -> &'static str {
        self.seconds += seconds;
        self.advance();
        self.phase()
    }
}

fn change(advance: &Advance) -> Option<RrSet> {
    advance.actions.iter().find_map(|action| if let Action::Change(change) = action { Some(change.result()) } else { None })
}

fn installs(advance: &Advance) -> Option<(Key, usize)> {
    advance.actions.iter().find_map(|a| if let Action::Install { key, places, .. } = a { Some((key.clone(), places.len())) } else { None })
}

// R-094 rfc7671#8.1: current and next; R-091 rfc7672#4: both before anything is deployed.
#[test]
fn a_whole_life() {
    let mut small = Small::usual();
    small.publish();
    assert_eq!(small.look.primary, Some(set(&[small.record(0), small.record(1)])));
    assert_eq!(small.phase(), "settling");
    assert!(matches!(small.may_deploy(1), MayDeploy::NotBefore(at, _) if at == AT + 2 * 3600), "{:?}", small.may_deploy(1));
    assert_eq!(small.may_deploy(0), MayDeploy::Yes, "a renewal with the key in use harms nobody");
    assert!(matches!(small.may_deploy(2), MayDeploy::RenewWith(key, _) if key == small.keys[0]));
    assert_eq!(small.wait(2 * 3600), "ready");
    assert_eq!(small.may_deploy(1), MayDeploy::Yes);
    addresses(&mut small.look, &small.library, [small.chains[0], small.chains[1]]);
    assert_eq!(small.wait(60), "switching");
    assert_eq!(installs(&small.advance()), Some((small.keys[1].clone(), 1)), "the other address follows");
    addresses(&mut small.look, &small.library, [small.chains[1]; 2]);
    small.look.prepared = vec![(LANE.to_owned(), small.keys[2].clone())];
    assert_eq!(small.wait(60), "retiring");
    // R-093 rfc7672#4: tickets of a day.
    assert_eq!(small.wait(86_399), "retiring");
    assert_eq!(change(&small.advance()), None);
    assert_eq!(small.wait(1), "withdrawing");
    small.publish();
    assert_eq!(small.phase(), "publishing");
    small.publish();
    assert_eq!(small.look.primary, Some(set(&[small.record(1), small.record(2)])));
}

// R-092 rfc7671#8.1, R-104 rfc7671#6: from the last server; the longer TTL, twice; the aliases; of a new RRset the denial.
#[test]
fn how_long_to_wait() {
    let settles = |first: &[Tlsa], old_ttl: u32, aliases: u32, expected: i64| {
        let mut small = Small::usual();
        let old = set(first);
        small.look.aliases_ttl = aliases;
        servers(&mut small.look, [&old, &old], old_ttl);
        let new = change(&small.advance()).unwrap();
        servers(&mut small.look, [&new, &old], TTL);
        small.look.servers[1].said = said(&old, old_ttl);
        assert_eq!(small.wait(50_000), "publishing", "one server is behind");
        servers(&mut small.look, [&new, &new], TTL);
        small.advance();
        assert_eq!(small.wait(expected - 1), "settling");
        assert_eq!(small.wait(1), "ready");
    };
    let small = Small::usual();
    settles(&[small.record(0)], 3600, 0, 7200);
    settles(&[small.record(0)], 60, 0, 7200);
    settles(&[small.record(0)], 7200, 0, 14_400);
    settles(&[small.record(0)], 3600, 300, 7500);
    settles(&[], 900, 0, 8100);
}

// whoever disagrees sets everything back, and the key in use is what all have.
#[test]
fn a_server_that_disagrees_leads_back() {
    let mut small = Small::usual();
    let old = small.look.primary.clone().unwrap();
    small.publish();
    let new = small.look.primary.clone().unwrap();
    assert_eq!(small.wait(7200), "ready");
    addresses(&mut small.look, &small.library, [small.chains[0], small.chains[1]]);
    small.advance();
    servers(&mut small.look, [&new, &old], TTL);
    let advance = small.advance();
    assert_eq!(small.phase(), "publishing");
    assert_eq!(installs(&advance), Some((small.keys[0].clone(), 1)));
    assert!(matches!(small.may_deploy(1), MayDeploy::No(why) if why.code == Code::ServerDiffers));
    // One that is merely silent says nothing new.
    let mut small = Small::usual();
    small.publish();
    small.wait(7200);
    small.look.servers[1].said = None;
    small.advance();
    assert_eq!((small.phase(), small.may_deploy(0)), ("ready", MayDeploy::Yes));
    // Yet it may have been written to.
    assert!(matches!(small.may_deploy(1), MayDeploy::NotBefore(_, why) if why.code == Code::ServerSilent));
}

// a silent server may come back with what it had, as long as its signatures hold.
#[test]
fn a_silent_server_holds_up_until_nobody_believes_it() {
    let mut small = Small::usual();
    let new = change(&small.advance()).unwrap();
    servers(&mut small.look, [&new, &new], TTL);
    small.look.servers[1].said = None;
    small.advance();
    let validity = 14 * 86_400;
    let renewed = |small: &mut Small| {
        small.look.servers[0].said.as_mut().unwrap().signature = Some((AT + small.seconds, AT + small.seconds + validity))
    };
    small.seconds = validity - 1;
    renewed(&mut small);
    small.advance();
    assert_eq!(small.phase(), "publishing");
    small.seconds += 1;
    renewed(&mut small);
    small.advance();
    assert_eq!(small.phase(), "settling");
}

// an edit by hand is mended, from exactly what is there.
#[test]
fn edits_by_hand_are_mended() {
    let mut small = Small::usual();
    small.publish();
    small.wait(7200);
    let both = small.look.primary.clone().unwrap();
    let only = set(&[small.record(1)]);
    servers(&mut small.look, [&only, &only], TTL);
    let advance = small.advance();
    let Some(Action::Change(change)) = advance.actions.iter().find(|a| matches!(a, Action::Change(_))) else { panic!("{advance:?}") };
    assert_eq!((change.expect(), change.result()), (&only, both));
    // Until caches have it, the next key is the one that all sets have.
    assert_eq!(installs(&advance), Some((small.keys[1].clone(), 2)));
    // A key that is only seen is not published: it could be anybody's.
    let mut small = Small::usual();
    addresses(&mut small.look, &small.library, [small.chains[0], small.chains[2]]);
    let advance = small.advance();
    assert_eq!(installs(&advance), Some((small.keys[0].clone(), 1)));
    assert!(!small.machine.wanted(&small.state, small.now()).records().contains(&small.record(2)));
}

// R-090 rfc7671#8, R-097 rfc7671#8.3: each combination by itself, and agility.
#[test]
fn what_covers_a_chain() {
    let small = Small::usual();
    let (host, chain) = (&small.library.host, small.library.shown(small.chains[0]));
    let long = |key: usize| small.keys[key].record(2).unwrap();
    let covers = |records: &[Tlsa]| cover::chain(&set(records), chain, host, AT);
    assert_eq!(covers(&[small.record(0), small.record(1)]), Ok(()));
    assert_eq!(covers(&[small.record(0), small.record(1), long(0), long(1)]), Ok(()));
    assert!(matches!(covers(&[small.record(0), long(1)]), Err(Gap::Whole(_))), "a 3 1 2 of the next key hides the current 3 1 1");
    let anchor = small.library.anchor(OWN, 1);
    assert_eq!(covers(&[small.record(0), anchor.clone()]), Ok(()));
    assert!(matches!(covers(&[small.record(1), anchor]), Err(Gap::Combination { combination: (3, 1, 1), .. })));
    // R-100 rfc7672#3.1.2: an issuer that is not sent covers nothing.
    let alone = Chain::new(vec![chain.certificates()[0].clone()]).unwrap();
    assert!(cover::chain(&set(&[small.library.anchor(OWN, 0)]), &alone, host, AT).is_err());
}

// rfc7671#8.2: an issuer's record comes when nothing is shown any more that it does not cover.
#[test]
fn issuers_are_published_when_they_fit() {
    let mut small = Small::usual();
    let anchor = small.library.anchor(OWN, 0);
    small.machine.anchors = vec![anchor.clone(), small.library.anchor(0, 1)];
    small.advance();
    let wanted = small.machine.wanted(&small.state, small.now());
    assert!(wanted.records().contains(&anchor));
    assert!(!wanted.records().contains(&small.library.anchor(0, 1)), "no combination may match nothing");
}

// R-097 rfc7671#8.3, R-102 rfc7672#3.1.1: whatever is there is left by one safe set.
#[test]
fn takeover_of_other_sets() {
    let kinds: [Serve; 4] = [
        |library, _, chains| vec![library.leaf_record(chains[0], 0)],
        |library, _, _| vec![library.anchor(OWN, 1)],
        |_, keys, _| vec![keys[2].record(1).unwrap()],
        |_, keys, _| vec![Tlsa { usage: 1, ..keys[0].record(1).unwrap() }],
    ];
    for kind in kinds {
        let mut small = Small::new(kind);
        let wanted = change(&small.advance()).unwrap();
        assert_eq!(wanted, set(&[small.record(0), small.record(1)]));
        servers(&mut small.look, [&wanted, &wanted], TTL);
        small.advance();
        assert_eq!(small.wait(7199), "settling");
        assert_eq!(small.wait(1), "ready");
    }
}

// R-098 rfc7671#8.2
#[test]
fn from_ee_to_ta_over_both_leaves() {
    let small = Small::usual();
    let (from, to) = (set(&[small.record(0)]), set(&[small.library.anchor(OWN, 0)]));
    let shown = [(small.library.host.clone(), small.library.shown(small.chains[0]).clone())];
    let way = |to, chain| transition(&Transition { from: &from, shown: &shown, to, chain, settle_s: 7200, tickets_s: 0 }, AT);
    let chain = small.library.shown(small.chains[1]);
    let lines = way(&to, chain).unwrap();
    assert_eq!(lines.iter().map(|line| line.at - AT).collect::<Vec<_>>(), [0, 7200, 14_400]);
    assert_eq!((&lines[0].add, lines[0].remove.is_empty()), (&set(&[small.record(1)]), true));
    assert_eq!((&lines[2].add, &lines[2].remove), (&to, &set(&[small.record(0), small.record(1)])));
    let other = set(&[small.library.anchor(0, 0)]);
    let refused = way(&other, chain).unwrap_err();
    assert!(refused.code == Code::Unproven && refused.words.contains("2 0 1"), "{refused}");
}

/// Where no server answers, nobody knows what caches hold: no choice is offered as harmless.
#[test]
fn nothing_is_said_of_an_emergency_that_cannot_be_seen() {
    let mut small = Small::usual();
    small.look.servers.iter_mut().for_each(|server| server.said = None);
    small.look.primary = None;
    let why = small.machine.emergency(&small.state, LANE, &small.look, small.now()).unwrap_err();
    assert_eq!(why.code, Code::ServerSilent);
    let whys = small.machine.advance(small.state.clone(), &small.look, small.now()).whys;
    let records = whys.iter().find(|(lane, why)| lane.is_none() && why.code == Code::NoPrimary).expect("a reason");
    assert!(records.1.words.contains("no authoritative server answers"), "{}", records.1);
}

// R-105 rfc7671#11
#[test]
fn an_emergency_states_its_outage() {
    let mut small = Small::usual();
    small.publish();
    small.seconds += 3600;
    let emergency = small.machine.emergency(&small.state, LANE, &small.look, small.now()).unwrap();
    assert_eq!(emergency.safe_from, AT + 7200);
    // At once, and whoever holds the old set fails until then.
    small.state.lanes[0].urgency = Urgency::AtOnce;
    assert_eq!(installs(&small.advance()), Some((small.keys[1].clone(), 2)));
    addresses(&mut small.look, &small.library, [small.chains[1]; 2]);
    let advance = small.advance();
    assert_eq!((small.phase(), change(&advance)), ("withdrawing", Some(set(&[small.record(1)]))));
    // In the steady state it costs nothing.
    let mut small = Small::usual();
    small.publish();
    small.wait(7200);
    assert_eq!(small.machine.emergency(&small.state, LANE, &small.look, small.now()).unwrap().safe_from, small.now().wall);
    small.state.lanes[0].urgency = Urgency::Safe;
    assert_eq!(installs(&small.advance()), Some((small.keys[1].clone(), 2)));
}

#[test]
fn dnssec_stops_the_machine() {
    let mut small = Small::usual();
    small.look.servers[1].said.as_mut().unwrap().security = Security::Insecure;
    let advance = small.advance();
    assert_eq!((small.phase(), advance.whys[0].1.code), ("preparing", Code::NotSecure));
    let mut small = Small::usual();
    small.publish();
    small.look.servers[1].said.as_mut().unwrap().signature = Some((AT - 13 * 86_400, AT + 3 * 3600));
    small.seconds += 7200;
    let advance = small.advance();
    assert_eq!((small.phase(), advance.whys[0].1.code), ("settling", Code::SignatureEnds));
}

#[test]
fn no_clock_shortens_a_wait() {
    let mut small = Small::usual();
    small.publish();
    let far = Now { wall: AT + 10 * 86_400, boot: 1, uptime: 60 };
    let advance = small.machine.advance(small.state.clone(), &small.look, far);
    assert_eq!(advance.state.lanes[0].phase.word(), "settling");
}

#[test]
fn a_plan_is_what_the_machine_will_do() {
    let mut small = Small::usual();
    small.state.lanes[0].due = AT;
    let plan = small.machine.plan(&small.state, &small.look, small.now());
    let changes: Vec<_> = plan.iter().filter(|line| !line.add.is_empty() || !line.remove.is_empty()).collect();
    assert_eq!(changes.len(), 3, "{plan:#?}");
    assert_eq!((changes[0].at, &changes[0].add), (AT, &set(&[small.record(1)])));
    assert_eq!((changes[1].at, &changes[1].remove), (AT + 7200 + 86_400, &set(&[small.record(0)])));
    let deploy = plan.iter().find(|line| line.what.starts_with("Install")).unwrap();
    assert_eq!(deploy.at, AT + 7200);
}

#[test]
fn states_are_read_again_and_newer_ones_refused() {
    let mut small = Small::usual();
    small.publish();
    let written = small.state.write().unwrap();
    assert_eq!(State::read(&written).unwrap(), small.state);
    let newer = String::from_utf8(written).unwrap().replacen("\"version\":1", "\"version\":2", 1);
    assert!(State::read(newer.as_bytes()).unwrap_err().to_string().contains("version 2"));
    assert!(State::read(b"{").is_err());
}

/// Two hosts share one RRset by aliases, each with a key of its own: both stay published, and each rolls by itself.
#[test]
fn lanes_share_a_set() {
    let mut small = Small::usual();
    let other = dane::name::parse_domain("mx2.example.org").unwrap();
    let key = small.keys[2].clone();
    small.state.lanes.push(Lane::new("mx2", vec![other.clone()], KeyType::Ecdsa, key, AT + 86_400));
    let chain = small.library.shown(small.chains[2]).clone();
    small.look.addresses.push(AddressLook { place: Place { host: other, address: [192, 0, 2, 9].into() }, shown: vec![chain] });
    let advance = small.advance();
    assert_eq!(change(&advance), Some(set(&[small.record(0), small.record(1), small.record(2)])));
    assert!(advance.actions.iter().any(|a| matches!(a, Action::MakeKey { lane, .. } if lane == "mx2")));
    assert_eq!(installs(&advance), None);
    assert!(matches!(small.state.lanes[1].phase, Phase::Preparing(_)));
}

/// A look is made of what `probe` brings: answers of single servers, chains whose key was proven, aliases on the way.
#[test]
fn a_look_is_made_of_observations() {
    use dane::dns::{Alias, Lookup, Record};
    use dane::observation::{AddressObservation, Connect, HostObservation, NameServerObservation, TlsObservation};
    use domain::base::iana::Rtype;

    let small = Small::usual();
    let name = |text: &str| dane::name::parse_domain(text).unwrap();
    let (alias, owner) = (name("_25._tcp.mx.example.org"), name("tlsa.example.org"));
    let answer = |ttl: u32| {
        let record = Record { owner: owner.clone(), ttl, data: small.record(0).to_string() };
        Lookup { failure: None, status: Security::Secure, records: vec![record], ..Lookup::unasked(&owner, Rtype::TLSA, AT) }
    };
    let server = |i: u8, answers: Vec<Lookup>| {
        let address = [192, 0, 2, i].into();
        NameServerObservation { zone: name("example.org"), server: name("ns.example.org"), address, answers, tcp: None }
    };
    let chain = small.library.shown(small.chains[0]);
    let visit = |i: u8, proven: Option<bool>| {
        let mut seen = AddressObservation::new([192, 0, 2, i].into(), 25, AT, Connect::Connected);
        seen.tls = Some(TlsObservation { key_proven: proven, chain: chain.certificates().to_vec(), ..TlsObservation::new("test") });
        seen
    };
    let mut host = HostObservation::unseen(&small.library.host, 25, AT);
    let link = Alias { owner: alias.clone(), target: owner.clone(), ttl: 300, status: Security::Secure };
    host.tlsa = vec![Lookup { name: alias, aliases: vec![link], ..answer(60) }];
    host.servers = vec![visit(7, Some(true)), visit(8, Some(false))];
    let silent = Lookup::unasked(&owner, Rtype::TLSA, AT);
    let look = Look::of(&[&host], &[server(1, vec![answer(3600)]), server(2, vec![silent])], &owner);
    assert_eq!((look.aliases_ttl, look.primary.clone()), (300, Some(set(&[small.record(0)]))));
    assert_eq!(look.servers.iter().map(|s| s.said.as_ref().map(|said| said.ttl)).collect::<Vec<_>>(), [Some(3600), None]);
    assert_eq!(look.servers[1].server, "ns.example.org [192.0.2.2]");
    assert_eq!(look.addresses.iter().map(|seen| seen.shown.len()).collect::<Vec<_>>(), [1, 0], "a key that is not proven is nobody's");
}
