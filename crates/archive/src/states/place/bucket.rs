//! A bucket of an S3 service as the keeper of an archive.
//!
//! Objects there are whole or not there, and cannot be renamed, locked or appended to. So one object says what counts:
//!
//! ```text
//! head.json                                   the manifest and the pieces of the log; replaced by If-Match only
//! manifest-0b1e2d3c-000004.json               what a directory has as manifest.json
//! log-000042-0b1e2d3c.jsonl/0b1e2d3c-000005   a line of the log
//! TABLE/000042-0b1e2d3c.parquet               as in a directory
//! ```
//! Every writer has a mark of its own in the names of what it writes, so no object is ever written twice by two of them. What the head does not name
//! is not there. Who commits says which head it knew; if that is no longer the one, somebody else has written, and it is told so.

use super::super::manifest::is_within;
use super::super::model::Digest;
use crate::Error;
use crate::address::{self, Bucketed};
use aws_lc_rs::rand;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig, UpdateVersion};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::future::Future;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const HEAD: &str = "head.json";
/// Version of the head's form.
const HEAD_SCHEMA: u16 = 1;
/// Objects that are written or taken away at a time.
const AT_ONCE: usize = 4;
/// So often a manifest may be replaced while we read it.
const REPLACED: u32 = 20;
/// Octets of an object that we read.
const MOST_OCTETS: u64 = 4 << 30;
/// So long one request may take, its content included.
const TIMEOUT: Duration = Duration::from_secs(600);
/// So often a request is sent again that met with a busy service or a broken connection, and for so long.
const RETRY: RetryConfig = RetryConfig {
    backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(3), base: 2.0 },
    max_retries: 4,
    retry_timeout: Duration::from_secs(60),
};
/// An ETag that no object has.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

/// What counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    schema: u16,
    /// The object with the manifest.
    manifest: String,
    /// The log that the manifest names.
    log: String,
    /// Its pieces, in order: objects below it.
    pieces: Vec<String>,
}

/// The head as this process last saw or wrote it.
struct Known {
    head: Head,
    version: UpdateVersion,
}

/// A prefix of a bucket.
pub(crate) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: String,
    name: String,
    /// As the user wrote it, with what lies below.
    address: PathBuf,
    mark: String,
    known: Mutex<Option<Known>>,
    written: AtomicU32,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("address", &self.address).field("mark", &self.mark).finish_non_exhaustive()
    }
}

