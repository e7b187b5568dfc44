//! A mail server that does nothing but STARTTLS, as fast as it can; and chains as public CAs issue them.

use super::{HOST, SERVERS, role};
use crate::bench::usage::on_core;
use crate::process::Server;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SignatureAlgorithm};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The kind of the server's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    P256,
    Rsa2048,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::P256, Self::Rsa2048];

    pub fn word(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::Rsa2048 => "RSA-2048",
        }
    }

    pub fn port(self) -> u16 {
        match self {
            Self::P256 => 2525,
            Self::Rsa2048 => 2526,
        }
    }

    fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            Self::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

/// Accepts and says nothing.
pub const SILENT: u16 = 2527;
/// Takes the ClientHello and says nothing.
pub const HANGS: u16 = 2528;

/// Makes the chains, leaf first, with their keys, and starts the server on its core.
pub fn start(directory: &Path) -> Server {
    for kind in Kind::ALL {
        let issuer_key = KeyPair::generate_for(kind.algorithm()).expect("key");
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = DistinguishedName::new();
        issuer.distinguished_name.push(DnType::OrganizationName, "A Certification Authority of the Benchmark");
        issuer.distinguished_name.push(DnType::CommonName, "B1");
        issuer.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let leaf_key = KeyPair::generate_for(kind.algorithm()).expect("key");
        let leaf = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters");
        let leaf = leaf.signed_by(&leaf_key, &Issuer::from_params(&issuer, &issuer_key)).expect("certificate");
        let issuer = issuer.self_signed(&issuer_key).expect("certificate");
        let pem = format!("{}{}{}", leaf.pem(), issuer.pem(), leaf_key.serialize_pem());
        std::fs::write(directory.join(format!("{}.pem", kind.word())), pem).expect("chain");
    }
    ready(directory, "serve", Kind::Rsa2048.port())
}

/// One that keeps visits waiting; many of them share the ports, as none may have more open files than the visits' own processes.
pub fn start_stalling(directory: &Path) -> Server {
    ready(directory, "stall", HANGS)
}

fn ready(directory: &Path, word: &str, port: u16) -> Server {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    on_core(SERVERS, || Server::start(role(directory, word), &directory.join("server.log"), address))
}

/// The chain of a kind, leaf first.
pub fn chain(directory: &Path, kind: Kind) -> Vec<CertificateDer<'static>> {
    let file = directory.join(format!("{}.pem", kind.word()));
    CertificateDer::pem_file_iter(file).expect("chain").map(|c| c.expect("certificate")).collect()
}

/// TLS of a kind.
pub fn tls(directory: &Path, kind: Kind) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from_pem_file(directory.join(format!("{}.pem", kind.word()))).expect("key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain(directory, kind), key);
    Arc::new(config.expect("certificate"))
}

/// Serves until it is ended.
///
/// # Errors
/// If the ports are taken.
pub fn serve(directory: &Path) -> Result<(), String> {
    super::hold::many_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        for kind in Kind::ALL {
            let acceptor = TlsAcceptor::from(tls(directory, kind));
            listen(kind.port(), move |stream| {
                let acceptor = acceptor.clone();
                async move { visit(stream, &acceptor).await }
            })
            .await?;
        }
        std::future::pending().await
    })
}

/// Keeps visits waiting until it is ended.
///
/// # Errors
/// If the ports are taken.
pub fn stall() -> Result<(), String> {
    super::hold::many_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        listen(SILENT, |stream| async move { drain(stream).await }).await?;
        listen(HANGS, |stream| async move {
            let mut stream = BufReader::with_capacity(256, stream);
            if up_to_starttls(&mut stream).await.is_some() {
                drain(stream.into_inner()).await;
            }
            Some(())
        })
        .await?;
        std::future::pending().await
    })
}

async fn listen<F>(port: u16, serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Result<(), String>
where
    F: Future<Output = Option<()>> + Send + 'static,
{
    let socket = tokio::net::TcpSocket::new_v4().map_err(|e| e.to_string())?;
    socket.set_reuseaddr(true).and_then(|()| socket.set_reuseport(true)).map_err(|e| e.to_string())?;
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)).map_err(|e| format!("port {port}: {e}"))?;
    let listener: TcpListener = socket.listen(4096).map_err(|e| e.to_string())?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(serve(stream));
        }
    });
    Ok(())
}

async fn drain(mut stream: TcpStream) -> Option<()> {
    let mut octet = [0; 64];
    while matches!(stream.read(&mut octet).await, Ok(1..)) {}
    Some(())
}

/// Greets, and answers commands up to and with STARTTLS. Who says QUIT before gets its answer, and none here.
async fn up_to_starttls(stream: &mut BufReader<TcpStream>) -> Option<()> {
    stream.write_all(b"220 mx.bench.example ESMTP\r\n").await.ok()?;
    let mut line = String::new();
    loop {
        line.clear();
        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
            return None;
        }
        stream.write_all(answer(&line)).await.ok()?;
        match line.trim_end() {
            "STARTTLS" => return Some(()),
            "QUIT" => return None,
            _ => {}
        }
    }
}

fn answer(line: &str) -> &'static [u8] {
    match line.trim_end() {
        "STARTTLS" => b"220 2.0.0 ready\r\n",
        "QUIT" => b"221 2.0.0 bye\r\n",
        "NOOP" => b"250 2.0.0 well\r\n",
        _ => b"250-mx.bench.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
    }
}

async fn visit(stream: TcpStream, acceptor: &TlsAcceptor) -> Option<()> {
    let mut stream = BufReader::with_capacity(256, stream);
    up_to_starttls(&mut stream).await?;
    let mut stream = BufReader::with_capacity(256, acceptor.accept(stream.into_inner()).await.ok()?);
    let mut line = String::new();
    while matches!(stream.read_line(&mut line).await, Ok(1..)) {
        stream.write_all(answer(&line)).await.ok()?;
        stream.flush().await.ok()?;
        if line.starts_with("QUIT") {
            break;
        }
        line.clear();
    }
    stream.shutdown().await.ok()
}
