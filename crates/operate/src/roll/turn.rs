//! One turn: look, ask the machine, keep its state, do what it wants.

use super::config::{Config, Dns, KeyConfig, Service};
use super::install::install;
use super::keys::{Keys, public};
use super::store::{Store, StoreError};
use super::world::{Seen, World};
use crate::dns::{self, ApiKey, Change, Done, Fragment, PowerDns, Reload, TlsaSet, Update, Writer};
use dane::cert::Certificate;
use dane::chain;
use dane::name::parse_domain;
use rollover::deploy::MayDeploy;
use rollover::key::{Chain, Key};
use rollover::machine::{Action, Advance, Lane, Machine, State, Urgency};
use rollover::plan::{Emergency, Planned};
use rollover::time::Now;
use rollover::why::Why;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

/// How long a command of the operator's may take.
const COMMAND: Duration = Duration::from_secs(120);
/// After a try to get a certificate that failed, how long until the next: authorities count.
const AFTER_FAILURE: Duration = Duration::from_secs(3600);
/// How long a server may take to show what it was given, and between two looks.
const SHOWN: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(2));
/// How long a DNS server may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Whether anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What the machine wants.
    Real,
    /// Nothing: it is told only.
    Dry,
}

/// What became of one thing that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Done.
    Done(String),
    /// It would be done.
    Would(String),
    /// A person is to do it.
    ByHand(String),
    /// Tried, and failed: nothing was changed, or it was put back. What is said is why.
    Failed(String),
}

/// What a turn led to.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Each key and where its life stands.
    pub lanes: Vec<Lane>,
    /// Why no more: of a key, or of the records.
    pub whys: Vec<(Option<String>, Why)>,
    /// What was done.
    pub deeds: Vec<Deed>,
}

/// Why there was no turn. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// State.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key or a certificate.
    #[error("{0}")]
    Files(String),
}

impl Service {
    fn machine(&self) -> Machine {
        let longest = self.keys.iter().map(|key| key.keep_days).max().unwrap_or(365);
        Machine {
            digests: self.digests.clone(),
            anchors: Vec::new(),
            keep_key_s: i64::from(longest) * 86_400,
            tickets_s: i64::from(self.tickets),
        }
    }
}

impl Turn {
    /// Takes one.
    ///
    /// # Errors
    /// If the state or a file cannot be used: then nothing was done.
    pub async fn take(config: &Config, service: &Service, world: &World, store: &Store, mode: Mode, now: Now) -> Result<Self, TurnError> {
        let (keys, state, seen) = known(service, world, store, mode, now).await?;
        let Advance { state, actions, whys } = service.machine().advance(state, &seen.look, now);
        if mode == Mode::Real {
            store.write(service, &state)?;
        }
        let mut deeds = Vec::new();
        let doer = Doer { config, service, keys: &keys, seen: &seen, state: &state, now };
        let renewals = doer.expiring(&actions).into_iter().map(Job::Renew);
        for job in actions.iter().map(Job::Action).chain(renewals) {
            let deed = match mode {
                Mode::Dry => Deed::Would(doer.told(&job)),
                Mode::Real => doer.act(&job, world).await,
            };
            if mode == Mode::Real {
                let (what, detail) = deed.parts();
                store.note(service, now.wall, what, detail)?;
            }
            deeds.push(deed);
        }
        if mode == Mode::Real {
            doer.put_aside()?;
        }
        Ok(Self { lanes: state.lanes.clone(), whys, deeds })
    }
}

impl Deed {
    /// A stable word, and what is said.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Deed::Done(text) => ("done", text),
            Deed::Would(text) => ("would", text),
            Deed::ByHand(text) => ("by-hand", text),
            Deed::Failed(text) => ("failed", text),
        }
    }
}

/// What is kept and what is seen of a service.
async fn known(service: &Service, world: &World, store: &Store, mode: Mode, now: Now) -> Result<(Keys, State, Seen), TurnError> {
    let keys = Keys::in_directory(&store.keys());
    let state = match store.read(service)? {
        Some(state) => follow(state, service, &keys, mode, now)?,
        None => State::new(service.keys.iter().map(|config| begin(service, config, &keys, mode, now)).collect::<Result<_, _>>()?),
    };
    let seen = world.look(service, &keys).await.map_err(|e| TurnError::Files(e.to_string()))?;
    Ok((keys, state, seen))
}