impl Bucket {
    /// Makes ready; nothing is asked of the service yet.
    pub fn connect(address: &Path, at: &Bucketed) -> Result<Self, Error> {
        let mut options = ClientOptions::new().with_timeout(TIMEOUT).with_connect_timeout(Duration::from_secs(10));
        if let Some(url) = address::endpoint().filter(|url| !url.starts_with("https://")) {
            if !is_loopback(&url) && !is_set("AWS_ALLOW_HTTP") {
                let detail = format!("{url} would send everything in the clear; use https, or say AWS_ALLOW_HTTP=true");
                return Err(Error::damaged(address, detail));
            }
            options = options.with_allow_http(true);
        }
        let [id, secret, file, relative, full, metadata, none] = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_METADATA_ENDPOINT",
            "AWS_SKIP_SIGNATURE",
        ]
        .map(is_set);
        // Without any, the library would look for a machine of Amazon's around us.
        if !(id && secret || file || relative || full || metadata || none) {
            return Err(Error::damaged(address, "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
        }
        let builder = AmazonS3Builder::from_env().with_bucket_name(&at.bucket).with_client_options(options).with_retry(RETRY);
        let store = builder.with_conditional_put(S3ConditionalPut::ETagMatch).build().map_err(|e| Error::damaged(address, one_line(&e)))?;
        let mut mark = [0; 4];
        rand::fill(&mut mark).map_err(|_| Error::damaged(address, "the system gives no random numbers"))?;
        Ok(Self {
            store: Arc::new(store),
            prefix: at.prefix.clone(),
            name: at.bucket.clone(),
            address: address.to_path_buf(),
            mark: data_encoding::HEXLOWER.encode(&mark),
            known: Mutex::new(None),
            written: AtomicU32::new(0),
        })
    }

    /// What names of this writer's objects have in them.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// The manifest that counts now; `None` if there is no archive. From here on this is the state that commits go on from.
    pub fn manifest(&self) -> Result<Option<Vec<u8>>, Error> {
        for _ in 0..REPLACED {
            let Some(known) = self.head()? else {
                self.know(None);
                return Ok(None);
            };
            let manifest = self.get(&known.head.manifest)?;
            if manifest.is_some() {
                self.know(Some(known));
                return Ok(manifest);
            }
            // Replaced since; if not, it is lost.
            if self.head()?.is_some_and(|now| now.head == known.head) {
                return Err(Error::damaged(&self.address.join(&known.head.manifest), "missing, though head.json names it"));
            }
        }
        Err(self.overtaken())
    }

    /// The pieces of the log that belong to the manifest, in order.
    pub fn pieces(&self) -> Vec<String> {
        self.known()
            .as_ref()
            .map(|known| known.head.pieces.iter().map(|piece| format!("{}/{piece}", known.head.log)).collect())
            .unwrap_or_default()
    }

    /// Adds a line to the log: it counts when this returns.
    pub fn append(&self, log: &str, octets: &[u8]) -> Result<(), Error> {
        let mut head = match &*self.known() {
            Some(known) if known.head.log == log => known.head.clone(),
            _ => return Err(self.overtaken()),
        };
        let piece = self.fresh("");
        self.put(&format!("{log}/{piece}"), octets)?;
        head.pieces.push(piece);
        self.swap(head)
    }

    /// Makes a manifest the one that counts. Objects that are no longer named then go, but for those of writers that have begun since.
    pub fn publish(&self, manifest: &[u8], log: &str, files: &[&str]) -> Result<(), Error> {
        let name = format!("{}.json", self.fresh("manifest-"));
        let before = self.known().as_ref().map(|known| known.head.clone());
        let pieces = before.as_ref().filter(|head| head.log == log).map(|head| head.pieces.clone()).unwrap_or_default();
        if before.is_none() {
            self.try_conditions()?;
        }
        // Whoever has written one of these without naming it knew a head that is about to be replaced: it will not name it any more.
        let listed = self.list()?;
        self.put(&name, manifest)?;
        let head = Head { schema: HEAD_SCHEMA, manifest: name, log: log.to_owned(), pieces };
        let mut named: HashSet<String> = files.iter().map(|file| (*file).to_owned()).collect();
        named.extend(head.pieces.iter().map(|piece| format!("{log}/{piece}")));
        named.extend([head.manifest.clone(), HEAD.to_owned()]);
        self.swap(head)?;
        let gone = listed.into_iter().filter(|name| !named.contains(name)).collect();
        // What cannot be taken away now is taken away next time.
        self.delete(gone).ok();
        Ok(())
    }

    /// An object; `None` if there is no such object.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.get_with_version(name)?.map(|(content, _)| content))
    }

    /// SHA-256 and length of an object as the service has it.
    pub fn digest(&self, name: &str) -> Result<(Digest, u64), Error> {
        let content = self.get(name)?.ok_or_else(|| Error::damaged(&self.address.join(name), "missing, though the manifest names it"))?;
        Ok((Digest::of(&content), content.len() as u64))
    }

    /// Writes files of this machine.
    pub fn put_files(&self, files: Vec<(String, PathBuf)>) -> Result<(), Error> {
        self.each(files, |store, key, path| async move {
            let content = std::fs::read(&path).map_err(|e| object_store::Error::Generic { store: "S3", source: Box::new(e) })?;
            store.put(&key, PutPayload::from(content)).await.map(|_| ())
        })
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let objects = vec![(name.to_owned(), content.to_vec())];
        self.each(objects, |store, key, content| async move { store.put(&key, PutPayload::from(content)).await.map(|_| ()) })
    }

    fn delete(&self, names: Vec<String>) -> Result<(), Error> {
        let objects = names.into_iter().map(|name| (name, ())).collect();
        self.each(objects, |store, key, ()| async move { store.delete(&key).await })
    }

