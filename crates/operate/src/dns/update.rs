//! DNS UPDATE, signed. (RFC 2136, RFC 8945)

use super::change::Change;
use super::error::{Error, Why};
use super::key::Key;
use super::tsig::rcode_word;
use super::{Done, Reply, exchange, message, person, sign, verify};
use dane::Epoch;
use dane::name::Name;
use domain::base::iana::{Opcode, Rcode, Rtype};
use std::net::SocketAddr;
use std::time::Duration;

/// Where and how to send signed updates.
#[derive(Debug)]
pub struct Update {
    /// The zone's primary. It is a setting, as the SOA record may name another server: primaries are often hidden.
    pub server: SocketAddr,
    /// The zone's apex; `None`: the server is asked for it.
    pub zone: Option<Name>,
    /// The key.
    pub key: Key,
    /// For each of connecting and answering.
    pub wait: Duration,
}

impl Update {
    pub(crate) async fn write(&self, change: &Change, now: Epoch) -> Result<Done, Error> {
        self.change(change, now).await.map_err(Error::at(self.server))
    }

    pub(crate) fn rendering(&self, change: &Change) -> String {
        let zone = self.zone.as_ref().map_or_else(String::new, |zone| format!("zone {}\n", dane::name::fqdn(zone)));
        let (server, key) = (self.server, self.key.name());
        format!("; signed with the key {key}\nserver {} {}\n{zone}{}", server.ip(), server.port(), person::nsupdate(change))
    }

    async fn change(&self, change: &Change, now: Epoch) -> Result<Done, Why> {
        let zone = match &self.zone {
            Some(zone) => zone.clone(),
            None => self.apex(&change.owner, now).await?,
        };
        match self.send(&zone, change, now).await? {
            Rcode::NOERROR => Ok(Done::Written),
            Rcode::NXRRSET | Rcode::YXRRSET => self.look(&zone, change, now).await,
            rcode => Err(self.refusal(rcode, &zone, &change.owner)),
        }
    }

    async fn send(&self, zone: &Name, change: &Change, now: Epoch) -> Result<Rcode, Why> {
        let id = random_id();
        let update = message::update(id, zone, change)?;
        self.exchange(update, id, Opcode::UPDATE, now, |reply| Ok(Rcode::masked_from_int(reply.rcode()))).await
    }

    /// `from` is not what is there: what is?
    async fn look(&self, zone: &Name, change: &Change, now: Epoch) -> Result<Done, Why> {
        let owner = &change.owner;
        let changed = |found| Why::ChangedMeanwhile { owner: owner.clone(), expected: change.from.clone(), found };
        let read = |reply: &Reply<'_>| Ok((Rcode::masked_from_int(reply.rcode()), reply.alias(owner), reply.tlsa(owner)));
        // Who may change records need not be allowed to read them.
        let Ok((rcode, alias, seen)) = self.query(owner, Rtype::TLSA, now, read).await else { return Err(changed(None)) };
        if let Some(target) = alias {
            return Err(Why::Alias { owner: owner.clone(), target: target.to_string() });
        }
        let seen = seen.filter(|_| matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN));
        match seen {
            Some((found, ttl)) if found == change.to && (found.is_empty() || ttl == Some(change.ttl)) => Ok(Done::AlreadyThere),
            // The records are right and their TTL is not.
            Some((found, _)) if found == change.to => {
                let change = Change { from: found, ..change.clone() };
                match self.send(zone, &change, now).await? {
                    Rcode::NOERROR => Ok(Done::Written),
                    Rcode::NXRRSET => Err(changed(None)),
                    rcode => Err(self.refusal(rcode, zone, owner)),
                }
            }
            seen => Err(changed(seen.map(|(found, _)| found))),
        }
    }

    /// The apex of the zone that a name is in, as the server knows it.
    async fn apex(&self, owner: &Name, now: Epoch) -> Result<Name, Why> {
        let read = |reply: &Reply<'_>| match Rcode::masked_from_int(reply.rcode()) {
            Rcode::NOERROR | Rcode::NXDOMAIN => reply.apex(owner).ok_or_else(|| Why::NoZone(owner.clone())),
            Rcode::REFUSED => Err(Why::NoZone(owner.clone())),
            rcode => Err(self.refusal(rcode, owner, owner)),
        };
        self.query(owner, Rtype::SOA, now, read).await
    }

    async fn query<T>(&self, name: &Name, rtype: Rtype, now: Epoch, read: impl Fn(&Reply<'_>) -> Result<T, Why>) -> Result<T, Why> {
        let id = random_id();
        self.exchange(message::query(id, name, rtype), id, Opcode::QUERY, now, read).await
    }

    /// Sends a message, signed; what is read of the reply is what the key's holder says of this message.
    async fn exchange<T>(
        &self,
        message: Vec<u8>,
        id: u16,
        opcode: Opcode,
        now: Epoch,
        read: impl Fn(&Reply<'_>) -> Result<T, Why>,
    ) -> Result<T, Why> {
        let request = sign(message, &self.key, now);
        if request.message.len() > usize::from(u16::MAX) {
            return Err(Why::TooLarge);
        }
        let accept = |reply: &[u8]| {
            verify(reply, &self.key, &request, now)?;
            read(&Reply::read(reply, id, opcode)?)
        };
        exchange::ask(self.server, &request.message, self.wait, accept).await
    }

    fn refusal(&self, rcode: Rcode, zone: &Name, owner: &Name) -> Why {
        match rcode {
            Rcode::REFUSED => Why::Refused { key: self.key.name().clone(), owner: owner.clone() },
            Rcode::NOTAUTH => Why::NotAuth(zone.clone()),
            Rcode::NOTZONE => Why::NotZone { owner: owner.clone(), zone: zone.clone() },
            Rcode::NOTIMP => Why::NotImp,
            Rcode::SERVFAIL => Why::Servfail,
            other => Why::Rcode(rcode_word(other.to_int())),
        }
    }
}

fn random_id() -> u16 {
    let mut octets = [0; 2];
    // Without randomness the id is 0: the signature binds the answer to the request, too.
    let _ = aws_lc_rs::rand::fill(&mut octets);
    u16::from_be_bytes(octets)
}
