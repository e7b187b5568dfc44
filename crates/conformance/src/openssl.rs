//! Certificates and TLSA verdicts by the `openssl` command.

use crate::process::{self, Server, succeed};
use crate::software;
use crate::zone::free_port;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// What became of a set of TLSA records against a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// A usable record authenticates the server.
    Match,
    /// Usable records, none of which does.
    NoMatch,
    /// No usable record.
    Unusable,
}

/// A certificate authority's directory: every certificate and key is a file `NAME.pem` and `NAME.key`.
pub struct Authority<'a> {
    directory: &'a Path,
    data: RefCell<HashMap<(String, u8, u8), String>>,
}

/// How a certificate is made.
pub struct Request<'a> {
    /// The file's name and, unless the extensions say otherwise, what to call it.
    pub name: &'a str,
    /// Subject, as `/CN=x`.
    pub subject: &'a str,
    /// The issuer's file name; none for a self-signed certificate.
    pub issuer: Option<&'a str>,
    /// Extension lines of an openssl configuration. Empty makes a version 1 certificate.
    pub extensions: &'a str,
    /// Days from now at which validity begins and ends.
    pub days: (i64, i64),
    /// Arguments of `openssl genpkey`.
    pub key: &'a [&'a str],
}

/// A P-256 key.
pub const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
/// An RSA key of 2048 bits.
pub const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

impl<'a> Authority<'a> {
    /// An authority without certificates.
    #[must_use]
    pub fn new(directory: &'a Path) -> Self {
        Self { directory, data: RefCell::default() }
    }

    /// Makes key and certificate.
    ///
    /// # Panics
    /// If openssl fails.
    pub fn make(&self, request: &Request<'_>) {
        let (key, csr) = (format!("{}.key", request.name), format!("{}.csr", request.name));
        self.run(&[&["genpkey", "-out", &key], request.key].concat());
        self.run(&["req", "-new", "-key", &key, "-subj", request.subject, "-out", &csr, "-config", "empty.cnf"]);
        let issuer = request.issuer.unwrap_or(request.name);
        let [begins, ends] = [request.days.0, request.days.1].map(date);
        // `openssl ca` is the one command that sets both ends of the validity.
        let configuration = format!(
            "[ca]\ndefault_ca=d\n[d]\ndir=.\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n\
             email_in_dn=no\nrand_serial=yes\n[p]\ncommonName=optional\n[x]\n{}\n",
            request.extensions
        );
        fs::write(self.directory.join("ca.cnf"), configuration).expect("ca.cnf");
        let (out, issuer_key, issuer_pem) = (format!("{}.pem", request.name), format!("{issuer}.key"), format!("{issuer}.pem"));
        let mut arguments =
            vec!["ca", "-batch", "-notext", "-preserveDN", "-config", "ca.cnf", "-in", &csr, "-out", &out, "-keyfile", &issuer_key];
        arguments.extend(["-startdate", &begins, "-enddate", &ends]);
        arguments.extend(if request.issuer.is_some() { vec!["-cert", &issuer_pem] } else { vec!["-selfsign"] });
        if !request.extensions.is_empty() {
            arguments.extend(["-extensions", "x"]);
        }
        self.run(&arguments);
    }

    /// Writes the chain of these certificates, in this order, and returns the file.
    ///
    /// # Panics
    /// If one does not exist.
    #[must_use]
    pub fn chain(&self, names: &[&str]) -> PathBuf {
        let path = self.directory.join(format!("chain-{}.pem", names.join("+")));
        let parts = names.iter().map(|name| fs::read_to_string(self.directory.join(format!("{name}.pem"))).expect("certificate"));
        fs::write(&path, parts.collect::<String>()).expect("chain");
        path
    }

    /// TLSA data of a certificate: selector and matching type as numbers.
    ///
    /// # Panics
    /// If openssl fails.
    #[must_use]
    pub fn data(&self, name: &str, selector: u8, matching: u8) -> String {
        let wanted = (name.to_owned(), selector, matching);
        let known = self.data.borrow().get(&wanted).cloned();
        known.unwrap_or_else(|| {
            let made = self.make_data(name, selector, matching);
            self.data.borrow_mut().insert(wanted, made.clone());
            made
        })
    }