    /// Does the same with objects of these names, some at a time.
    fn each<T: Send + 'static, F>(&self, objects: Vec<(String, T)>, work: fn(Arc<AmazonS3>, Key, T) -> F) -> Result<(), Error>
    where
        F: Future<Output = object_store::Result<()>> + Send + 'static,
    {
        let store = Arc::clone(&self.store);
        let objects: Vec<_> = objects.into_iter().map(|(name, what)| (self.key(&name), name, what)).collect();
        let done = wait(async move {
            let mut running = JoinSet::new();
            for (key, name, what) in objects {
                if running.len() >= AT_ONCE {
                    next(&mut running).await?;
                }
                let work = work(Arc::clone(&store), key, what);
                running.spawn(async move { work.await.map_err(|e| (name, e)) });
            }
            while !running.is_empty() {
                next(&mut running).await?;
            }
            Ok(())
        });
        done.map_err(|(name, error): (String, object_store::Error)| self.told(&name, &error))
    }

    /// Every object below, by its name.
    fn list(&self) -> Result<Vec<String>, Error> {
        let (store, prefix) = (Arc::clone(&self.store), self.key(""));
        let below = prefix.clone();
        let found = wait(async move { store.list(Some(&below)).map_ok(|object| object.location).try_collect::<Vec<_>>().await });
        let found = found.map_err(|e| self.told("", &e))?;
        let names =
            found.iter().filter_map(|key| key.prefix_match(&prefix).map(|parts| parts.map(|p| p.as_ref().to_owned()).collect::<Vec<_>>()));
        Ok(names.map(|parts| parts.join("/")).collect())
    }

    fn head(&self) -> Result<Option<Known>, Error> {
        let Some((text, version)) = self.get_with_version(HEAD)? else { return Ok(None) };
        let path = self.address.join(HEAD);
        #[derive(Deserialize)]
        struct Version {
            schema: u64,
        }
        let Version { schema } = serde_json::from_slice(&text).map_err(|e| Error::damaged(&path, e))?;
        if schema > u64::from(HEAD_SCHEMA) {
            return Err(Error::TooNew { path, found: schema, known: HEAD_SCHEMA });
        }
        let head: Head = serde_json::from_slice(&text).map_err(|e| Error::damaged(&path, e))?;
        let outside = [&head.manifest, &head.log].into_iter().chain(&head.pieces).find(|name| !is_within(name)).cloned();
        match outside {
            Some(name) => Err(Error::damaged(&path, format!("names something outside of the archive: '{}'", name.escape_debug()))),
            None => Ok(Some(Known { head, version })),
        }
    }

