//! Private keys, one file each, read by nobody but their owner, and never deleted here.

use super::config::KeyConfig;
use super::install::replace;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use rollover::key::{Key, KeyType};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The directory of keys, and of the chains that certify them.
#[derive(Clone, Debug)]
pub struct Keys(PathBuf);

/// One key that lies ready.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its public part.
    pub key: Key,
    /// The private one, PEM.
    pub file: PathBuf,
}

impl Keys {
    /// The keys in this directory; it need not be there yet.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// Makes a key pair.
    ///
    /// # Errors
    /// If there is no randomness, or the file cannot be written: then there is no key.
    pub fn make(&self, config: &KeyConfig) -> io::Result<Kept> {
        let failed = |_| io::Error::other("the key cannot be made");
        let der: Zeroizing<Vec<u8>> = match config.kind {
            KeyType::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(failed)?.as_ref().to_vec().into()
            }
            KeyType::Ecdsa | KeyType::Other => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                .map_err(failed)?
                .as_ref()
                .to_vec()
                .into(),
        };
        self.keep(config, &pem(&der))
    }

    /// Keeps a copy of a key that is in use.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn keep(&self, config: &KeyConfig, pem: &[u8]) -> io::Result<Kept> {
        let key = public(pem)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let file = self.0.join(format!("{}-{}.pem", config.file_name(), key.short()));
        if !file.exists() {
            replace(&file, pem, 0o600)?;
        }
        Ok(Kept { key, file })
    }

    /// The keys that were made or kept under a name.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn of(&self, config: &KeyConfig) -> io::Result<Vec<Kept>> {
        let prefix = format!("{}-", config.file_name());
        let mut kept = Vec::new();
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(kept),
            entries => entries?,
        };
        for entry in entries {
            let file = entry?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Eight digits of the digest.
            let ours = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".pem")).is_some_and(|rest| rest.len() == 8);
            if ours {
                let pem = Zeroizing::new(fs::read(&file)?);
                let key = public(&pem).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", file.display())))?;
                kept.push(Kept { key, file });
            }
        }
        kept.sort_by(|one, other| one.file.cmp(&other.file));
        Ok(kept)
    }

    /// Puts a key that is no more in use aside, with its chain: into `retired`. Nothing is deleted.
    ///
    /// # Errors
    /// If a file cannot be moved.
    pub fn retire(&self, config: &KeyConfig, kept: &Kept) -> io::Result<()> {
        let retired = self.0.join("retired");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&retired)?;
        for file in [&kept.file, &self.chain(config, &kept.key)] {
            if let Some(name) = file.file_name().filter(|_| file.exists()) {
                fs::rename(file, retired.join(name))?;
            }
        }
        Ok(())
    }

    /// Where the chain for a key is kept.
    #[must_use]
    pub fn chain(&self, config: &KeyConfig, key: &Key) -> PathBuf {
        self.0.join(format!("{}-{}.chain", config.file_name(), key.short()))
    }
}

/// The public part of a private key, PEM: the first in the file.
///
/// # Errors
/// If there is none that can be read.
pub fn public(pem: &[u8]) -> io::Result<Key> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let private = PrivateKeyDer::from_pem_slice(pem).map_err(|_| wrong("no private key (PEM) in it"))?;
    let der = private.secret_der();
    let spki = |der: Result<PublicKeyX509Der<'_>, _>| der.ok().map(|der| Key::new(der.as_ref()));
    let ecdsa = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING].into_iter().find_map(|algorithm| {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, der).or_else(|_| EcdsaKeyPair::from_private_key_der(algorithm, der)).ok()?;
        spki(pair.public_key().as_der())
    });
    let rsa = || {
        let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)).ok()?;
        spki(pair.public_key().as_der())
    };
    ecdsa.or_else(rsa).ok_or_else(|| wrong("its private key is neither RSA nor ECDSA on P-256 or P-384"))
}

fn pem(der: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(b"-----BEGIN PRIVATE KEY-----\n".to_vec());
    let body = Zeroizing::new(data_encoding::BASE64.encode(der));
    for line in body.as_bytes().chunks(64) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(b"-----END PRIVATE KEY-----\n");
    text
}