/// What will be done from here on, and when at the earliest.
///
/// # Errors
/// If the state or a file cannot be used.
pub async fn plan(service: &Service, world: &World, store: &Store, now: Now) -> Result<Vec<Planned>, TurnError> {
    let (_, state, seen) = known(service, world, store, Mode::Dry, now).await?;
    Ok(service.machine().plan(&state, &seen.look, now))
}

/// Whether a new chain may be deployed now.
///
/// # Errors
/// If the state or a file cannot be used.
pub async fn may_deploy(
    service: &Service,
    key: &str,
    chain: &Chain,
    world: &World,
    store: &Store,
    now: Now,
) -> Result<MayDeploy, TurnError> {
    let (_, state, seen) = known(service, world, store, Mode::Dry, now).await?;
    Ok(service.machine().may_deploy(&state, key, chain, &seen.look, now))
}

/// What it costs to replace a compromised key, as of now, or why that is not known. With an urgency the machine is told to do so.
///
/// # Errors
/// If the state or a file cannot be used, or there is no such key.
pub async fn emergency(
    service: &Service,
    key: &str,
    haste: Option<Urgency>,
    world: &World,
    store: &Store,
    now: Now,
) -> Result<Result<Emergency, Why>, TurnError> {
    let mode = if haste.is_some() { Mode::Real } else { Mode::Dry };
    let (_, mut state, seen) = known(service, world, store, mode, now).await?;
    let named = |why: &dyn std::fmt::Display| TurnError::Files(format!("{}: {why}", service.title()));
    let emergency = service.machine().emergency(&state, key, &seen.look, now);
    if let Some(urgency) = haste {
        let lane = state.lanes.iter_mut().find(|lane| lane.name == key).ok_or_else(|| named(&format!("there is no key {key}")))?;
        lane.urgency = urgency;
        store.write(service, &state)?;
        store.note(service, now.wall, "compromised", &format!("{key}: {urgency:?}"))?;
    }
    Ok(emergency)
}

/// What the configuration says now: other hosts, further keys. A key that it does not name any more may still be shown somewhere.
fn follow(mut state: State, service: &Service, keys: &Keys, mode: Mode, now: Now) -> Result<State, TurnError> {
    if let Some(lane) = state.lanes.iter().find(|lane| !service.keys.iter().any(|config| config.name == lane.name)) {
        let words = "is in use and not in the configuration any more: put it back, its record is published";
        return Err(TurnError::Files(format!("{}: key {} {words}", service.title(), lane.name)));
    }
    for lane in &mut state.lanes {
        lane.hosts = service.names();
    }
    for config in &service.keys {
        if !state.lanes.iter().any(|lane| lane.name == config.name) {
            state.lanes.push(begin(service, config, keys, mode, now)?);
        }
    }
    Ok(state)
}

/// The life of a key that was never seen: what its files hold is in use.
fn begin(service: &Service, config: &KeyConfig, keys: &Keys, mode: Mode, now: Now) -> Result<Lane, TurnError> {
    let named = |path: &Path, what: &dyn std::fmt::Display| TurnError::Files(format!("{}: {what}", path.display()));
    let octets = fs::read(&config.certificate).map_err(|e| named(&config.certificate, &e))?;
    let read = chain::read(&octets).map_err(|e| named(&config.certificate, &e))?;
    let chain = Chain::new(read).map_err(|e| named(&config.certificate, &e))?;
    if chain.kind() != config.kind {
        return Err(named(&config.certificate, &format!("its key is not {:?}, as key {} wants", config.kind, config.name)));
    }
    let file = config.key_file.as_ref().unwrap_or(&config.certificate);
    let private = Zeroizing::new(fs::read(file).map_err(|e| named(file, &e))?);
    if public(&private).map_err(|e| named(file, &e))? != *chain.key() {
        return Err(named(file, &format!("this key does not fit the certificate in {}", config.certificate.display())));
    }
    if mode == Mode::Real {
        // Both are kept: whoever goes back needs them.
        keys.keep(config, &key_block(&private)).map_err(|e| named(file, &e))?;
        let copy = keys.chain(config, chain.key());
        super::install::replace(&copy, &certificates(&octets), 0o600).map_err(|e| named(&copy, &e))?;
    }
    let due = now.wall.saturating_add(i64::from(config.keep_days) * 86_400);
    Ok(Lane::new(&config.name, service.names(), config.kind, chain.key().clone(), due))
}

