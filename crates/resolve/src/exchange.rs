//! Asking one server one question: over UDP, over TCP if the answer is cut, without EDNS if the server cannot stand it.

use crate::answer::{Failure, LookupError};
use crate::gate::Gate;
use crate::net::{Net, NetError};
use crate::servers::Servers;
use crate::trouble::Trouble;
use crate::wire::{self, Received, Reply, Style};
use crate::work::Work;
use bytes::Bytes;
use dnssec::Question;
use domain::base::iana::OptRcode;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How the first message of an exchange travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

/// One try at one server.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    pub server: SocketAddr,
    pub style: Style,
    pub transport: Transport,
    /// How long each message may take over UDP.
    pub udp_wait: Duration,
    /// The same over TCP.
    pub tcp_wait: Duration,
}

/// Why a try failed.
pub enum Fault {
    /// The server's doing: ask another. With what it sent, if it sent anything.
    Server(Trouble, Option<Bytes>),
    /// Ours: stop.
    Lookup(LookupError),
}

impl From<LookupError> for Fault {
    fn from(error: LookupError) -> Self {
        Fault::Lookup(error)
    }
}

/// Sends, receives, remembers.
pub struct Exchange {
    net: Net,
    gate: Gate,
    pub servers: Servers,
    pub queries: AtomicU64,
    pub replies: AtomicU64,
}

impl Exchange {
    pub fn new(net: Net, gate: Gate) -> Self {
        Self { net, gate, servers: Servers::new(), queries: AtomicU64::new(0), replies: AtomicU64::new(0) }
    }

    /// The server's answer, whatever its response code.
    pub async fn ask(&self, question: &Question, mut this: Try, work: &Work) -> Result<Reply, Fault> {
        if this.style == Style::Authoritative && self.servers.is_plain(this.server.ip()) {
            this.style = Style::Plain;
        }
        loop {
            let reply = self.send(question, this, work).await?;
            if reply.tc && this.transport == Transport::Udp {
                // R-128 rfc7766#5
                this.transport = Transport::Tcp;
            } else if reply.tc {
                return Err(Fault::Server(Trouble::Malformed("truncated over TCP".into()), Some(reply.raw)));
            } else if this.style == Style::Authoritative && dislikes_edns(&reply) {
                // R-128 rfc6891#7
                if !reply.edns {
                    self.servers.speaks_no_edns(this.server.ip());
                }
                this.style = Style::Plain;
            } else {
                return Ok(reply);
            }
        }
    }

    async fn send(&self, question: &Question, this: Try, work: &Work) -> Result<Reply, Fault> {
        let mut query = wire::query(question, this.style);
        let accept = |message: Bytes| wire::receive(message, question);
        let waits = Instant::now();
        let turn = self.gate.turn(this.server.ip()).await;
        // That we are polite is nobody's fault.
        work.excuse(waits.elapsed());
        let slot = self.net.slot(work.time_left()).await.ok_or_else(|| work.out_of_time())?;
        self.queries.fetch_add(1, Relaxed);
        let received = match this.transport {
            Transport::Udp => slot.udp(this.server, &mut query, work.spend(this.udp_wait)?, accept).await,
            Transport::Tcp => slot.tcp(this.server, &mut query, work.spend(this.tcp_wait)?, accept).await,
        };
        let server = this.server.ip();
        let trouble = match received {
            Ok((Received::Reply(reply), took)) => {
                self.replies.fetch_add(1, Relaxed);
                self.servers.heard(server, took, this.transport);
                if reply.edns {
                    self.servers.speaks_edns(server);
                }
                if reply.response.rcode == OptRcode::REFUSED.to_int() {
                    turn.badly()
                } else {
                    turn.well()
                }
                return Ok(*reply);
            }
            Ok((Received::Malformed(what, raw), _)) => return Err(Fault::Server(Trouble::Malformed(what), Some(raw))),
            Err(NetError::Strangers) => Trouble::Malformed("it does not answer the question asked".into()),
            Err(NetError::Local(error)) => {
                // Ours, not the server's.
                return Err(Fault::Lookup(LookupError::new(Failure::Budget, format!("cannot open a socket: {error}"))));
            }
            Err(NetError::Unreachable(error)) => {
                self.servers.silent(server, this.transport);
                Trouble::Unreachable(error.to_string())
            }
            Err(NetError::Timeout) => {
                self.servers.silent(server, this.transport);
                Trouble::Timeout
            }
        };
        turn.badly();
        Err(Fault::Server(trouble, None))
    }
}

/// FORMERR, or NOTIMP from a server that shows no sign of knowing EDNS. (RFC 6891 section 7)
fn dislikes_edns(reply: &Reply) -> bool {
    let code = reply.response.rcode;
    code == OptRcode::FORMERR.to_int() || !reply.edns && code == OptRcode::NOTIMP.to_int()
}
