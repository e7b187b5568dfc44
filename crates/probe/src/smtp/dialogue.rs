//! Commands and replies over one connection, in the clear or in TLS, each step recorded.

use crate::config::SmtpLimits;
use crate::smtp::reply::{ReplyLimits, ReplyReader};
use crate::tls::{Session, SessionError, read_ready};
use dane::observation::{Exchange, Got, TlsFailure};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// What we read from the network at a time, octets.
const READ: usize = 2048;

/// One connection's dialogue.
pub(super) struct Dialogue<'a> {
    pub(super) tcp: TcpStream,
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
    pub(super) fn new(tcp: TcpStream, limits: &'a SmtpLimits, end: Instant) -> Self {
        let replies = ReplyReader::new(ReplyLimits { line_octets: limits.line_octets, lines: limits.reply_lines });
        let octets = limits.total_octets;
        Self { tcp, tls: None, limits, replies, octets, since: Instant::now(), end, exchanges: Vec::new(), late_failure: None }
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

    /// When the visit must be over.
    pub(super) fn end(&self) -> Instant {
        self.end
    }

    /// Everything that came and was not asked for, in the clear, up to now.
    pub(super) fn unasked(&mut self) -> Vec<u8> {
        let mut bytes = self.replies.take_pending();
        let mut buffer = [0; READ];
        while let Ok(n @ 1..) = self.tcp.try_read(&mut buffer) {
            bytes.extend_from_slice(buffer.get(..n).unwrap_or_default());
            if bytes.len() > self.octets {
                break;
            }
        }
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
            let _ = timeout_at(self.end.min(Instant::now() + Duration::from_secs(1)), tls.close(&mut self.tcp)).await;
        }
    }

    async fn send(&mut self, command: Option<&str>, deadline: Instant) -> Result<(), Got> {
        let Some(command) = command else { return Ok(()) };
        let line = format!("{command}\r\n");
        let sending = async {
            match &mut self.tls {
                Some(tls) if command == "QUIT" => tls.send_last(&mut self.tcp, line.as_bytes()).await,
                Some(tls) => tls.send(&mut self.tcp, line.as_bytes()).await,
                None => self.tcp.write_all(line.as_bytes()).await.map_err(SessionError::Io),
            }
        };
        match timeout_at(deadline, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) => Err(Got::Timeout),
        }
    }

    async fn receive(&mut self, deadline: Instant) -> Got {
        loop {
            match self.replies.next_reply() {
                Ok(Some(reply)) => return Got::Reply { code: reply.code, lines: reply.lines },
                Ok(None) => {}
                Err(why) => return self.garbage(why.code()),
            }
            let within = self.replies.is_within_reply();
            let (replies, tcp) = (&mut self.replies, &mut self.tcp);
            let mut show = |bytes: &[u8]| replies.feed(bytes);
            let receiving = async {
                match &mut self.tls {
                    Some(tls) => tls.receive(tcp, &mut show).await,
                    None => read_ready(tcp, |bytes| (show(bytes), bytes.len()).1).await.map_err(SessionError::Io),
                }
            };
            match timeout_at(deadline, receiving).await {
                Err(_) if within => return self.garbage("too-slow"),
                Err(_) => return Got::Timeout,
                Ok(Ok(0) | Err(_)) if within => return self.garbage("cut-off"),
                Ok(Ok(0)) => return Got::Closed,
                Ok(Err(error)) => return self.broken(&error),
                Ok(Ok(n)) => match self.octets.checked_sub(n) {
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
            SessionError::Io(e) if matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Got::Reset,
            _ => Got::Closed,
        }
    }
}
