//! What there is to keep: one TOML file.

use dane::name::{Name, fqdn, parse_domain, tlsa_owner};
use rollover::key::KeyType;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where state, keys and the journal are kept.
    pub state: PathBuf,
    /// How TLSA records are published.
    pub dns: Dns,
    /// What is kept right.
    #[serde(rename = "service")]
    pub services: Vec<Service>,
}

/// A TLSA RRset and the servers behind it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Service {
    /// The MX hosts whose TLSA names lead to the RRset: one, or several by aliases.
    pub hosts: Vec<String>,
    /// Port of the service.
    #[serde(default = "smtp")]
    pub port: u16,
    /// Where the records are: the first host's own TLSA name, if nothing is said.
    pub owner: Option<String>,
    /// TTL of the records, seconds.
    #[serde(default = "hour")]
    pub ttl: u32,
    /// How long TLS sessions can be resumed, seconds.
    #[serde(default = "day")]
    pub tickets: u32,
    /// Matching types that each key's records have: 1 is SHA-256, 2 SHA-512.
    #[serde(default = "sha256")]
    pub digests: Vec<u8>,
    /// Its keys: one, or one of each kind.
    #[serde(rename = "key")]
    pub keys: Vec<KeyConfig>,
}

/// One key and what is certified by it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyConfig {
    /// A name by which people know it.
    pub name: String,
    /// `ecdsa` (P-256) or `rsa` (2048 bits).
    pub kind: KeyType,
    /// The file with the server's certificates, leaf first; with the key before them, if `key-file` is not given.
    pub certificate: PathBuf,
    /// The file with the server's private key.
    pub key_file: Option<PathBuf>,
    /// How long a key is used.
    #[serde(default = "year")]
    pub keep_days: u32,
    /// A command that gets a certificate for the key in `$DANELAW_KEY` (or the request in `$DANELAW_CSR`) and writes the chain to `$DANELAW_CHAIN`.
    /// Without it danelaw installs nothing: whoever does asks `danelaw roll may-deploy`.
    #[serde(default)]
    pub certify: Vec<String>,
    /// A command that makes the server take the new files.
    #[serde(default)]
    pub reload: Vec<String>,
}

/// How records are published.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "by", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Dns {
    /// Signed DNS UPDATE. (RFC 2136, RFC 8945)
    Update {
        /// The primary.
        server: SocketAddr,
        /// A file with the key, as `tsig-keygen` writes it.
        key_file: PathBuf,
        /// The zone; the server is asked for it, if nothing is said.
        zone: Option<String>,
    },
    /// PowerDNS's HTTP API.
    Powerdns {
        /// Such as `http://127.0.0.1:8081/api/v1/servers/localhost`.
        url: String,
        /// A file with the key.
        key_file: PathBuf,
        /// The zone.
        zone: Option<String>,
        /// Certificates (PEM) that the server's is held against.
        ca: Option<PathBuf>,
    },
    /// A file that the zone includes.
    Include {
        /// The file.
        file: PathBuf,
        /// What makes the server read it.
        reload: Vec<String>,
    },
    /// A person types it.
    Person,
}

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// It is no such file.
    #[error("{0}: {1}")]
    Text(PathBuf, toml::de::Error),
    /// Something in it makes no sense.
    #[error("{0}: {1}")]
    Sense(PathBuf, String),
}

fn smtp() -> u16 {
    25
}

fn hour() -> u32 {
    3600
}

fn day() -> u32 {
    86_400
}

fn year() -> u32 {
    365
}

fn sha256() -> Vec<u8> {
    vec![1]
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError::File(path.to_owned(), e))?;
        let config: Self = toml::from_str(&text).map_err(|e| ConfigError::Text(path.to_owned(), e))?;
        match config.wrong() {
            Some(what) => Err(ConfigError::Sense(path.to_owned(), what)),
            None => Ok(config),
        }
    }

    fn wrong(&self) -> Option<String> {
        let mut names = BTreeSet::new();
        if self.services.is_empty() {
            return Some("there is no [[service]]".to_owned());
        }
        self.services.iter().find_map(|service| {
            let name = service.hosts.first().map_or("", String::as_str);
            let own = |what: &str| Some(format!("service {name}: {what}"));
            match service {
                Service { hosts, .. } if hosts.is_empty() => own("hosts is empty: name the MX host"),
                Service { keys, .. } if keys.is_empty() => own("there is no [[service.key]]"),
                Service { digests, .. } if digests.is_empty() || digests.iter().any(|d| !matches!(d, 1 | 2)) => {
                    own("digests are 1 (SHA-256), 2 (SHA-512), or both")
                }
                _ => service.wrong().or_else(|| {
                    let twice = service.keys.iter().find(|key| !names.insert(key.file_name()))?;
                    Some(format!("two keys are called {}: give each a name of its own", twice.name))
                }),
            }
        })
    }
}

impl Service {
    fn wrong(&self) -> Option<String> {
        let kind = |key: &&KeyConfig| key.kind == KeyType::Other;
        if let Some(key) = self.keys.iter().find(kind) {
            return Some(format!("key {}: kind is ecdsa or rsa", key.name));
        }
        self.hosts.iter().chain(&self.owner).find_map(|name| parse_domain(name).err().map(|e| format!("{name}: {e}")))
    }

    /// The MX hosts.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        self.hosts.iter().filter_map(|host| parse_domain(host).ok()).collect()
    }

    /// Where the records are.
    #[must_use]
    pub fn owner_name(&self) -> Option<Name> {
        match &self.owner {
            Some(owner) => Name::from_chars(format!("{}.", owner.trim_end_matches('.')).chars()).ok(),
            None => tlsa_owner(self.names().first()?, self.port),
        }
    }

    /// What it is called in files and in output.
    #[must_use]
    pub fn title(&self) -> String {
        self.owner_name().map_or_else(String::new, |owner| fqdn(&owner).trim_end_matches('.').to_owned())
    }
}

impl KeyConfig {
    /// Its name as a part of file names.
    #[must_use]
    pub fn file_name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c.to_ascii_lowercase() } else { '-' };
        self.name.chars().map(plain).collect::<String>().trim_start_matches('.').to_owned()
    }
}
