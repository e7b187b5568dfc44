//! One SMTP dialogue. (RFC 5321, RFC 3207)

use super::flight;
use super::server::Host;
use dane::sender::{Mail, Visit};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use scenario::recipe::Smtp;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest command line we read.
const LINE_LIMIT: usize = 4096;
/// Longest message we read and throw away, octets.
const MESSAGE_LIMIT: u64 = 10_000_000;
/// Header lines of a message that are kept, and octets of each.
const HEADERS: (usize, usize) = (50, 500);
/// Recipients and messages of one visit.
const TRANSACTIONS: usize = 100;
/// TLS alert `handshake_failure`, as a record.
const ALERT_HANDSHAKE_FAILURE: &[u8] = b"\x15\x03\x01\x00\x02\x02\x28";
/// TLS alert `protocol_version`, as a record.
const ALERT_PROTOCOL_VERSION: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";

/// How a dialogue goes on.
enum Next {
    /// The client has left, or was shown the door.
    End,
    /// 220 was sent: TLS comes.
    Tls,
}

/// Talks to one client until it leaves.
pub async fn talk(host: &Host, mut stream: TcpStream, visit: &mut Visit) -> io::Result<()> {
    let before = host.meets(visit.source.ip());
    if greet(host, &mut stream, before).await?.is_none() {
        return Ok(());
    }
    let mut clear = Dialogue { host, before, stream: &mut stream, encrypted: false, buffer: Vec::new(), recipients: vec![] };
    if let Next::End = clear.run(visit).await? {
        return Ok(());
    }
    match host.smtp {
        Smtp::TlsAlert => refuse_tls(&mut stream, ALERT_HANDSHAKE_FAILURE).await,
        Smtp::Tls10Only => refuse_tls(&mut stream, ALERT_PROTOCOL_VERSION).await,
        Smtp::TlsText => refuse_tls(&mut stream, b"250 what did you say?\r\n").await,
        Smtp::ResetAfterStarttls => reset(&stream),
        Smtp::RsaKeyTransport => rsa_key_transport(host, &mut stream).await,
        _ => encrypted(host, before, stream, visit).await,
    }
}

async fn encrypted(host: &Host, before: u32, stream: TcpStream, visit: &mut Visit) -> io::Result<()> {
    let Some(config) = host.presents(before) else { return Ok(()) };
    let mut stream = match handshake(config, stream, visit).await {
        Ok(stream) => stream,
        Err(error) => {
            visit.tls_error = Some(error.to_string());
            return Err(error);
        }
    };
    let (_, session) = stream.get_ref();
    visit.tls = session.protocol_version().and_then(|v| v.as_str()).map(str::to_owned);
    let mut inner = Dialogue { host, before, stream: &mut stream, encrypted: true, buffer: Vec::new(), recipients: vec![] };
    inner.run(visit).await?;
    stream.shutdown().await
}

/// What the client wants is remembered before it can say that it does not like what it gets.
async fn handshake(config: Arc<ServerConfig>, stream: TcpStream, visit: &mut Visit) -> io::Result<TlsStream<TcpStream>> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    visit.sni = hello.client_hello().server_name().map(str::to_owned);
    hello.into_stream(config).await
}