    /// Replaces the head that this process knows, or says that it is no longer the one.
    fn swap(&self, head: Head) -> Result<(), Error> {
        let mode = match &*self.known() {
            Some(known) => PutMode::Update(known.version.clone()),
            None => PutMode::Create,
        };
        match self.put_head(&head, mode) {
            Ok(version) => self.know(Some(Known { head, version })),
            Err(error) => {
                // An answer may have been lost, and the request sent again have met its own work.
                let now = self.head().ok().flatten().filter(|now| now.head == head);
                let refused = matches!(error, object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. });
                match now {
                    Some(now) => self.know(Some(now)),
                    None if refused => return Err(self.overtaken()),
                    None => return Err(self.told(HEAD, &error)),
                }
            }
        }
        Ok(())
    }

    fn put_head(&self, head: &Head, mode: PutMode) -> object_store::Result<UpdateVersion> {
        let text = serde_json::to_vec(head).map_err(|e| object_store::Error::Generic { store: "S3", source: Box::new(e) })?;
        self.put_if(HEAD, text, mode)
    }

    fn put_if(&self, name: &str, content: Vec<u8>, mode: PutMode) -> object_store::Result<UpdateVersion> {
        let (store, key) = (Arc::clone(&self.store), self.key(name));
        wait(async move { store.put_opts(&key, PutPayload::from(content), mode.into()).await }).map(UpdateVersion::from)
    }

    /// Whether the service heeds conditions: one that does not would let two writers destroy each other's work. Asked once, before there is an archive.
    fn try_conditions(&self) -> Result<(), Error> {
        let name = self.fresh("trial-");
        let put = |mode: PutMode| self.put_if(&name, name.clone().into_bytes(), mode);
        put(PutMode::Create).map_err(|e| self.told(&name, &e))?;
        let none = UpdateVersion { e_tag: Some(NO_TAG.to_owned()), version: None };
        let heeds = put(PutMode::Create).is_err() && put(PutMode::Update(none)).is_err();
        self.delete(vec![name]).ok();
        if heeds {
            return Ok(());
        }
        Err(Error::damaged(
            &self.address,
            "this service does not heed If-Match and If-None-Match, so two writers could destroy each other's work; use another",
        ))
    }

    fn get_with_version(&self, name: &str) -> Result<Option<(Vec<u8>, UpdateVersion)>, Error> {
        let (store, key) = (Arc::clone(&self.store), self.key(name));
        let got = wait(async move {
            let result = store.get(&key).await?;
            if result.meta.size > MOST_OCTETS {
                return Err(object_store::Error::Generic { store: "S3", source: "an object of more than 4 GiB".into() });
            }
            let version = UpdateVersion { e_tag: result.meta.e_tag.clone(), version: result.meta.version.clone() };
            Ok((result.bytes().await?.to_vec(), version))
        });
        match got {
            Ok(found) => Ok(Some(found)),
            Err(error @ object_store::Error::NotFound { .. }) if code(&error) != Some("NoSuchBucket".to_owned()) => Ok(None),
            Err(error) => Err(self.told(name, &error)),
        }
    }

    /// A name that nobody else gives.
    fn fresh(&self, before: &str) -> String {
        format!("{before}{}-{:06}", self.mark, self.written.fetch_add(1, Ordering::Relaxed))
    }

    fn key(&self, name: &str) -> Key {
        Key::from_iter(self.prefix.split('/').chain(name.split('/')).filter(|part| !part.is_empty()))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn know(&self, known: Option<Known>) {
        *self.known() = known;
    }

    fn overtaken(&self) -> Error {
        Error::Overtaken { path: self.address.clone() }
    }

    /// What the service or the network says, in one line.
    fn told(&self, name: &str, error: &object_store::Error) -> Error {
        let (host, code) = (address::host(), code(error));
        let said = code.as_deref().unwrap_or("no reason given");
        let detail = match error {
            _ if said == "NoSuchBucket" => format!("there is no bucket '{}' at {host}; make it, or correct the name", self.name),
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                format!("{host} denies access ({said}); check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do")
            }
            _ => {
                let what = code.map_or_else(|| innermost(error), |code| format!("the service says {code}"));
                format!("{host}: {what}; check the network, AWS_ENDPOINT_URL and AWS_REGION")
            }
        };
        Error::damaged(&self.address.join(name), detail)
    }
}

/// What becomes of an object, with its name.
type Done = Result<(), (String, object_store::Error)>;

async fn next(running: &mut JoinSet<Done>) -> Done {
    match running.join_next().await {
        Some(done) => done.unwrap_or_else(|source| Err((String::new(), object_store::Error::JoinError { source }))),
        None => Ok(()),
    }
}

/// Runs it to its end on a thread of its own, so that callers need not know of any of this.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let make = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread can be started");
    let (sender, receiver) = mpsc::channel();
    RUNTIME.get_or_init(make).spawn(async move { sender.send(work.await).ok() });
    receiver.recv().expect("the work has an end")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Whether a URL names this machine.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or(rest);
    let host = match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => rest.split(':').next().unwrap_or(rest),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The code in an answer of the service: `<Code>NoSuchBucket</Code>`.
fn code(error: &object_store::Error) -> Option<String> {
    let text = error.to_string();
    let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
    (code.len() < 80 && code.bytes().all(|c| c.is_ascii_alphanumeric())).then(|| code.to_owned())
}

/// The first cause, in one line.
fn innermost(error: &object_store::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    one_line(cause)
}

fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn whose_network() {
        for url in ["http://127.0.0.1:9000", "http://127.9.9.9/", "http://localhost:1/x", "http://[::1]:9000"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in
            ["http://127.0.0.1.example", "http://192.0.2.1:9000", "http://[2001:db8::1]", "http://localhost.example", "http://x@127.0.0.1"]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
