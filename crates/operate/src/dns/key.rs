//! Keys for signed updates: as `tsig-keygen` prints them, or in one line.

use aws_lc_rs::hmac;
use dane::name::Name;
use domain::base::name::Name as AnyName;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Octets of a key file that are read.
const FILE: u64 = 64 * 1024;
/// A bit of a file's mode: everybody on the machine may read it.
const WORLD_READABLE: u32 = 0o004;

/// How the MAC is made. (RFC 8945 section 6)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `hmac-sha256`
    HmacSha256,
    /// `hmac-sha384`
    HmacSha384,
    /// `hmac-sha512`
    HmacSha512,
}

impl Algorithm {
    /// Its name in TSIG records, in wire format.
    pub(crate) fn name(self) -> &'static AnyName<[u8]> {
        let octets: &[u8] = match self {
            Self::HmacSha256 => b"\x0bhmac-sha256\0",
            Self::HmacSha384 => b"\x0bhmac-sha384\0",
            Self::HmacSha512 => b"\x0bhmac-sha512\0",
        };
        AnyName::from_slice(octets).unwrap_or(AnyName::root_slice())
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::HmacSha256 => hmac::HMAC_SHA256,
            Self::HmacSha384 => hmac::HMAC_SHA384,
            Self::HmacSha512 => hmac::HMAC_SHA512,
        }
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match text.trim_end_matches('.').to_ascii_lowercase().as_str() {
            "hmac-sha256" => Ok(Self::HmacSha256),
            "hmac-sha384" => Ok(Self::HmacSha384),
            "hmac-sha512" => Ok(Self::HmacSha512),
            _ => Err(KeyError::Algorithm(text.chars().take(40).collect())),
        }
    }
}

/// A key. Its secret is shown nowhere, and wiped when the key is dropped.
pub struct Key {
    name: Name,
    algorithm: Algorithm,
    hmac: hmac::Key,
}

/// Why there is no key. No message quotes what may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Everybody can read it.
    #[error("everybody on this machine can read it: change the key, for it may be known, then `chmod o-rwx` the file")]
    WorldReadable,
    /// A directory, a device, something large or something binary.
    #[error("is not a key file; `tsig-keygen NAME` writes one")]
    NotAKeyFile,
    /// Neither of the two forms.
    #[error("wants `key \"NAME\" {{ algorithm hmac-sha256; secret \"BASE64\"; }};` or one line `hmac-sha256:NAME:BASE64`: {0}")]
    Syntax(&'static str),
    /// An API key with blanks or without characters.
    #[error("wants the API key in one line, without blanks")]
    ApiKey,
    /// Not one of the three.
    #[error("algorithm '{0}' is not one of hmac-sha256, hmac-sha384 and hmac-sha512; `tsig-keygen NAME` makes a key of the first")]
    Algorithm(String),
}

impl Key {
    /// Reads a file that has one key in it.
    ///
    /// # Errors
    /// What is wrong with the file; it has to be unreadable for those who are neither its owner nor of its group.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let octets = read_secret(path)?;
        std::str::from_utf8(&octets).map_err(|_| KeyError::NotAKeyFile)?.parse()
    }

    fn new(name: &str, algorithm: &str, secret: &str) -> Result<Self, KeyError> {
        // RFC 8945 section 4.3.3: names are digested in lower case.
        let name = Name::from_str(&name.to_ascii_lowercase()).map_err(|_| KeyError::Syntax("the key's name is not a domain name"))?;
        let algorithm: Algorithm = algorithm.parse()?;
        let secret = data_encoding::BASE64.decode(secret.as_bytes()).map_err(|_| KeyError::Syntax("the secret is not base64"))?;
        let secret = Zeroizing::new(secret);
        if secret.is_empty() {
            return Err(KeyError::Syntax("the secret is empty"));
        }
        Ok(Self { name, algorithm, hmac: hmac::Key::new(algorithm.hmac(), &secret) })
    }

    /// The key's name, in lower case.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn hmac(&self) -> &hmac::Key {
        &self.hmac
    }
}

