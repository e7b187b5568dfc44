//! `openssl s_client -dane_tlsa_*` against `openssl s_server`: what a sender built on OpenSSL would decide.

use crate::pki::{Cert, Key, pem};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Security level 0: the level rules out small keys and old digests for every protocol; RFC 7672 has no such rule, and Postfix sets 0 too.
const CIPHERS: &str = "DEFAULT:@SECLEVEL=0";

/// What the other side decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The certificate usage that matched, and at which depth.
    Match {
        usage: u8,
        depth: u8,
    },
    NoMatch,
    Unusable,
}

/// Whether the program is there.
pub fn is_installed() -> bool {
    Command::new("openssl").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Runs openssl with success.
pub fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The key of a certificate, as SubjectPublicKeyInfo; `None` if openssl cannot read the certificate or its key.
pub fn public_key(der: &Path) -> Option<Vec<u8>> {
    let output =
        Command::new("openssl").args(["x509", "-inform", "DER", "-noout", "-pubkey", "-in"]).arg(der).stdin(Stdio::null()).output();
    let output = output.unwrap();
    let digits: String = String::from_utf8_lossy(&output.stdout).lines().filter(|l| !l.starts_with("-----")).collect();
    output.status.success().then(|| data_encoding::BASE64.decode(digits.as_bytes()).unwrap()).filter(|key| !key.is_empty())
}

/// A server that presents one chain. Ended when dropped.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Serves `chain`, whose first certificate is for `key`.
    pub fn start(directory: &Path, name: usize, chain: &[Cert], key: &Key) -> Self {
        let (leaf, others) = (directory.join(format!("{name}.leaf")), directory.join(format!("{name}.others")));
        std::fs::write(&leaf, pem(&chain[0].der)).unwrap();
        std::fs::write(&others, chain[1..].iter().map(|c| pem(&c.der)).collect::<String>()).unwrap();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cipher", CIPHERS, "-no-CAfile", "-no-CApath", "-no-CAstore"]);
        command.arg("-cert").arg(&leaf).arg("-key").arg(&key.file);
        if chain.len() > 1 {
            command.arg("-cert_chain").arg(&others);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        // With port 0 it says which port it got: `ACCEPT 127.0.0.1:40123`.
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|l| l.strip_prefix("ACCEPT ").map(str::to_owned));
        Self { child, address: address.expect("s_server ended before it served") }
    }

    /// What s_client decides.
    pub fn ask(&self, records: &[String], host: &str, at: i64, options: &[&str]) -> (Decision, String) {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &self.address, "-brief", "-verify_return_error", "-cipher", CIPHERS]);
        command.args(["-attime", &at.to_string(), "-dane_tlsa_domain", host]).args(options);
        if !options.contains(&"-CAfile") {
            command.arg("-no-CAfile");
        }
        command.args(["-no-CApath", "-no-CAstore"]);
        for record in records {
            command.args(["-dane_tlsa_rrdata", record]);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (read(&text), text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `DANE TLSA 3 1 1 ...0123 matched EE certificate at depth 0` with `Verification: OK`.
fn read(text: &str) -> Decision {
    if text.contains("Failed to import any TLSA records") {
        return Decision::Unusable;
    }
    let line = text.lines().find_map(|l| l.strip_prefix("DANE TLSA "));
    match line {
        Some(line) if text.contains("Verification: OK") => {
            let usage = line.split(' ').next().and_then(|u| u.parse().ok());
            let depth = line.rsplit(' ').next().and_then(|d| d.parse().ok());
            Decision::Match { usage: usage.unwrap(), depth: depth.unwrap() }
        }
        _ => {
            assert!(text.contains("verify error"), "s_client did not come to a decision: {text}");
            Decision::NoMatch
        }
    }
}
