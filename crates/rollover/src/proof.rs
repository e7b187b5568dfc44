//! Proofs: what permits a step. Only judging an observation can make one, and each step of [`crate::phase`] consumes its own.
//!
//! Each question here is answered by the proof, or by the reason for which there is none: that is why the machine waits.

use crate::cover;
use crate::key::{Key, KeyType};
use crate::ledger::{Ledger, Shown};
use crate::look::{Look, Place};
use crate::rrset::RrSet;
use crate::time::Now;
use crate::why::{Code, Why};
use dane::Epoch;
use dane::date::utc;
use dane::dns::Security;
use dane::name::Name;

macro_rules! proofs {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(());
    )*};
}

proofs! {
    /// A key was made and lies ready.
    Made;
    /// The RRset is secure everywhere, and its signatures outlive the wait to come.
    Sound;
    /// Every authoritative server serves a set that covers the key.
    Everywhere;
    /// Every set that a cache may hold covers the key.
    Settled;
    /// The operator accepts that senders with an old set fail for a while.
    Consent;
    /// A server shows the key.
    Appeared;
    /// No server shows the key.
    Absent;
    /// Every address of every host shows the key and no other of its kind.
    Switched;
    /// No server shows the old key, and no session remembers it.
    Retired;
    /// No server serves a record of the old key.
    Withdrawn;
    /// A server disagrees.
    Disagreement;
}

/// Who holds a key: the hosts that show it and its kind.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The hosts.
    pub hosts: &'a [Name],
    /// The kind of key.
    pub kind: KeyType,
}

/// All that proofs are made of.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What was seen until now.
    pub ledger: &'a Ledger,
    /// What is seen now.
    pub look: &'a Look,
    /// When.
    pub now: Now,
    /// How long sessions are remembered, seconds.
    pub tickets_s: i64,
}

