//! What befalls questions and answers on the way, whatever zone they are about: loss, delay, overload, servers that are down.

use super::zone::Manner;
use crate::seed::Seed;
use dane::name::Name;
use domain::base::iana::Rtype;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long TCP waits before it repeats what was lost. (RFC 6298 section 2.1)
const RETRANSMISSION: Duration = Duration::from_secs(1);

/// How badly the network and the name servers of a lab are doing. The default is: not at all.
///
/// Shares are from 0 to 1. What befalls the first, second, … time that one server is asked one question over one transport is a function
/// of the seed, not of what else is asked meanwhile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adversity {
    /// What chance comes from.
    pub seed: u64,
    /// Share of datagrams lost, in each direction. TCP repairs what is lost, and takes a second for it.
    pub loss: f64,
    /// Time from a question to its answer. A TCP connection takes the same again to open.
    pub latency: Duration,
    /// Share of answers over UDP that are truncated.
    pub truncated: f64,
    /// Share of questions answered with SERVFAIL.
    pub servfail: f64,
    /// Share of questions answered with REFUSED.
    pub refused: f64,
    /// Servers that say nothing.
    pub dead: Vec<Ipv4Addr>,
    /// Servers that refuse everything, as if they did not know the zones delegated to them.
    pub lame: Vec<Ipv4Addr>,
    /// Servers that say nothing over UDP.
    pub tcp_only: Vec<Ipv4Addr>,
}

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// In a datagram, which can be lost.
    Udp,
    /// In a stream, which repairs itself.
    Tcp,
}

/// What befalls one question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// What happens instead of an answer.
    pub instead: Option<Manner>,
    /// When.
    pub after: Duration,
}

/// The adversity of the moment.
#[derive(Debug, Default)]
pub struct Weather(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    adversity: Adversity,
    /// How often each server was asked each question.
    asked: HashMap<(Ipv4Addr, Name, Rtype, Way), u32>,
}

impl Weather {
    /// From now on it is like this.
    pub fn set(&self, adversity: Adversity) {
        *self.state() = State { adversity, asked: HashMap::new() };
    }

    /// What befalls the question that this server is asked now.
    pub fn fate(&self, server: Ipv4Addr, qname: &Name, qtype: Rtype, way: Way) -> Fate {
        let mut state = self.state();
        let State { adversity, asked } = &mut *state;
        if *adversity == (Adversity { seed: adversity.seed, ..Adversity::default() }) {
            return Fate::default();
        }
        let times = asked.entry((server, qname.clone(), qtype, way)).or_default();
        *times += 1;
        let chance = Seed::new(adversity.seed).child(&format!("{server} {qname} {qtype} {way:?} {times}"));
        adversity.fate(server, way, &chance)
    }

    /// How long it takes to open a TCP connection.
    pub fn handshake(&self) -> Duration {
        self.state().adversity.latency
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Adversity {
    fn fate(&self, server: Ipv4Addr, way: Way, chance: &Seed) -> Fate {
        let happens = |what, share: f64| {
            let [a, b, c, d, ..] = chance.child(what).bytes();
            f64::from(u32::from_be_bytes([a, b, c, d])) < share * f64::from(u32::MAX)
        };
        let lost = happens("question", self.loss) || happens("answer", self.loss);
        let instead = if self.dead.contains(&server) || way == Way::Udp && (lost || self.tcp_only.contains(&server)) {
            Some(Manner::Silent)
        } else if self.lame.contains(&server) || happens("refused", self.refused) {
            Some(Manner::Refused)
        } else if happens("servfail", self.servfail) {
            Some(Manner::Servfail)
        } else if happens("truncated", self.truncated) {
            Some(Manner::TcpOnly)
        } else {
            None
        };
        Fate { instead, after: self.latency + if way == Way::Tcp && lost { RETRANSMISSION } else { Duration::ZERO } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::rdata::name;

    const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);

    fn fates(adversity: &Adversity, way: Way) -> Vec<Fate> {
        let weather = Weather::default();
        weather.set(adversity.clone());
        (0..2000).map(|_| weather.fate(SERVER, &name("valid.nl."), Rtype::MX, way)).collect()
    }

    fn share(fates: &[Fate], manner: Manner) -> usize {
        fates.iter().filter(|fate| fate.instead == Some(manner)).count()
    }

    #[test]
    fn shares_are_what_they_say_and_the_same_every_time() {
        let bad = Adversity { loss: 0.1, truncated: 0.2, servfail: 0.05, refused: 0.05, ..Adversity::default() };
        let over_udp = fates(&bad, Way::Udp);
        assert_eq!(over_udp, fates(&bad, Way::Udp));
        assert_ne!(over_udp, fates(&Adversity { seed: 1, ..bad.clone() }, Way::Udp));
        // Of 2,000, within four standard deviations: lost 19 %, then refused 5 %, servfail 5 %, truncated 20 % of what is left.
        assert!((310..450).contains(&share(&over_udp, Manner::Silent)), "{}", share(&over_udp, Manner::Silent));
        assert!((45..118).contains(&share(&over_udp, Manner::Refused)), "{}", share(&over_udp, Manner::Refused));
        assert!((43..112).contains(&share(&over_udp, Manner::Servfail)), "{}", share(&over_udp, Manner::Servfail));
        assert!((227..358).contains(&share(&over_udp, Manner::TcpOnly)), "{}", share(&over_udp, Manner::TcpOnly));
        let over_tcp = fates(&bad, Way::Tcp);
        assert_eq!(share(&over_tcp, Manner::Silent), 0, "TCP repairs");
        assert!((310..450).contains(&over_tcp.iter().filter(|fate| fate.after == RETRANSMISSION).count()));
    }

    #[test]
    fn servers_are_ill_one_by_one() {
        let one = |what: fn(&mut Adversity)| {
            let mut adversity = Adversity::default();
            what(&mut adversity);
            [Way::Udp, Way::Tcp].map(|way| fates(&adversity, way)[0].instead)
        };
        assert_eq!(one(|a| a.dead.push(SERVER)), [Some(Manner::Silent); 2]);
        assert_eq!(one(|a| a.lame.push(SERVER)), [Some(Manner::Refused); 2]);
        assert_eq!(one(|a| a.tcp_only.push(SERVER)), [Some(Manner::Silent), None]);
        assert_eq!(one(|a| a.dead.push(Ipv4Addr::new(127, 0, 0, 2))), [None; 2]);
    }
}
