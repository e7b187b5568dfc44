//! OpenSSL's `s_server`, behind a little SMTP.

use super::{Peer, serve, visit};
use dane::observation::AddressObservation;
use probe::LookerConfig;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running `s_server`.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn openssl_is_there() -> bool {
    let there = Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    assert!(there || std::env::var_os("CI").is_none(), "install openssl: CI does not skip");
    if !there {
        eprintln!("skipped: there is no openssl here");
    }
    there
}

pub fn openssl(directory: &Path, arguments: &str) -> String {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A key (`genpkey` arguments) and a self-signed version 3 certificate for it, in key.pem and cert.pem.
pub fn certificate(key: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    openssl(directory.path(), &format!("genpkey {key} -out key.pem"));
    openssl(directory.path(), "req -new -x509 -key key.pem -out cert.pem -days 3 -subj /CN=mx.example.org");
    directory
}

pub fn s_server(directory: &Path, arguments: &str) -> Server {
    let mut child = Command::new("openssl")
        .args("s_server -accept 127.0.0.1:0 -key key.pem -cert cert.pem".split(' '))
        .args(arguments.split(' ').filter(|a| !a.is_empty()))
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().expect("s_server ended early").unwrap();
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.parse().unwrap();
        }
    };
    // What it reads it sends to its client: whoever has shaken hands gets both replies that a visit needs.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line.starts_with("CIPHER is") {
                let _ = stdin.write_all(b"250 mx.example.org\n221 bye\n");
            }
        }
    });
    Server { child, address }
}

/// Visits it, with STARTTLS before TLS.
pub async fn observe(server: &Server, change: impl FnOnce(&mut LookerConfig)) -> AddressObservation {
    let behind = server.address;
    let front = serve(move |mut peer: Peer| async move {
        peer.up_to_starttls().await;
        let mut tls = tokio::net::TcpStream::connect(behind).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut peer.stream, &mut tls).await;
    })
    .await;
    visit(front, change).await
}