/// The private key alone, of a file that may have certificates, too.
fn key_block(pem: &[u8]) -> Zeroizing<Vec<u8>> {
    blocks(pem, "PRIVATE KEY")
}

/// The certificates alone.
fn certificates(pem: &[u8]) -> Zeroizing<Vec<u8>> {
    blocks(pem, "CERTIFICATE")
}

fn blocks(pem: &[u8], label: &str) -> Zeroizing<Vec<u8>> {
    let text = Zeroizing::new(String::from_utf8_lossy(pem).into_owned());
    let (mut block, mut inside) = (Zeroizing::new(Vec::new()), false);
    for line in text.lines() {
        inside |= line.starts_with("-----BEGIN") && line.trim_end_matches('-').ends_with(label);
        if inside {
            block.extend_from_slice(line.as_bytes());
            block.push(b'\n');
        }
        inside &= !line.starts_with("-----END");
    }
    block
}

/// Something to do.
enum Job<'a> {
    /// The machine wants it.
    Action(&'a Action),
    /// A certificate grows old.
    Renew(&'a KeyConfig),
}

struct Doer<'a> {
    config: &'a Config,
    service: &'a Service,
    keys: &'a Keys,
    seen: &'a Seen,
    state: &'a State,
    now: Now,
}

impl Doer<'_> {
    fn key(&self, lane: &str) -> Option<&KeyConfig> {
        self.service.keys.iter().find(|key| key.name == lane)
    }

    /// Keys that were used and are in no phase any more.
    fn put_aside(&self) -> Result<(), TurnError> {
        for lane in &self.state.lanes {
            let Some(config) = self.key(&lane.name) else { continue };
            let failed = |e: std::io::Error| TurnError::Files(format!("keys of {}: {e}", lane.name));
            let used = |kept: &super::keys::Kept| self.keys.chain(config, &kept.key).exists() && !lane.phase.keys().contains(&&kept.key);
            for kept in self.keys.of(config).map_err(failed)?.iter().filter(|kept| used(kept)) {
                self.keys.retire(config, kept).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn change(&self, change: &rollover::change::Change) -> Change {
        let set = |records: &rollover::rrset::RrSet| records.records().iter().cloned().collect::<TlsaSet>();
        Change { owner: self.seen.owner.clone(), ttl: self.service.ttl, from: set(change.expect()), to: set(&change.result()) }
    }

    /// What would be done.
    fn told(&self, job: &Job<'_>) -> String {
        match job {
            Job::Action(Action::MakeKey { lane, kind }) => format!("make the next key of {lane} ({kind:?})"),
            Job::Action(Action::Change(change)) => {
                let change = self.change(change);
                format!("change the records of {} from {} to {}", self.service.title(), change.from, change.to)
            }
            Job::Action(Action::Install { lane, key, places }) => {
                let places: Vec<String> = places.iter().map(|place| format!("{} [{}]", place.host, place.address)).collect();
                format!("let {} show key {} of {lane}", places.join(", "), key.short())
            }
            Job::Renew(config) => format!("renew the certificate of {} with the same key", config.name),
        }
    }

    async fn act(&self, job: &Job<'_>, world: &World) -> Deed {
        let told = self.told(job);
        let done = match job {
            Job::Action(Action::MakeKey { lane, .. }) => self.make(lane).map(|()| Deed::Done(told.clone())),
            Job::Action(Action::Change(change)) => self.publish(&self.change(change)).await,
            Job::Action(Action::Install { lane, key, .. }) => match self.key(lane) {
                Some(config) if !config.certify.is_empty() => self.install(config, key, world).await,
                _ => Ok(Deed::ByHand(format!("{told}: get a certificate for {}, and ask `danelaw roll may-deploy`", self.file(lane, key)))),
            },
            Job::Renew(config) => self.renew(config, world).await,
        };
        done.unwrap_or_else(|why| Deed::Failed(format!("{told}: {why}")))
    }

    fn file(&self, lane: &str, key: &Key) -> String {
        let kept = self.key(lane).and_then(|config| self.keys.of(config).ok()).unwrap_or_default();
        kept.iter().find(|kept| kept.key == *key).map_or_else(|| key.short(), |kept| kept.file.display().to_string())
    }

    fn make(&self, lane: &str) -> Result<(), String> {
        let config = self.key(lane).ok_or_else(|| format!("there is no key {lane} in the configuration any more"))?;
        self.keys.make(config).map(drop).map_err(|e| e.to_string())
    }

    async fn publish(&self, change: &Change) -> Result<Deed, String> {
        let writer = writer(&self.config.dns)?;
        let told = format!("changed the records of {} from {} to {}", self.service.title(), change.from, change.to);
        match writer.write(change, self.now.wall).await.map_err(|e| e.to_string())? {
            Done::Written | Done::AlreadyThere => Ok(Deed::Done(told)),
            Done::ByHand(text) => Ok(Deed::ByHand(text)),
        }
    }

    /// Keys whose certificate has lived two thirds of its life, as ACME clients renew. No key changes by it, and no record of `3 1 M` does.
    fn expiring(&self, actions: &[Action]) -> Vec<&KeyConfig> {
        let is_old = |config: &KeyConfig| {
            let octets = fs::read(&config.certificate).ok()?;
            let leaf = chain::read(&octets).ok()?.into_iter().next()?;
            let leaf = Certificate::parse(&leaf.0).ok()?;
            let (from, to) = (leaf.not_before?, leaf.not_after?);
            Some(self.now.wall >= to.saturating_sub(to.saturating_sub(from) / 3))
        };
        let moves =
            |config: &KeyConfig| actions.iter().any(|action| matches!(action, Action::Install { lane, .. } if *lane == config.name));
        let due = |config: &&KeyConfig| !config.certify.is_empty() && !moves(config) && is_old(config).unwrap_or(false);
        self.service.keys.iter().filter(due).collect()
    }

    /// Gets a new certificate for the key in use.
    async fn renew(&self, config: &KeyConfig, world: &World) -> Result<Deed, String> {
        let lane = self.state.lanes.iter().find(|lane| lane.name == config.name);
        let key = lane.and_then(|lane| lane.phase.keys().first().map(|key| (*key).clone())).ok_or("it has no key in use")?;
        let chain_file = self.keys.chain(config, &key);
        let kept = self.kept(config, &key)?;
        self.certify(config, &kept.file, &chain_file).await?;
        self.install(config, &key, world).await.map(|_| Deed::Done(format!("renewed the certificate of {}", config.name)))
    }

    fn kept(&self, config: &KeyConfig, key: &Key) -> Result<super::keys::Kept, String> {
        let kept = self.keys.of(config).map_err(|e| e.to_string())?;
        kept.into_iter().find(|kept| kept.key == *key).ok_or_else(|| format!("the private key of {} is not here", key.short()))
    }

    /// Certifies the key if it is not yet, installs both, and looks whether the world sees them. What did not take is put back.
    async fn install(&self, config: &KeyConfig, key: &Key, world: &World) -> Result<Deed, String> {
        let kept = self.kept(config, key)?;
        let chain_file = self.keys.chain(config, key);
        if !chain_file.exists() {
            self.certify(config, &kept.file, &chain_file).await?;
        }
        let octets = fs::read(&chain_file).map_err(|e| format!("{}: {e}", chain_file.display()))?;
        let named = |what: &dyn std::fmt::Display| format!("{}: {what}", chain_file.display());
        let chain = chain::read(&octets).map_err(|e| named(&e)).and_then(|c| Chain::new(c).map_err(|e| named(&e)))?;
        if chain.key() != key {
            return Err(named(&"its certificate is not for the key it was asked for"));
        }
        // The certificate, too, has to be one that nobody refuses: names and dates where issuers are published.
        match self.service.machine().may_deploy(self.state, &config.name, &chain, &self.seen.look, self.now) {
            MayDeploy::Yes => {}
            MayDeploy::NotBefore(_, why) | MayDeploy::RenewWith(_, why) | MayDeploy::No(why) => return Err(why.to_string()),
        }
        let private = Zeroizing::new(fs::read(&kept.file).map_err(|e| format!("{}: {e}", kept.file.display()))?);
        let before = install(&config.certificate, config.key_file.as_deref(), &private, &octets).map_err(|e| e.to_string())?;
        let took = match self.run(&config.reload).await {
            Ok(()) => self.is_shown(&chain, world).await,
            Err(why) => Err(why),
        };
        let Err(why) = took else { return Ok(Deed::Done(format!("installed key {} of {}", key.short(), config.name))) };
        let back = match before.restore().map_err(|e| e.to_string()) {
            Ok(()) => self.run(&config.reload).await,
            Err(why) => Err(why),
        };
        Err(match back {
            Ok(()) => format!("{why}; the former files are back"),
            Err(also) => format!("{why}; and the former files could not be put back: {also}"),
        })
    }

    /// Whether anybody is shown the certificate, as soon as the server has taken it. That all are is for the next look to see.
    async fn is_shown(&self, chain: &Chain, world: &World) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let seen = world.look(self.service, self.keys).await.map_err(|e| e.to_string())?;
            let leaf = chain.certificates().first();
            if seen.look.addresses.iter().flat_map(|address| &address.shown).any(|shown| shown.certificates().first() == leaf) {
                return Ok(());
            }
            if begun.elapsed() >= SHOWN.0 {
                return Err("after the reload no address shows the new certificate".to_owned());
            }
            sleep(SHOWN.1).await;
        }
    }

    /// Runs the command that gets a certificate. It writes beside, so that one that breaks off leaves nothing.
    async fn certify(&self, config: &KeyConfig, key: &Path, chain: &Path) -> Result<(), String> {
        let (request, new) = (chain.with_extension("csr"), chain.with_extension("new"));
        // The request is left by a try that failed.
        let tried = fs::metadata(&request).and_then(|request| request.modified()).ok().and_then(|at| at.elapsed().ok());
        if tried.is_some_and(|ago| ago < AFTER_FAILURE) {
            let last = format!("the last try failed, and the next is an hour after it; remove {} to try at once", request.display());
            return Err(last);
        }
        let csr = request_for(self.service, key).map_err(|e| format!("the request for a certificate cannot be made: {e}"))?;
        super::install::replace(&request, csr.as_bytes(), 0o600).map_err(|e| format!("{}: {e}", request.display()))?;
        // What an earlier try left is not taken for the answer to this one.
        let _ = fs::remove_file(&new);
        let told = |path: &Path| path.display().to_string();
        let mut argv = vec!["env".to_owned()];
        argv.extend([
            format!("DANELAW_KEY={}", told(key)),
            format!("DANELAW_CSR={}", told(&request)),
            format!("DANELAW_CHAIN={}", told(&new)),
        ]);
        argv.push(format!("DANELAW_HOSTS={}", self.service.hosts.join(" ")));
        argv.extend(config.certify.iter().cloned());
        self.run(&argv).await?;
        fs::rename(&new, chain).map_err(|e| format!("the command wrote no chain to {}: {e}", new.display()))?;
        let _ = fs::remove_file(&request);
        Ok(())
    }

    async fn run(&self, argv: &[String]) -> Result<(), String> {
        if argv.is_empty() {
            return Ok(());
        }
        Reload { argv: argv.to_vec(), limit: COMMAND }.run().await.map_err(|e| e.to_string())
    }
}

