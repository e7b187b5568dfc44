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

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    /// A server that says this to every request, over TLS, with a certificate of its own for `localhost`; the certificate in PEM.
    async fn server(says: &'static str) -> (SocketAddr, String) {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let config = config.with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key).expect("a certificate and its key");
        let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.expect("a port"));
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut buffer = [0; 4096];
                let got = stream.read(&mut buffer).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(buffer.get(..got).unwrap_or_default()).to_ascii_lowercase();
                let fine = asked.starts_with("get /api/v1/x?y=z http/1.1") && asked.contains("x-api-key: the-key");
                let _ = stream.write_all(if fine { says } else { "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n" }.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        (address, own.cert.pem())
    }

    async fn ask(at: SocketAddr, ca: Option<&str>) -> Result<(u16, String), Why> {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, ca.unwrap_or_default()).expect("a file");
        let url = format!("https://localhost:{}/api/v1/", at.port());
        let client = Client::new(&url, ca.map(|_| file.as_path()), Duration::from_secs(5))?;
        let response = client.ask(Method::GET, "/x?y=z", "the-key", None).await?;
        Ok((response.status, String::from_utf8_lossy(&response.body).into_owned()))
    }

    #[tokio::test]
    async fn https_holds_the_server_against_the_file() {
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        let (at, certificate) = server(chunks).await;
        assert_eq!(ask(at, Some(&certificate)).await.expect("an answer"), (200, "hello".to_owned()));
        let (_, other) = server(chunks).await;
        assert!(matches!(ask(at, Some(&other)).await, Err(Why::Unreachable(text)) if text.starts_with("TLS")));
        assert!(matches!(ask(at, None).await, Err(Why::Setting(_))));
        assert!(matches!(ask(at, Some("nothing")).await, Err(Why::Setting(_))));
    }

    #[tokio::test]
    async fn no_redirection_takes_the_key_along() {
        let (at, certificate) = server("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(ask(at, Some(&certificate)).await.expect("an answer").0, 302);
    }

    #[test]
    fn keys_do_not_go_out_in_the_clear() {
        let client = |url: &str| Client::new(url, None, Duration::from_secs(1)).map(|client| client.port);
        for (url, port) in [("http://127.0.0.1:8081/api", 8081), ("http://[::1]/api", 80), ("http://localhost", 80)] {
            assert_eq!(client(url).expect(url), port);
        }
        for url in ["http://192.0.2.1/api", "http://dns.example/api", "http://localhost.example/api"] {
            assert!(matches!(client(url), Err(Why::InTheClear)), "{url}");
        }
        for url in ["127.0.0.1:8081", "ftp://127.0.0.1/", "", "/api"] {
            assert!(matches!(client(url), Err(Why::Setting(_))), "{url}");
        }
    }
}