/// Reads a file that only its owner and its group may.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.len() > FILE {
        return Err(KeyError::NotAKeyFile);
    }
    if about.mode() & WORLD_READABLE != 0 {
        return Err(KeyError::WorldReadable);
    }
    // With room for all of it, so that growing leaves no copies.
    let mut octets = Zeroizing::new(Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0) + 64));
    file.take(FILE).read_to_end(&mut octets)?;
    Ok(octets)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let words = words(text)?;
        let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
        match words.as_slice() {
            ["key", name, "{", "algorithm", algorithm, ";", "secret", secret, ";", "}", ";"]
            | ["key", name, "{", "secret", secret, ";", "algorithm", algorithm, ";", "}", ";"] => Self::new(name, algorithm, secret),
            ["key", .., "}", ";"] if words.iter().filter(|word| **word == "key").count() > 1 => {
                Err(KeyError::Syntax("there is more than one key in it; put the one for this purpose into a file of its own"))
            }
            [line] => {
                let mut parts = line.splitn(3, ':');
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(algorithm), Some(name), Some(secret)) => Self::new(name, algorithm, secret),
                    _ => Err(KeyError::Syntax("there is no algorithm, name and secret with ':' between")),
                }
            }
            _ => Err(KeyError::Syntax("this is something else")),
        }
    }
}

/// The words of a named.conf: quoted or not, `{`, `}` and `;`. Comments are none: `#`, `//` and `/* */` begin where a word could, as base64 has slashes.
fn words(text: &str) -> Result<Vec<Zeroizing<String>>, KeyError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if rest.starts_with('#') || rest.starts_with("//") {
            (None, rest.split_once('\n').map_or("", |(_, after)| after))
        } else if let Some(comment) = rest.strip_prefix("/*") {
            (None, comment.split_once("*/").ok_or(KeyError::Syntax("a comment does not end"))?.1)
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (word, after) = quoted.split_once('"').ok_or(KeyError::Syntax("a quoted text does not end"))?;
            (Some(word), after)
        } else if matches!(first, '{' | '}' | ';') {
            let (word, after) = rest.split_at(1);
            (Some(word), after)
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"')).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            (Some(word), after)
        };
        words.extend(word.map(|word| Zeroizing::new(word.to_owned())));
        rest = after.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const SECRET: &str = "c2VjcmV0IG9jdGV0cyBmb3IgYSB0ZXN0IC8vLys=";

    #[test]
    fn both_forms_are_read() {
        let named = format!("// a key\nkey \"Update.Example\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{SECRET}\";\n}};\n");
        let other = format!("/* one\n*/ key update.example. {{ secret {SECRET}; # the secret\n algorithm HMAC-SHA256; }};");
        let line = format!("hmac-sha256:update.example:{SECRET}\n");
        for text in [named, other, line] {
            let key: Key = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((key.name().to_string().as_str(), key.algorithm()), ("update.example", Algorithm::HmacSha256));
            assert_eq!(
                hmac::sign(key.hmac(), b"x").as_ref(),
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"secret octets for a test ///+"), b"x").as_ref()
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for text in [
            format!("hmac-md5:name:{SECRET}"),
            format!("key a {{ algorithm hmac-sha256; secret \"{SECRET}\"; }}; key b {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};"),
            format!("hmac-sha256:name:{SECRET}!"),
            format!("name:{SECRET}"),
            format!("hmac-sha256:a..b:{SECRET}"),
            format!("key a {{ secret \"{SECRET}"),
            String::new(),
            "hmac-sha256:name:".to_owned(),
        ] {
            let error = text.parse::<Key>().map(|key| format!("{key:?}")).expect_err(&text).to_string();
            assert!(!error.contains(&SECRET[..8]) && !error.contains('\n'), "{error}");
        }
        let key: Key = format!("hmac-sha512:name:{SECRET}").parse().expect("a key");
        assert_eq!(format!("{key:?}"), "Key { name: Name(name.), algorithm: HmacSha512, .. }");
    }

    #[test]
    fn a_file_for_everybody_is_no_secret() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        std::fs::write(&path, format!("hmac-sha384:name:{SECRET}")).expect("a file");
        for (mode, fine) in [(0o644, false), (0o604, false), (0o640, true), (0o600, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
            let read = Key::read(&path);
            assert_eq!(read.is_ok(), fine, "{mode:o}");
            assert!(fine || matches!(read, Err(KeyError::WorldReadable)));
        }
        assert!(matches!(Key::read(directory.path()), Err(KeyError::NotAKeyFile)));
        assert!(matches!(Key::read(&directory.path().join("none")), Err(KeyError::Io(_))));
    }
}
