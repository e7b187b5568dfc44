//! The sockets of the SMTP servers: one listener per address.

use super::session::talk;
use crate::pki::chain::Identity;
use crate::{LabError, net};
use dane::sender::Visit;
use rustls::ServerConfig;
use scenario::recipe::Smtp;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// No visit lasts longer.
const VISIT_LIMIT: Duration = Duration::from_secs(180);

/// Says of a mail address, in lower case, whether it is taken.
pub type Welcome = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Clients that a host remembers; then it forgets all of them.
const ACQUAINTANCES: usize = 100_000;
/// Connections that one client may have open at a time, those of this machine aside.
const OPEN_PER_CLIENT: u32 = 100;

/// Where visits go when they are over.
pub type Sink = Arc<dyn Fn(Visit) + Send + Sync>;

/// One SMTP server.
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// What it does.
    pub smtp: Smtp,
    /// Its certificates.
    pub tls: Option<Arc<ServerConfig>>,
    /// The same as keys and chains.
    pub identities: Vec<Identity>,
    /// The configuration of the other machine of a pool.
    pub other_tls: Option<Arc<ServerConfig>>,
    /// What somebody has put in its place while it runs.
    pub installed: Mutex<Option<Arc<ServerConfig>>>,
    /// Whether a recipient is taken; without it, all are.
    pub welcome: Option<Welcome>,
    /// How often each client was here before.
    pub met: Mutex<HashMap<IpAddr, u32>>,
}

impl Host {
    /// How often a client was here before.
    pub fn meets(&self, client: IpAddr) -> u32 {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if met.len() >= ACQUAINTANCES {
            met.clear();
        }
        let before = met.entry(client).or_default();
        *before += 1;
        *before - 1
    }

    /// What it presents to a client that was here so often before.
    pub fn presents(&self, before: u32) -> Option<Arc<ServerConfig>> {
        let installed = self.installed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let other = self.other_tls.as_ref().filter(|_| before.is_multiple_of(2));
        installed.or_else(|| other.or(self.tls.as_ref()).cloned())
    }

    /// From now on it presents this.
    pub fn install(&self, tls: Option<Arc<ServerConfig>>) {
        *self.installed.lock().unwrap_or_else(PoisonError::into_inner) = tls;
    }
}

/// Opens the sockets of all hosts and serves from them as long as the runtime lives. What is returned must live as long.
pub fn serve(hosts: &[Arc<Host>], port: u16, sink: &Sink) -> Result<Vec<socket2::Socket>, LabError> {
    let mut deaf = Vec::new();
    for host in hosts {
        let at = SocketAddr::from((host.address, port));
        match host.smtp {
            Smtp::Refused | Smtp::Unreachable => {}
            Smtp::SynLost => deaf.extend(net::deaf(at, "--smtp-port")?),
            _ => {
                let listener = net::listen(at, "--smtp-port")?;
                tokio::spawn(accept(Arc::clone(host), at, listener, Arc::clone(sink)));
            }
        }
    }
    Ok(deaf)
}

/// The connections that each client has open.
#[derive(Default)]
struct Open(Mutex<HashMap<IpAddr, u32>>);

impl Open {
    /// A place for one more connection of this client, until it is dropped; `None` if it has its share.
    fn take(self: &Arc<Self>, client: IpAddr) -> Option<Taken> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.entry(client).or_default();
        if *number >= OPEN_PER_CLIENT && !client.is_loopback() {
            return None;
        }
        *number += 1;
        Some(Taken { open: Arc::clone(self), client })
    }
}

struct Taken {
    open: Arc<Open>,
    client: IpAddr,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.client) {
            Some(number) if *number > 1 => *number -= 1,
            _ => drop(open.remove(&self.client)),
        }
    }
}

async fn accept(host: Arc<Host>, at: SocketAddr, listener: TcpListener, sink: Sink) {
    let open = Arc::new(Open::default());
    loop {
        let Ok((mut stream, source)) = listener.accept().await else {
            // Out of descriptors: wait for others to close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (host, sink, place) = (Arc::clone(&host), Arc::clone(&sink), open.take(source.ip()));
        tokio::spawn(async move {
            let Some(_place) = place else {
                let _ = stream.write_all(b"421 4.7.0 too many connections of yours are open: come again\r\n").await;
                return;
            };
            let mut visit = begun(source, at);
            // Clients that break off are business as usual; what they did is in the log.
            let _ = tokio::time::timeout(VISIT_LIMIT, talk(&host, stream, &mut visit)).await;
            sink(visit);
        });
    }
}

/// A visit that begins now.
pub fn begun(source: SocketAddr, server: SocketAddr) -> Visit {
    Visit {
        at_ms: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64),
        source,
        server,
        helo: None,
        starttls: false,
        sni: None,
        tls: None,
        tls_error: None,
        recipients: vec![],
        mails: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::{OPEN_PER_CLIENT, Open};
    use std::sync::Arc;

    #[test]
    fn nobody_has_all_connections() {
        let open = Arc::new(Open::default());
        let client = "192.0.2.1".parse().unwrap();
        let mut taken: Vec<_> = (0..OPEN_PER_CLIENT).map(|_| open.take(client).expect("its share")).collect();
        assert!(open.take(client).is_none());
        assert!(open.take("192.0.2.2".parse().unwrap()).is_some(), "others have theirs");
        taken.pop();
        assert!(open.take(client).is_some(), "a place that was left is free");
        taken.clear();
        assert!(open.0.lock().unwrap().is_empty(), "nothing is kept of those who left");
        let here: Vec<_> = (0..=OPEN_PER_CLIENT).map(|_| open.take("127.0.0.1".parse().unwrap())).collect();
        assert!(here.iter().all(Option::is_some));
    }
}
