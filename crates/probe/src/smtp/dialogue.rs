//! Commands and replies over one connection, in the clear or in TLS, each step recorded.

use crate::config::SmtpLimits;
use crate::smtp::reply::{ReplyLimits, ReplyReader};
use crate::tls::{Session, SessionError};
use crate::wire::Wire;
use dane::observation::{Exchange, Got, TlsFailure};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// One connection's dialogue.
pub(super) struct Dialogue<'a> {
    pub(super) wire: Wire,
    /// Set once TLS is up.
    tls: Option<Session>,
    limits: &'a SmtpLimits,
    replies: ReplyReader,
    /// Octets that may still come.
    octets: usize,
    /// When the connection was made.
    since: Instant,
    /// When the visit must be over.
    end: Instant,
    /// The record.
    pub(super) exchanges: Vec<Exchange>,
    /// What TLS had to say after the handshake: alerts come late in TLS 1.3.
    pub(super) late_failure: Option<TlsFailure>,
}

impl<'a> Dialogue<'a> {
    pub(super) fn new(wire: Wire, limits: &'a SmtpLimits, end: Instant) -> Self {
        let replies = ReplyReader::new(ReplyLimits { line_octets: limits.line_octets, lines: limits.reply_lines });
        let octets = limits.total_octets;
        Self { wire, tls: None, limits, replies, octets, since: Instant::now(), end, exchanges: Vec::new(), late_failure: None }
    }

    /// Sends a command (none: waits for the greeting), takes the reply, records both. Gives the reply's code, if it was one.
    pub(super) async fn exchange(&mut self, command: Option<&str>, patience: Duration) -> Option<u16> {
        let deadline = self.end.min(Instant::now() + patience);
        let at_ms = u32::try_from(self.since.elapsed().as_millis()).unwrap_or(u32::MAX);
        let got = match self.send(command, deadline).await {
            Ok(()) => self.receive(deadline).await,
            // What the server said before it hung up explains more than our failure to write.
            Err(got) => match self.receive(deadline).await {
                reply @ Got::Reply { .. } => reply,
                _ => got,
            },
        };
        let reply = match &got {
            Got::Reply { code, .. } => Some(*code),
            _ => None,
        };
        self.exchanges.push(Exchange { sent: command.map(str::to_owned), encrypted: self.tls.is_some(), got, at_ms });
        reply
    }

    /// Adds to the record what nobody asked for.
    pub(super) fn note(&mut self, got: Got) {
        let at_ms = u32::try_from(self.since.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.exchanges.push(Exchange { sent: None, encrypted: self.tls.is_some(), got, at_ms });
    }

    /// When the visit must be over.
    pub(super) fn end(&self) -> Instant {
        self.end
    }

    /// Everything that came and was not asked for, in the clear, up to now.
    pub(super) fn unasked(&mut self) -> Vec<u8> {
        let mut bytes = self.replies.take_pending();
        let mut add = |more: &[u8]| {
            bytes.extend_from_slice(more);
            !more.is_empty() && bytes.len() <= self.octets
        };
        while let Ok(true) = self.wire.take_what_is_there(&mut add) {}
        bytes
    }

    /// From here on in TLS.
    pub(super) fn secure(&mut self, session: Session) {
        self.tls = Some(session);
        self.octets = self.limits.total_octets;
    }

    /// Ends the TLS session in good order.
    pub(super) async fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close(&mut self.wire, self.end.min(Instant::now() + Duration::from_secs(1))).await;
        }
    }

    async fn send(&mut self, command: Option<&str>, deadline: Instant) -> Result<(), Got> {
        let Some(command) = command else { return Ok(()) };
        let line = format!("{command}\r\n");
        let (wire, line) = (&mut self.wire, line.as_bytes());
        let sent = match &mut self.tls {
            Some(tls) if command == "QUIT" => tls.send_last(wire, line, deadline).await,
            Some(tls) => tls.send(wire, line, deadline).await,
            None => wire.send(line, deadline).await.map_err(SessionError::from),
        };
        sent.map_err(|error| self.broken(&error))
    }

    async fn receive(&mut self, deadline: Instant) -> Got {
        loop {
            match self.replies.next_reply() {
                Ok(Some(reply)) => return Got::Reply { code: reply.code, lines: reply.lines },
                Ok(None) => {}
                Err(why) => return self.garbage(why.code()),
            }
            let within = self.replies.is_within_reply();
            let (replies, wire) = (&mut self.replies, &mut self.wire);
            let mut show = |bytes: &[u8]| replies.feed(bytes);
            let received = match &mut self.tls {
                Some(tls) => tls.receive(wire, deadline, &mut show).await,
                None => wire.receive(deadline, |bytes| (show(bytes), bytes.len()).1).await.map_err(SessionError::from),
            };
            match received {
                Err(SessionError::Late) if within => return self.garbage("too-slow"),
                Ok(0) | Err(_) if within => return self.garbage("cut-off"),
                Ok(0) => return Got::Closed,
                Err(error) => return self.broken(&error),
                Ok(n) => match self.octets.checked_sub(n) {
                    Some(left) => self.octets = left,
                    None => return self.garbage("too-many-bytes"),
                },
            }
        }
    }

    fn garbage(&self, why: &str) -> Got {
        Got::Garbage { text: self.replies.fragment(), why: why.to_owned() }
    }

    fn broken(&mut self, error: &SessionError) -> Got {
        self.late_failure = self.late_failure.take().or_else(|| error.failure());
        match error {
            SessionError::Late => Got::Timeout,
            SessionError::Io(e) if matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Got::Reset,
            _ => Got::Closed,
        }
    }
}