/// A request (PKCS #10) for the service's hosts by a key.
fn request_for(service: &Service, key: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let pem = Zeroizing::new(fs::read_to_string(key)?);
    let pair = rcgen::KeyPair::from_pem(&pem)?;
    Ok(rcgen::CertificateParams::new(service.hosts.clone())?.serialize_request(&pair)?.pem()?)
}

fn writer(dns: &Dns) -> Result<Writer, String> {
    let zone = |zone: &Option<String>| zone.as_deref().map(|z| parse_domain(z).map_err(|e| format!("zone {z}: {e}"))).transpose();
    let named = |path: &Path, what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    Ok(match dns {
        Dns::Update { server, key_file, zone: apex } => {
            let key = dns::Key::read(key_file).map_err(|e| named(key_file, &e))?;
            Writer::Update(Box::new(Update { server: *server, zone: zone(apex)?, key, wait: ANSWER }))
        }
        Dns::Powerdns { url, key_file, zone: apex, ca } => {
            let key = ApiKey::read(key_file).map_err(|e| named(key_file, &e))?;
            Writer::PowerDns(PowerDns { url: url.clone(), ca: ca.clone(), zone: zone(apex)?, key, wait: ANSWER })
        }
        Dns::Include { file, reload } => {
            Writer::Fragment(Fragment { file: file.clone(), reload: Reload { argv: reload.clone(), limit: COMMAND } })
        }
        Dns::Person => Writer::Person,
    })
}
