//! The sockets, and who gets what.

use super::request::{Method, Reading, Request, RequestReader};
use super::wishes::{Wish, WishError, Wishes};
use crate::dns::Dns;
use crate::look::now;
use resolve::gate::network;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections at the same time; more wait in the system's queue.
const CONNECTIONS: usize = 64;
/// Connections of one network at the same time; more are closed at once, so that nobody takes all the room.
const CONNECTIONS_OF_ONE: usize = 8;
/// Time for one connection, whatever it does.
const CONNECTION_TIME: Duration = Duration::from_secs(20);
/// Fields of a form.
const FIELDS: usize = 8;

/// What became of a wish, for the page.
#[derive(Debug)]
pub enum Answer {
    /// It was taken.
    Taken(Wish),
    /// It was not.
    Refused(WishError),
}

/// Makes the page: by itself, or with what became of a wish.
pub type Page = Box<dyn Fn(Option<&Answer>) -> String + Send + Sync>;

/// Serves the page that explains a scan, and takes wishes to be left alone.
pub struct Identify {
    listener: TcpListener,
    inner: Arc<Inner>,
}

struct Inner {
    page: Page,
    /// None: nobody keeps wishes.
    wishes: Option<Wishes>,
    dns: Arc<dyn Dns>,
    /// Open connections by network.
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Identify {
    /// Listens. `wishes`: where wishes are kept; without it the form is refused.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn bind(at: SocketAddr, page: Page, wishes: Option<Wishes>, dns: Arc<dyn Dns>) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(at).await?, inner: Arc::new(Inner { page, wishes, dns, open: Mutex::default() }) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Those of the system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until dropped.
    pub async fn serve(self) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            let Ok((stream, peer)) = self.listener.accept().await else {
                // Out of descriptors: wait for others to close.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let inner = Arc::clone(&self.inner);
            tokio::spawn(async move {
                if inner.enter(peer.ip()) {
                    // Whoever is slow or leaves loses nothing but the page.
                    let _ = timeout(CONNECTION_TIME, inner.talk(stream, peer.ip())).await;
                    inner.leave(peer.ip());
                }
                drop(place);
            });
        }
    }
}

impl Inner {
    /// Whether one more connection from there is welcome; then [`Inner::leave`] must follow.
    fn enter(&self, peer: IpAddr) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.entry(network(peer)).or_default();
        let welcome = *here < CONNECTIONS_OF_ONE;
        *here += usize::from(welcome);
        welcome
    }

    fn leave(&self, peer: IpAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = open.get_mut(&network(peer)) {
            *here = here.saturating_sub(1);
        }
        open.retain(|_, here| *here > 0);
    }

    async fn talk(&self, mut stream: TcpStream, peer: IpAddr) -> io::Result<()> {
        let mut reader = RequestReader::default();
        let mut buffer = [0; 2048];
        let reading = loop {
            let got = stream.read(&mut buffer).await?;
            if got == 0 {
                return Ok(());
            }
            match reader.feed(buffer.get(..got).unwrap_or_default()) {
                Reading::More => {}
                done => break done,
            }
        };
        let response = match reading {
            Reading::Done(request) => self.answer(&request, peer).await,
            Reading::Refused(status) => response(status, "", true),
            Reading::More => return Ok(()),
        };
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    }

    async fn answer(&self, request: &Request, peer: IpAddr) -> String {
        match (request.method, request.path.as_str()) {
            (Method::Get, "/") => response(200, &(self.page)(None), true),
            (Method::Head, "/") => response(200, &(self.page)(None), false),
            (Method::Post, "/opt-out") => self.wish(&request.body, peer).await,
            (Method::Post, _) | (Method::Get | Method::Head, "/opt-out") => response(405, "", true),
            (Method::Get | Method::Head, _) => response(404, "", true),
        }
    }

    async fn wish(&self, body: &[u8], peer: IpAddr) -> String {
        let Some(wishes) = &self.wishes else { return response(404, "", true) };
        let fields = form(body);
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
        let answer = match wishes.take(field("what"), field("contact"), peer, now(), self.dns.as_ref()).await {
            Ok(wish) => Answer::Taken(wish),
            Err(error) => Answer::Refused(error),
        };
        let status = match &answer {
            Answer::Taken(_) => 200,
            Answer::Refused(WishError::NotUnderstood) => 400,
            Answer::Refused(WishError::TooMany) => 429,
            Answer::Refused(WishError::Unkept(_)) => 503,
        };
        response(status, &(self.page)(Some(&answer)), true)
    }
}

/// The fields of a form, decoded. (application/x-www-form-urlencoded)
fn form(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    text.split('&').take(FIELDS).filter_map(|pair| pair.split_once('=')).map(|(n, v)| (decoded(n), decoded(v))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, pair) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn response(status: u16, page: &str, with_body: bool) -> String {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    };
    let body = if page.is_empty() {
        format!("<!doctype html><title>{reason}</title><p>{reason}. <a href=\"/\">About this scan</a></p>")
    } else {
        page.to_owned()
    };
    let allow = if status == 405 { "Allow: GET, HEAD, POST\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n{allow}\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'\r\n\
         X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if with_body { head + &body } else { head }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_whatever_is_in_them() {
        let fields = form(b"what=192.0.2.0%2F24&contact=a+b%40c%zz%4&x&=&%ff=1");
        let expected = [("what", "192.0.2.0/24"), ("contact", "a b@c%zz%4"), ("", ""), ("\u{fffd}", "1")];
        assert_eq!(fields, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(form(&b"a=1&".repeat(100)).len(), FIELDS);
    }

    struct Nothing;

    impl Dns for Nothing {
        fn lookup<'a>(&'a self, name: &'a dane::name::Name, rtype: domain::base::iana::Rtype) -> crate::DnsFuture<'a, dane::dns::Lookup> {
            Box::pin(std::future::ready(dane::dns::Lookup::unasked(name, rtype, 0)))
        }

        fn zone_apex<'a>(&'a self, _: &'a dane::name::Name) -> crate::DnsFuture<'a, Option<dane::name::Name>> {
            Box::pin(std::future::ready(None))
        }
    }

    /// Those who open connections and say nothing keep nobody else out, and one of them not for ever.
    #[tokio::test]
    async fn idlers_take_no_more_than_their_room() {
        let page: Page = Box::new(|_| "<p>hello</p>".to_owned());
        let server = Identify::bind("127.0.0.1:0".parse().unwrap(), page, None, Arc::new(Nothing)).await.unwrap();
        let at = server.address().unwrap();
        tokio::spawn(server.serve());
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS_OF_ONE {
            idle.push(TcpStream::connect(at).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut answer = Vec::new();
        let mut turned_away = TcpStream::connect(at).await.unwrap();
        let _ = timeout(Duration::from_secs(5), turned_away.read_to_end(&mut answer)).await.expect("closed at once");
        assert!(answer.is_empty());
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.1.1:0".parse().unwrap()).unwrap();
        let mut other = socket.connect(at).await.unwrap();
        other.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        other.read_to_end(&mut answer).await.unwrap();
        assert!(String::from_utf8(answer).unwrap().ends_with("\r\n\r\n<p>hello</p>"));
    }

    #[test]
    fn headers_alone_have_the_length_of_the_page() {
        let (whole, head) = (response(200, "<p>é</p>", true), response(200, "<p>é</p>", false));
        assert!(whole.starts_with(&head) && head.contains("Content-Length: 9\r\n") && head.ends_with("\r\n\r\n"));
    }
}
