//! `sslscan`'s view of what a mail server's TLS accepts.

use crate::{process, software};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(240);

/// What a server accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Cipher suites by version (`TLSv1.2`), by their IANA code points.
    pub suites: BTreeMap<String, BTreeSet<u16>>,
    /// The first of each version: the server's choice.
    pub preferred: BTreeMap<String, u16>,
    /// Groups by version, by their code points.
    pub groups: BTreeMap<String, BTreeSet<u16>>,
    /// Whether it secures renegotiation. `None`: not known.
    pub secure_renegotiation: Option<bool>,
}

/// Scans a mail server. Gives also what it printed.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn scan(address: SocketAddr, name: &str) -> (Accepted, String) {
    let mut command = software::command("sslscan");
    command.args(["--starttls-smtp", "--no-colour", "--no-heartbleed", "--no-check-certificate", "--xml=-"]);
    command.arg(format!("--sni-name={name}")).arg(address.to_string());
    let output = process::output(command, LIMIT);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (read(&text), text)
}

/// Its XML has one element a line, attributes in double quotes.
fn read(xml: &str) -> Accepted {
    let mut accepted = Accepted::default();
    for line in xml.lines().map(str::trim) {
        let attribute = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let code = || u16::from_str_radix(attribute("id")?.trim_start_matches("0x"), 16).ok();
        if line.starts_with("<cipher ") {
            let (Some(version), Some(code)) = (attribute("sslversion"), code()) else { continue };
            accepted.suites.entry(version.to_owned()).or_default().insert(code);
            if attribute("status") == Some("preferred") {
                accepted.preferred.insert(version.to_owned(), code);
            }
        } else if line.starts_with("<group ") {
            let (Some(version), Some(code)) = (attribute("sslversion"), code()) else { continue };
            accepted.groups.entry(version.to_owned()).or_default().insert(code);
        } else if line.starts_with("<renegotiation ") {
            // Where its own library found no common ground, both are 0.
            accepted.secure_renegotiation = (attribute("supported") == Some("1")).then(|| attribute("secure") == Some("1"));
        }
    }
    accepted
}
