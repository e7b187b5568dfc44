//! Hosts, and what their servers showed.

use archive::states::model::{Id, KeyType, ServerId, ServerKey, ServerState, Span, WordId};
use std::borrow::Cow;
use std::collections::HashMap;

/// A host and port: what the studies call an SMTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, lower case, no final dot.
    pub name: Box<str>,
    /// The service's port.
    pub port: u16,
    /// What it has: by key type, then by address, the one without an address last.
    pub servers: Vec<ServerId>,
}

/// Hosts by name, and of every server the place of its host.
pub(super) fn hosts(servers: &[ServerKey]) -> (Vec<Host>, Vec<u32>) {
    let mut places: HashMap<(&str, u16), u32> = HashMap::with_capacity(servers.len());
    let mut hosts: Vec<Host> = Vec::new();
    let mut host_of = Vec::with_capacity(servers.len());
    for (index, key) in servers.iter().enumerate() {
        let place = *places.entry((&key.host, key.port)).or_insert_with(|| {
            hosts.push(Host { name: key.host.clone(), port: key.port, servers: Vec::new() });
            u32::try_from(hosts.len() - 1).unwrap_or(u32::MAX)
        });
        host_of.push(place);
        if let Some(host) = hosts.get_mut(place as usize) {
            host.servers.push(ServerId::at(index));
        }
    }
    for host in &mut hosts {
        host.servers.sort_by_key(|server| servers.get(server.index()).map(|key| (key.key_type, key.address.is_none(), key.address)));
    }
    (hosts, host_of)
}

/// All that was seen of one host.
#[derive(Clone, Copy, Debug)]
pub struct HostStates<'s> {
    /// Which.
    pub host: &'s Host,
    /// Its number of those that one client meets who takes every kind of key: the first of [`Host::servers`].
    plain: usize,
    /// By vantage point, then in the order of [`Host::servers`], then by time.
    states: &'s [ServerState],
}

impl<'s> HostStates<'s> {
    /// Of states in their order.
    pub(super) fn new(host: &'s Host, servers: &[ServerKey], states: &'s [ServerState]) -> Self {
        let is_plain = |server: &&ServerId| servers.get(server.index()).is_some_and(|key| key.key_type == KeyType::Any);
        Self { host, plain: host.servers.iter().take_while(is_plain).count(), states }
    }

    /// All states, of every vantage point, address and key type.
    #[must_use]
    pub fn all(&self) -> &'s [ServerState] {
        self.states
    }

    /// All states seen from a vantage point: by server, then by time.
    #[must_use]
    pub fn at(&self, vantage: WordId) -> &'s [ServerState] {
        let from = self.states.partition_point(|state| state.vantage < vantage);
        let to = self.states.partition_point(|state| state.vantage <= vantage);
        self.states.get(from..to).unwrap_or_default()
    }

    /// The one stream of the paper view: at every moment what the first address showed of those that were seen then, to a client that takes every
    /// kind of key. In the order of time, none over another.
    #[must_use]
    pub fn stream(&self, vantage: WordId) -> Cow<'s, [ServerState]> {
        let states = self.at(vantage);
        match states.first() {
            None => Cow::Borrowed(&[]),
            Some(first) if states.iter().all(|state| state.key == first.key) => match self.rank(first.key) < self.plain {
                true => Cow::Borrowed(states),
                false => Cow::Borrowed(&[]),
            },
            Some(_) => Cow::Owned(self.overlaid(states)),
        }
    }

    /// All states of every address, as a client meets it that takes every kind of key: by address, then by time.
    #[must_use]
    pub fn addresses(&self, vantage: WordId) -> &'s [ServerState] {
        let states = self.at(vantage);
        let plain = states.iter().position(|state| self.rank(state.key) >= self.plain).unwrap_or(states.len());
        states.get(..plain).unwrap_or_default()
    }

    fn rank(&self, server: ServerId) -> usize {
        self.host.servers.iter().position(|other| *other == server).unwrap_or(usize::MAX)
    }

    /// Where two addresses were seen at a time, the state of the first; of the other what is left before and after.
    fn overlaid(&self, states: &[ServerState]) -> Vec<ServerState> {
        let mut stream: Vec<ServerState> = Vec::new();
        for server in self.host.servers.iter().take(self.plain) {
            let mut under: Vec<ServerState> = Vec::new();
            for state in states.iter().filter(|state| state.key == *server) {
                let (mut from, to) = (state.span.valid_from_s, state.span.valid_to_s);
                let before = stream.partition_point(|other| other.span.valid_to_s <= from);
                for other in stream.iter().skip(before).take_while(|other| other.span.valid_from_s < to) {
                    under.extend(piece(state, from, other.span.valid_from_s));
                    from = from.max(other.span.valid_to_s);
                }
                under.extend(piece(state, from, to));
            }
            stream.append(&mut under);
            stream.sort_by_key(|state| state.span.valid_from_s);
        }
        stream
    }
}