/// The greeting, or what comes in its place. `None`: the visit is over.
async fn greet(host: &Host, stream: &mut TcpStream, before: u32) -> io::Result<Option<()>> {
    match host.smtp {
        Smtp::ResetAtConnect => {
            // Later than the client's connect, or that would fail instead.
            tokio::time::sleep(Duration::from_millis(500)).await;
            reset(stream)?;
        }
        Smtp::Silent => wait(stream).await?,
        Smtp::Drip => {
            for octet in format!("220 {} ESMTP\r\n", host.name).bytes() {
                stream.write_all(&[octet]).await?;
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
        Smtp::EndlessGreeting => loop {
            stream.write_all(b"220-still greeting\r\n").await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        },
        Smtp::LongLines => {
            stream.write_all(format!("220 {}", "x".repeat(40_000)).as_bytes()).await?;
            stream.write_all(b"\r\n").await?;
            wait(stream).await?;
        }
        Smtp::NotSmtp => {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
        }
        Smtp::Greeting(code) => stream.write_all(refusal(code).as_bytes()).await?,
        Smtp::GreylistOnce if before == 0 => stream.write_all(refusal(450).as_bytes()).await?,
        Smtp::CappedOnce if before == 0 => stream.write_all(refusal(421).as_bytes()).await?,
        _ => {
            stream.write_all(format!("220 {} ESMTP\r\n", host.name).as_bytes()).await?;
            return Ok(Some(()));
        }
    }
    Ok(None)
}

fn refusal(code: u16) -> String {
    let text = match code {
        421 => "4.7.0 too many connections from your address",
        450 => "4.2.0 greylisted, come back in five minutes",
        _ => "5.7.1 your address is on our block list",
    };
    format!("{code} {text}\r\n")
}

/// Reads until the client leaves.
async fn wait(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 512];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

fn reset(stream: &TcpStream) -> io::Result<()> {
    // Closing with a linger time of zero sends RST instead of FIN.
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Reads the ClientHello and answers it with octets of ours.
async fn refuse_tls(stream: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    client_hello(stream).await?;
    stream.write_all(answer).await?;
    stream.shutdown().await
}

/// The first TLS record's content.
async fn client_hello(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let mut rest = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]])).min(16_384)];
    stream.read_exact(&mut rest).await?;
    Ok(rest)
}

/// The beginning of a handshake with a client that has the cipher suite, the alert for all others: our TLS engine has no such suites, and to
/// show the certificate none is needed.
async fn rsa_key_transport(host: &Host, stream: &mut TcpStream) -> io::Result<()> {
    let hello = client_hello(stream).await?;
    if !flight::offers(&hello, flight::RSA_WITH_AES_128_GCM_SHA256) {
        stream.write_all(ALERT_HANDSHAKE_FAILURE).await?;
        return stream.shutdown().await;
    }
    let chain = host.identities.first().map_or(&[][..], |identity| &identity.chain);
    stream.write_all(&flight::server_flight(flight::RSA_WITH_AES_128_GCM_SHA256, chain)).await?;
    wait(stream).await
}

