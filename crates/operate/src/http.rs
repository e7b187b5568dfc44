//! HTTP for APIs that hold credentials: one request a connection, bounded in time and octets; no redirection is followed, as it would take the
//! credentials along.

use crate::dns::Why;
use http_body_util::{BodyExt as _, Full, Limited};
pub(crate) use hyper::Method;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::http::uri::{Scheme, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Octets of an answer: a large zone, shown whole.
const BODY: usize = 64 * 1024 * 1024;

/// A client of one API.
pub(crate) struct Client {
    base: String,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    wait: Duration,
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Client {
    /// `url`: what the paths of requests are appended to. `ca`: a file of certificates, for https.
    pub(crate) fn new(url: &str, ca: Option<&Path>, wait: Duration) -> Result<Self, Why> {
        let wrong = || Why::Setting("is no URL such as http://127.0.0.1:8081/api/v1/servers/localhost".to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(wrong()),
        };
        let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !secure && !here {
            return Err(Why::InTheClear);
        }
        let tls = if secure { Some(connector(ca)?) } else { None };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { base: uri.path().trim_end_matches('/').to_owned(), host, port, tls, wait })
    }

    /// One request, with the key as `X-API-Key`, and its answer.
    pub(crate) async fn ask(&self, method: Method, path: &str, key: &str, body: Option<String>) -> Result<Response, Why> {
        let stream = timeout(self.wait, self.connect()).await;
        let stream = stream.unwrap_or_else(|_| Err(Why::Unreachable(format!("no connection within {} s", self.wait.as_secs()))))?;
        let host = if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) };
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base)).header("Host", host).header("X-API-Key", key);
        let request = request.header("Content-Type", "application/json").header("Accept", "application/json");
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())));
        let request = request.map_err(|_| Why::Setting("URL or key have characters that HTTP does not allow".to_owned()))?;
        timeout(self.wait, talk(stream, request)).await.map_err(|_| Why::Timeout(self.wait.as_secs()))?
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Why> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|e| Why::Unreachable(e.to_string()))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(self.host.clone()).map_err(|_| Why::Setting("the URL's host is no name".to_owned()))?;
        let stream = tls.connect(name, stream).await.map_err(|e| Why::Unreachable(format!("TLS: {e}")))?;
        Ok(Box::new(stream))
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn talk(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> Result<Response, Why> {
    let broken = |error: hyper::Error| Why::Broken(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // The connection ends with the task, and the task with this answer.
    let task = tokio::spawn(connection);
    let answered = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY).collect().await.map_err(|e| Why::Broken(e.to_string()))?;
        Ok(Response { status, body: body.to_bytes() })
    };
    let answered = answered.await;
    task.abort();
    answered
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, Why> {
    let wrong = |what: String| Why::Setting(what);
    let path = ca.ok_or_else(|| wrong("https needs a file of the certificates (PEM) that the server's is held against".to_owned()))?;
    let unreadable = |e: rustls::pki_types::pem::Error| wrong(format!("{}: no certificates in PEM can be read: {e}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
    }
    if roots.is_empty() {
        return Err(wrong(format!("{}: there is no certificate in it", path.display())));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|e| wrong(e.to_string()))?.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
