//! Policy hosts: web servers that know one page. (RFC 8461 section 3.3)

use crate::{LabError, net};
use rustls::ServerConfig;
use scenario::recipe::Https;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Octets of a request that we read.
const REQUEST: usize = 8192;
/// No visit lasts longer.
const VISIT_LIMIT: Duration = Duration::from_secs(30);

/// One policy host.
pub struct PolicyHost {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// What it does.
    pub https: Https,
    /// Its certificate.
    pub tls: Option<Arc<ServerConfig>>,
    /// The policy.
    pub policy: String,
}

/// Opens the sockets of all policy hosts and serves from them as long as the runtime lives.
pub fn serve(hosts: Vec<PolicyHost>, port: u16) -> Result<(), LabError> {
    for host in hosts.into_iter().filter(|h| h.https != Https::Refused) {
        let listener = net::listen(SocketAddr::from((host.address, port)), "--smtp-port")?;
        tokio::spawn(accept(Arc::new(host), listener));
    }
    Ok(())
}

async fn accept(host: Arc<PolicyHost>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: wait for others to close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(config) = host.tls.clone() else { continue };
        let host = Arc::clone(&host);
        tokio::spawn(async move {
            let visit = async {
                if let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await {
                    // Clients that break off are business as usual.
                    let _ = answer(&host, &mut stream).await;
                    let _ = stream.shutdown().await;
                }
            };
            let _ = tokio::time::timeout(VISIT_LIMIT, visit).await;
        });
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(host: &PolicyHost, stream: &mut S) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let got = stream.read(&mut buffer).await?;
        if got == 0 || request.len() > REQUEST {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..got]);
    }
    let known = request.starts_with(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n");
    let (status, more, body) = match host.https {
        _ if !known => ("404 Not Found", "Content-Type: text/plain\r\n".to_owned(), "no such page\n"),
        Https::NotFound => ("404 Not Found", "Content-Type: text/html\r\n".to_owned(), "<h1>Not found</h1>\n"),
        Https::Redirect => ("301 Moved Permanently", format!("Location: https://www.{}/mta-sts.txt\r\n", host.name), ""),
        Https::Html => ("200 OK", "Content-Type: text/html\r\n".to_owned(), host.policy.as_str()),
        Https::Normal | Https::Malformed | Https::Refused => {
            ("200 OK", "Content-Type: text/plain; charset=utf-8\r\n".to_owned(), host.policy.as_str())
        }
    };
    let text = format!("HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await
}
