//! A web server for a handful of pages.
//!
//! It speaks just enough HTTP/1.1 (RFC 9112) for pages and small forms. Whoever asks is bounded: in octets, in time, in connections. One
//! request a connection, no cookies, no log.

mod form;
mod request;
mod response;

pub use form::form;
pub use request::{Method, Reading, Request, RequestReader};
pub use response::{Kind, Response};

use resolve::gate::network;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
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

/// What a server has to say.
pub trait Site: Send + Sync + 'static {
    /// The answer to a request from an address.
    fn answer<'a>(&'a self, request: &'a Request, peer: IpAddr) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>>;
}

/// A web server that listens.
pub struct Web {
    listener: TcpListener,
    inner: Arc<Inner>,
}

struct Inner {
    site: Box<dyn Site>,
    /// Open connections by network.
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Web {
    /// Listens.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn bind(at: SocketAddr, site: impl Site) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(at).await?, inner: Arc::new(Inner { site: Box::new(site), open: Mutex::default() }) })
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
        let octets = match reading {
            Reading::Done(request) => self.site.answer(&request, peer).await.octets(request.method),
            Reading::Refused(status) => Response::of(status).octets(Method::Get),
            Reading::More => return Ok(()),
        };
        stream.write_all(&octets).await?;
        stream.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hello;

    impl Site for Hello {
        fn answer<'a>(&'a self, _: &'a Request, _: IpAddr) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
            Box::pin(std::future::ready(Response::page(200, "<p>hello</p>".to_owned())))
        }
    }

    /// Those who open connections and say nothing keep nobody else out, and one of them not for ever.
    #[tokio::test]
    async fn idlers_take_no_more_than_their_room() {
        let server = Web::bind("127.0.0.1:0".parse().unwrap(), Hello).await.unwrap();
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
}
