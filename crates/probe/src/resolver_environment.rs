//! A look at the resolvers of this machine: what `resolv.conf` says, and what each name server in it answers when asked as programs ask.

mod exchange;
mod resolv_conf;

pub(crate) use exchange::read_reply;
pub use resolv_conf::parse as parse_resolv_conf;

use crate::look::now;
use dane::name::Name;
use dane::observation::{
    ResolvConf, ResolverExchange, ResolverObservation, ResolverProbe as Probe, ResolverQuestion, ResolverQuestions, ResolverServer,
    ResolverTransport as Transport,
};
use dane::resolver::USED_SERVERS;
use domain::base::iana::Rtype;
use exchange::{Flags, Query};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The message that we take over UDP: fits everywhere unfragmented. (R-128; DNS flag day 2020)
const ROOM: u16 = 1232;
/// Tries of a question over UDP, where a packet may be lost.
const TRIES: u32 = 2;
/// Files that container engines put into their containers: Docker, Podman.
const CONTAINER_MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// How a machine's resolvers are looked at.
#[derive(Clone, Debug)]
pub struct ResolverLook {
    /// What is asked.
    pub questions: ResolverQuestions,
    /// How long one try may take. A resolver that has nothing in its cache needs seconds.
    pub timeout: Duration,
}

/// Asks every name server that programs use, all side by side. A file without servers stands for 127.0.0.1 at `port`, as in the C libraries.
pub async fn observe_resolvers(file: ResolvConf, port: u16, look: &ResolverLook) -> ResolverObservation {
    let mut addresses: Vec<SocketAddr> = file.servers.iter().copied().take(USED_SERVERS).collect();
    if file.servers.is_empty() && file.unusable.is_empty() {
        addresses.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    }
    let mut tasks = JoinSet::new();
    for (place, address) in addresses.into_iter().enumerate() {
        let look = look.clone();
        tasks.spawn(async move { (place, server(address, &look).await) });
    }
    let mut servers: Vec<(usize, ResolverServer)> = tasks.join_all().await;
    servers.sort_by_key(|(place, _)| *place);
    ResolverObservation {
        at: now(),
        file,
        container: CONTAINER_MARKS.into_iter().find(|mark| Path::new(mark).exists()).map(str::to_owned),
        questions: look.questions.clone(),
        servers: servers.into_iter().map(|(_, server)| server).collect(),
    }
}

async fn server(address: SocketAddr, look: &ResolverLook) -> ResolverServer {
    let mut exchanges = Vec::new();
    for probe in [Probe::Plain, Probe::Signed] {
        exchanges.extend(ask(address, probe, look).await);
    }
    exchanges.extend(ask(address, Probe::LongOverTcp, look).await);
    // Who has not said a word by now is not there.
    if exchanges.iter().any(|e| e.reply.is_some()) {
        let rest = [Probe::SignedAd, Probe::Bogus, Probe::BogusUnchecked, Probe::Tlsa, Probe::BesideTlsa, Probe::Long, Probe::LongInSmall];
        for probe in rest {
            exchanges.extend(ask(address, probe, look).await);
        }
    }
    ResolverServer { address, own: own(address.ip()), exchanges }
}

/// One question; a second time over TCP if the answer is truncated, except where that is what is asked about.
async fn ask(address: SocketAddr, probe: Probe, look: &ResolverLook) -> Vec<ResolverExchange> {
    let query = query(probe, &look.questions);
    if probe == Probe::LongOverTcp {
        return vec![exchange(address, probe, Transport::Tcp, &query, look.timeout).await];
    }
    let mut exchanges = vec![exchange(address, probe, Transport::Udp, &query, look.timeout).await];
    let truncated = exchanges.iter().any(|e| e.reply.is_some_and(|r| r.tc));
    if truncated && probe != Probe::LongInSmall {
        exchanges.push(exchange(address, probe, Transport::Tcp, &query, look.timeout).await);
    }
    exchanges
}

async fn exchange(address: SocketAddr, probe: Probe, transport: Transport, query: &Query, timeout: Duration) -> ResolverExchange {
    let begin = Instant::now();
    let result = match transport {
        Transport::Tcp => exchange::tcp(address, query, timeout).await,
        Transport::Udp => {
            let mut result = exchange::udp(address, query, timeout).await;
            for _ in 1..TRIES {
                if result.is_err() {
                    result = exchange::udp(address, query, timeout).await;
                }
            }
            result
        }
    };
    let elapsed_ms = u32::try_from(begin.elapsed().as_millis()).unwrap_or(u32::MAX);
    let (reply, failure) = result.map_or_else(|why| (None, Some(why)), |reply| (Some(reply), None));
    ResolverExchange { probe, transport, elapsed_ms, reply, failure }
}

fn query(probe: Probe, questions: &ResolverQuestions) -> Query {
    let of = |question: &ResolverQuestion| (question.name.clone(), question.rtype);
    let tlsa = |rtype| (questions.tlsa.clone(), rtype);
    let dnssec = Flags { ad: false, cd: false, room: Some(ROOM) };
    let ((name, rtype), flags): ((Name, Rtype), Flags) = match probe {
        Probe::Plain => (of(&questions.signed), Flags::default()),
        Probe::Signed => (of(&questions.signed), dnssec),
        Probe::SignedAd => (of(&questions.signed), Flags { ad: true, ..Flags::default() }),
        Probe::Bogus => (of(&questions.bogus), dnssec),
        Probe::BogusUnchecked => (of(&questions.bogus), Flags { cd: true, ..dnssec }),
        Probe::Tlsa => (tlsa(Rtype::TLSA), dnssec),
        Probe::BesideTlsa => (tlsa(Rtype::TXT), dnssec),
        Probe::Long | Probe::LongOverTcp => (of(&questions.long), dnssec),
        Probe::LongInSmall => (of(&questions.long), Flags { room: Some(512), ..dnssec }),
    };
    Query { name, rtype, flags }
}

/// Whether it is an address of this machine: then the system would send to it from itself. Nothing is sent.
fn own(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let source = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((address, 53))?;
        socket.local_addr()
    };
    address.is_loopback() || source().is_ok_and(|from| from.ip() == address)
}