/// Stretches of time in which what is asked of states stays the same; states without it end them. Most of what changes matters to few questions,
/// so most have little left to count. A stretch does not know its number of rounds.
pub fn stretches<K: PartialEq>(states: &[ServerState], mut what: impl FnMut(&ServerState) -> Option<K>, mut each: impl FnMut(K, &Span)) {
    let mut open: Option<(K, Span)> = None;
    for state in states {
        let here = what(state);
        let span = Span { n_obs: 0, ..state.span };
        match (&mut open, here) {
            (Some((kind, stretch)), Some(here)) if *kind == here && stretch.valid_to_s == span.valid_from_s => {
                stretch.valid_to_s = span.valid_to_s;
            }
            (_, here) => {
                if let Some((kind, stretch)) = open.take() {
                    each(kind, &stretch);
                }
                open = here.map(|here| (here, span));
            }
        }
    }
    if let Some((kind, stretch)) = open {
        each(kind, &stretch);
    }
}

/// What is left of a state between two moments. Its count of rounds is no longer known.
fn piece(state: &ServerState, from: i64, to: i64) -> Option<ServerState> {
    let mut state = *state;
    if (from, to) != (state.span.valid_from_s, state.span.valid_to_s) {
        (state.span.valid_from_s, state.span.valid_to_s, state.span.n_obs) = (from, to, 0);
    }
    (from < to).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use archive::states::model::{Notes, ServerSeen};

    /// Each moment counts as it did state by state.
    #[test]
    fn stretches_are_the_states_joined() {
        let state = |(from, to, smtp_code): (i64, i64, u16)| ServerState {
            key: ServerId::at(0),
            vantage: WordId::at(0),
            span: Span { valid_from_s: from, valid_to_s: to, n_obs: 3 },
            seen: ServerSeen { smtp_code: Some(smtp_code).filter(|code| *code > 0), ..ServerSeen::default() },
            notes: Notes::default(),
        };
        // A change, the same again, a gap, nothing to tell, the same after it, and another server of the same time.
        let states = [(0, 5, 1), (5, 7, 2), (7, 9, 2), (10, 12, 2), (12, 13, 0), (13, 14, 2), (3, 6, 2)].map(state);
        let mut told = Vec::new();
        stretches(&states, |state| state.seen.smtp_code, |code, span| told.push((span.valid_from_s, span.valid_to_s, code)));
        assert_eq!(told, [(0, 5, 1), (5, 9, 2), (10, 12, 2), (13, 14, 2), (3, 6, 2)]);
        let at = |moment: i64, code: u16| told.iter().filter(|(from, to, told)| (*from..*to).contains(&moment) && *told == code).count();
        for (moment, code) in (0..15).flat_map(|moment| [(moment, 1), (moment, 2)]) {
            let wanted = states.iter().filter(|state| state.span.contains(moment) && state.seen.smtp_code == Some(code)).count();
            assert_eq!(at(moment, code), wanted, "{moment} {code}");
        }
    }
}