impl Evidence<'_> {
    fn after(&self, seconds: i64) -> Epoch {
        self.now.wall.saturating_add(seconds)
    }

    /// A key that lies ready.
    pub(crate) fn made(&self, lane: &str, is_new: impl Fn(&Key) -> bool) -> Result<(Key, Made), Why> {
        let ready = self.look.prepared.iter().find(|(name, key)| name == lane && is_new(key));
        ready.map(|(_, key)| (key.clone(), Made(()))).ok_or_else(|| Why::new(Code::NoNextKey, "the next key is not made yet"))
    }

    /// DNSSEC's part: nothing is begun in a zone that is not secure, or whose signatures end before the wait.
    pub(crate) fn sound(&self) -> Result<Sound, Why> {
        let mut answers = 0;
        for (server, said) in self.look.servers.iter().filter_map(|server| Some((&server.server, server.said.as_ref()?))) {
            answers += 1;
            if said.security != Security::Secure {
                let because = if said.reason.is_empty() { String::new() } else { format!(": {}", said.reason) };
                return Err(Why::new(Code::NotSecure, format!("what {server} answers is {}{because}", said.security.word())));
            }
            let Some((inception, expiration)) = said.signature else { continue };
            if inception > self.now.wall {
                return Err(Why::new(
                    Code::Clock,
                    format!("the signature at {server} begins only at {}: is the clock right?", utc(inception)),
                ));
            }
            // A signer that works renews long before; one with short signatures has to be trusted to do so.
            let needed = self.ledger.settle_time().min(expiration.saturating_sub(inception) / 8);
            if expiration < self.after(needed) {
                let words = format!("the signature at {server} ends at {}, before the wait would", utc(expiration));
                return Err(Why::new(Code::SignatureEnds, words));
            }
        }
        if answers == 0 { Err(Why::new(Code::ServerSilent, "no authoritative server answers")) } else { Ok(Sound(())) }
    }

    /// A new key is deployed only while every server can be heard: one that is silent may say by now what somebody else has written.
    pub(crate) fn heard(&self) -> Result<(), Why> {
        let silent = self.ledger.served().find_map(|(server, _, silence)| Some((server, silence?)));
        silent.map_or(Ok(()), |(server, left)| {
            Err(Why::new(Code::ServerSilent, format!("{server} does not answer, so what it says now is not known")).until(self.after(left)))
        })
    }

    /// R-092 rfc7671#8.1: time runs from when the last server has the record.
    pub(crate) fn everywhere(&self, key: &Key) -> Result<Everywhere, Why> {
        // Most servers serve the same.
        let mut good: Option<&RrSet> = None;
        for (server, set, silence) in self.ledger.served() {
            if set.is_some_and(|set| good == Some(set) || cover::key(set, key).is_ok()) {
                good = set;
                continue;
            }
            let why = match silence {
                Some(left) => Why::new(Code::ServerSilent, format!("{server} is silent and may serve an old set")).until(self.after(left)),
                None if set.is_none() => Why::new(Code::ServerSilent, format!("{server} was never heard")),
                None => Why::new(Code::ServerDiffers, format!("{server} does not serve the record of key {}", key.short())),
            };
            return Err(why);
        }
        Ok(Everywhere(()))
    }

    /// R-091 rfc7672#4: what caches may hold covers the key.
    pub(crate) fn settled(&self, key: &Key) -> Result<Settled, Why> {
        self.everywhere(key)?;
        let old = self.ledger.held().iter().filter(|held| cover::key(&held.set, key).is_err());
        match old.filter_map(|held| self.ledger.left(held)).max() {
            None => Ok(Settled(())),
            Some(left) => {
                let words = format!("caches may hold a set without the record of key {}", key.short());
                Err(Why::new(Code::Cached, words).until(self.after(left)))
            }
        }
    }

    /// a server that says something else now.
    pub(crate) fn disagreement(&self, key: &Key) -> Option<Disagreement> {
        let said = self.look.servers.iter().filter_map(|server| server.said.as_ref());
        let mut sets: Vec<&RrSet> = said.filter(|said| said.security == Security::Secure).map(|said| &said.set).collect();
        sets.dedup();
        sets.into_iter().any(|set| cover::key(set, key).is_err()).then_some(Disagreement(()))
    }

    /// The keys of the holder's kind that its addresses show.
    pub(crate) fn keys_shown(&self, holder: Holder<'_>) -> impl Iterator<Item = (&Place, &Key)> {
        let places = self.look.addresses.iter().filter(move |seen| holder.hosts.contains(&seen.place.host));
        let chains = places.flat_map(|seen| seen.shown.iter().map(move |chain| (&seen.place, chain)));
        chains.filter(move |(_, chain)| chain.kind() == holder.kind).map(|(place, chain)| (place, chain.key()))
    }

    /// One address is enough.
    pub(crate) fn appeared(&self, holder: Holder<'_>, key: &Key) -> Option<Appeared> {
        self.keys_shown(holder).any(|(_, shown)| shown == key).then_some(Appeared(()))
    }

    /// Nowhere, as far as every address could be seen.
    pub(crate) fn absent(&self, holder: Holder<'_>, key: &Key) -> Option<Absent> {
        let seen = self.look.addresses.iter().filter(|seen| holder.hosts.contains(&seen.place.host)).all(|seen| seen.is_seen());
        (seen && self.appeared(holder, key).is_none()).then_some(Absent(()))
    }

    /// every address of every host, all of them seen.
    pub(crate) fn switched(&self, holder: Holder<'_>, key: &Key) -> Result<Switched, Why> {
        let mut places = self.look.addresses.iter().filter(|seen| holder.hosts.contains(&seen.place.host)).peekable();
        if places.peek().is_none() {
            return Err(Why::new(Code::AddressSilent, "no address of the mail servers is known"));
        }
        for seen in places {
            let mut keys = seen.shown.iter().filter(|chain| chain.kind() == holder.kind).map(|chain| chain.key()).peekable();
            let Place { host, address } = &seen.place;
            if keys.peek().is_none() {
                return Err(Why::new(Code::AddressSilent, format!("{host} [{address}] cannot be looked at")));
            }
            if let Some(other) = keys.find(|shown| *shown != key) {
                return Err(Why::new(Code::AddressDiffers, format!("{host} [{address}] still shows key {}", other.short())));
            }
        }
        Ok(Switched(()))
    }

    /// R-093 rfc7672#4: the old record goes only after the old chain.
    pub(crate) fn retired(&self, old: &Key) -> Result<Retired, Why> {
        let remembered = |shown: &&Shown| self.ledger.remembered(shown, self.tickets_s).unwrap_or(i64::MAX);
        let all = self.ledger.shown().iter().filter(|shown| shown.chain.key() == old);
        let Some(shown) = all.max_by_key(remembered) else { return Ok(Retired(())) };
        let Place { host, address } = &shown.place;
        Err(match self.ledger.remembered(shown, self.tickets_s) {
            None => Why::new(Code::AddressDiffers, format!("{host} [{address}] shows the old key {}", old.short())),
            Some(left) => {
                let words = format!("sessions and caches may remember the old key {}", old.short());
                Why::new(Code::Remembered, words).until(self.after(left))
            }
        })
    }

    /// No server has any record of the key.
    pub(crate) fn withdrawn(&self, old: &Key) -> Result<Withdrawn, Why> {
        let has =
            |set: &crate::rrset::RrSet| [1, 2].into_iter().filter_map(|m| old.record(m)).any(|record| set.records().contains(&record));
        for (server, set, silence) in self.ledger.served() {
            if set.is_some_and(has) {
                let why = Why::new(Code::ServerDiffers, format!("{server} still serves the record of the old key {}", old.short()));
                return Err(match silence {
                    Some(left) => why.until(self.after(left)),
                    None => why,
                });
            }
        }
        Ok(Withdrawn(()))
    }
}

/// The operator's word in place of a wait. Nothing but an order to act at once makes one.
pub(crate) fn consent(urgency: crate::machine::Urgency) -> Option<Consent> {
    (urgency == crate::machine::Urgency::AtOnce).then_some(Consent(()))
}