    fn make_data(&self, name: &str, selector: u8, matching: u8) -> String {
        let pem = format!("{name}.pem");
        if selector == 0 {
            self.run(&["x509", "-in", &pem, "-outform", "DER", "-out", "selected.der"]);
        } else {
            self.run(&["x509", "-in", &pem, "-noout", "-pubkey", "-out", "selected.pub"]);
            self.run(&["pkey", "-pubin", "-in", "selected.pub", "-outform", "DER", "-out", "selected.der"]);
        }
        let digest = match matching {
            0 => return hex(&fs::read(self.directory.join("selected.der")).expect("selected.der")),
            1 => "-sha256",
            _ => "-sha512",
        };
        let printed = self.run(&["dgst", digest, "-r", "selected.der"]);
        printed.split_whitespace().next().unwrap_or_default().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> String {
        for (file, content) in [("empty.cnf", "[req]\ndistinguished_name=dn\n[dn]\n"), ("index.txt", "")] {
            fs::write(self.directory.join(file), content).expect("file");
        }
        let mut command = software::command("openssl");
        command.args(arguments).current_dir(self.directory);
        succeed(command)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `days` from now as YYMMDDHHMMSSZ.
fn date(days: i64) -> String {
    let mut command = std::process::Command::new("date");
    command.args(["-u", "+%y%m%d%H%M%SZ", "-d", &format!("{days} days")]);
    succeed(command).trim().to_owned()
}

/// `openssl s_server` with a chain, at a port of 127.0.0.1.
pub struct TlsServer {
    _server: Server,
    /// Where it listens.
    pub address: SocketAddr,
}

impl TlsServer {
    /// Presents these certificates, in this order.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(authority: &Authority<'_>, names: &[&str]) -> Self {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = SocketAddr::new(here, free_port(&[here]));
        let mut command = software::command("openssl");
        let file = |name: &str, extension| authority.directory.join(format!("{name}.{extension}"));
        let leaf = names.first().expect("a leaf");
        command.args(["s_server", "-quiet", "-no_ign_eof", "-accept", &address.to_string(), "-cert"]).arg(file(leaf, "pem"));
        command.arg("-key").arg(file(leaf, "key"));
        if names.len() > 1 {
            command.arg("-cert_chain").arg(authority.chain(&names[1..]));
        }
        let server = Server::start(command, &file(&format!("server{}", address.port()), "log"), address);
        Self { _server: server, address }
    }
}

/// How `openssl s_client` reaches a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speak {
    /// TLS at once.
    Tls,
    /// SMTP, then STARTTLS.
    Smtp,
}

/// `openssl s_client`'s verdict on what the server at `address` presents, and what it printed.
///
/// # Panics
/// If openssl cannot be started.
#[must_use]
pub fn judge(address: SocketAddr, speak: Speak, base: &str, names: &[String], records: &[String]) -> (Option<Match>, String) {
    let mut command = software::command("openssl");
    command.args(["s_client", "-connect", &address.to_string(), "-servername", base, "-dane_tlsa_domain", base, "-dane_ee_no_namechecks"]);
    if speak == Speak::Smtp {
        command.args(["-starttls", "smtp", "-name", "client.example.net"]);
    }
    if let Some(name) = names.iter().find(|name| *name != base) {
        command.args(["-verify_hostname", name]);
    }
    for record in records {
        command.args(["-dane_tlsa_rrdata", record]);
    }
    let output = process::output(command, LIMIT);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let verdict = match &text {
        text if text.contains("no usable TLSA records") || text.contains("Failed to import any TLSA") => Some(Match::Unusable),
        text if text.contains("Verification: OK") && text.contains("DANE TLSA") => Some(Match::Match),
        text if text.contains("Verification error:") => Some(Match::NoMatch),
        _ => None,
    };
    (verdict, text)
}