struct Dialogue<'a, S> {
    host: &'a Host,
    /// How often the client was here before.
    before: u32,
    stream: &'a mut S,
    encrypted: bool,
    buffer: Vec<u8>,
    /// Of the message that is being sent.
    recipients: Vec<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<'_, S> {
    async fn run(&mut self, visit: &mut Visit) -> io::Result<Next> {
        while let Some(line) = self.line().await? {
            let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "EHLO" | "HELO" => {
                    visit.helo = line.split_whitespace().nth(1).map(|n| n.chars().take(255).collect());
                    self.hello(&verb)
                }
                "STARTTLS" => {
                    visit.starttls = true;
                    match self.starttls() {
                        Ok(reply) => {
                            self.stream.write_all(reply.as_bytes()).await?;
                            self.stream.flush().await?;
                            return Ok(Next::Tls);
                        }
                        Err(refusal) => refusal,
                    }
                }
                "MAIL" | "RSET" => {
                    self.recipients.clear();
                    "250 2.0.0 Ok\r\n".to_owned()
                }
                "NOOP" => "250 2.0.0 Ok\r\n".to_owned(),
                "RCPT" => self.recipient(&line, visit),
                "DATA" if self.recipients.is_empty() => "503 5.5.1 no valid recipients\r\n".to_owned(),
                "DATA" => {
                    self.stream.write_all(b"354 go on\r\n").await?;
                    self.stream.flush().await?;
                    let mail = self.message().await?;
                    if visit.mails.len() < TRANSACTIONS {
                        visit.mails.push(mail);
                    }
                    "250 2.0.0 taken and forgotten\r\n".to_owned()
                }
                "QUIT" => {
                    self.stream.write_all(b"221 2.0.0 Bye\r\n").await?;
                    return Ok(Next::End);
                }
                _ => "500 5.5.1 command unknown\r\n".to_owned(),
            };
            self.stream.write_all(reply.as_bytes()).await?;
            self.stream.flush().await?;
        }
        Ok(Next::End)
    }

    fn hello(&self, verb: &str) -> String {
        let name = &self.host.name;
        match self.host.smtp {
            Smtp::EhloReply(code) => return format!("{code} 5.7.1 we do not like your name\r\n"),
            _ if verb == "HELO" => return format!("250 {name}\r\n"),
            _ => {}
        }
        let mut lines = vec![name.clone(), "PIPELINING".into(), "SIZE 10000000".into(), "8BITMIME".into(), "ENHANCEDSTATUSCODES".into()];
        if !self.encrypted && !matches!(self.host.smtp, Smtp::NoStarttls | Smtp::StarttlsSelective) {
            lines.push("STARTTLS".into());
        }
        if self.encrypted || self.host.smtp == Smtp::AuthInClear {
            lines.push("AUTH PLAIN LOGIN".into());
        }
        let last = lines.len() - 1;
        lines.iter().enumerate().map(|(i, l)| format!("250{}{l}\r\n", if i == last { ' ' } else { '-' })).collect()
    }

    /// The reply after which TLS begins, or a refusal.
    fn starttls(&self) -> Result<String, String> {
        match self.host.smtp {
            _ if self.encrypted => Err("503 5.5.1 TLS is on already\r\n".into()),
            Smtp::NoStarttls => Err("500 5.5.1 command unknown\r\n".into()),
            Smtp::FlakyStarttls if self.before > 0 => Ok("220 2.0.0 go on\r\n".into()),
            Smtp::StarttlsReply(454) | Smtp::FlakyStarttls => Err("454 4.7.0 TLS not available due to temporary reason\r\n".into()),
            Smtp::StarttlsReply(code) => Err(format!("{code} 5.7.0 no TLS today\r\n")),
            Smtp::Injection => Ok("220 2.0.0 go on\r\n250 2.0.0 injected in clear\r\n".into()),
            _ => Ok("220 2.0.0 go on\r\n".into()),
        }
    }

    /// The next command, without its line end; `None` when the client has left or sent too much.
    async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()));
            }
            if self.buffer.len() > LINE_LIMIT || !self.read_more().await? {
                return Ok(None);
            }
        }
    }

    /// The reply to RCPT.
    fn recipient(&mut self, line: &str, visit: &mut Visit) -> String {
        let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address.to_ascii_lowercase());
        let Some(address) = address.filter(|a| a.len() <= 320) else { return "501 5.1.3 RCPT TO:<address>\r\n".into() };
        if visit.recipients.len() < TRANSACTIONS {
            visit.recipients.push(address.clone());
        }
        if self.host.welcome.as_ref().is_some_and(|welcome| !welcome(&address)) {
            return "550 5.7.1 nobody here has that address, and nothing is relayed\r\n".into();
        }
        if self.recipients.len() >= TRANSACTIONS {
            return "452 4.5.3 too many recipients\r\n".into();
        }
        self.recipients.push(address);
        "250 2.1.5 Ok\r\n".into()
    }

    /// Reads a message up to its final dot and throws it away; what is known of it remains.
    async fn message(&mut self) -> io::Result<Mail> {
        let mut mail = Mail { recipients: std::mem::take(&mut self.recipients), encrypted: self.encrypted, octets: 0, headers: vec![] };
        let mut in_headers = true;
        loop {
            let Some(line) = self.line().await? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            if line == "." {
                return Ok(mail);
            }
            mail.octets += line.len() as u64 + 2;
            in_headers &= !line.is_empty();
            if in_headers && mail.headers.len() < HEADERS.0 {
                mail.headers.push(line.chars().take(HEADERS.1).collect());
            }
            if mail.octets > MESSAGE_LIMIT {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    async fn read_more(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 1024];
        let length = self.stream.read(&mut chunk).await?;
        self.buffer.extend(chunk.iter().take(length));
        Ok(length > 0)
    }
}
