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
use tokio::net::TcpListener;

/// No visit lasts longer.
const VISIT_LIMIT: Duration = Duration::from_secs(180);

/// Says of a mail address, in lower case, whether it is taken.
pub type Welcome = Arc<dyn Fn(&str) -> bool + Send + Sync>;

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

async fn accept(host: Arc<Host>, at: SocketAddr, listener: TcpListener, sink: Sink) {
    loop {
        let Ok((stream, source)) = listener.accept().await else {
            // Out of descriptors: wait for others to close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (host, sink) = (Arc::clone(&host), Arc::clone(&sink));
        tokio::spawn(async move {
            let mut visit = Visit {
                at_ms: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64),
                source,
                server: at,
                helo: None,
                starttls: false,
                sni: None,
                tls: None,
                tls_error: None,
                recipients: vec![],
                mails: vec![],
            };
            // Clients that break off are business as usual; what they did is in the log.
            let _ = tokio::time::timeout(VISIT_LIMIT, talk(&host, stream, &mut visit)).await;
            sink(visit);
        });
    }
}
