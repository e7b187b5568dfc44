//! What each question about servers costs: CPU time over the states of a made-up history.
//!
//! `cargo run --release -p analysis --example questions -- SERVERS DAYS VANTAGES DIR`. The states are those that hourly rounds of all of the history
//! would fold into; they are counted in memory, without reading them, three times, of which the fastest is shown.

use analysis::questions;
use analysis::study::{Content, Needs, Settings, Study, parts, whole};
use archive::states::model::{Notes, ServerKey, ServerSeen, ServerState, Snapshot, Span, Versions, WordId};
use archive::states::{Archive, Round, Writer};
use dane::dns::Security;
use lab::history::{CITIES, Dnssec, History, HistoryConfig, Sight};
use std::collections::HashMap;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [servers, days, vantages, dir] = &args[..] else { return Err("usage: SERVERS DAYS VANTAGES DIR".into()) };
    let config = HistoryConfig { servers: servers.parse()?, days: days.parse()?, vantages: vantages.parse()?, ..HistoryConfig::new() };
    let history = History::new(config)?;
    let states = write(&history, Path::new(dir))?;
    let archive = Archive::open(Path::new(dir))?;
    let settings = Settings::new();
    let content = Content::read(&archive, Needs { certificates: true, tlsa: true, mail_hosts: true, domain_names: true, ..Needs::NONE })?;
    let study = Study::new(&archive, &settings, &content);
    println!("{} states of {} servers, {} rounds, {} vantage points", states.len(), servers, history.rounds(0).len(), vantages);
    let alone = study.vantage().map(|(vantage, _)| vantage);
    let of_one: Vec<ServerState> = states.iter().filter(|state| Some(state.vantage) == alone).copied().collect();
    for question in questions::all().into_iter().filter(|question| question.needs.servers.is_some()) {
        let states = if question.needs.every_vantage { &states } else { &of_one };
        let mut fastest = [f64::MAX; 2];
        for _ in 0..3 {
            let begin = cpu();
            let part = parts(&study, question, states)?;
            let counted = cpu() - begin;
            whole(&study, question, [&part[..]])?;
            fastest = [fastest[0].min(counted), fastest[1].min(cpu() - begin - counted)];
        }
        println!("{:24} {:8} states {:7.3} s counting {:7.3} s answering", question.about.id, states.len(), fastest[0], fastest[1]);
    }
    Ok(())
}

/// CPU time of this process, seconds. (Linux)
#[allow(clippy::cast_precision_loss)]
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0) as f64 / 1e9
}

/// An archive with all rounds and content and no states, and the states.
fn write(history: &History, dir: &Path) -> Result<Vec<ServerState>, Box<dyn std::error::Error>> {
    let mut writer = Writer::open(dir)?;
    let mut states = Vec::new();
    let mut chains = HashMap::new();
    let names: Vec<WordId> = CITIES.iter().take(history.config().vantages).map(|city| writer.parts().word(city)).collect();
    for (server, truth) in history.truth().iter().enumerate() {
        let key = writer.parts().server(&ServerKey::new(&truth.host, 25, None));
        for (vantage, name) in names.iter().enumerate() {
            for stretch in history.stretches(server, vantage) {
                let span = Span { valid_from_s: stretch.from, valid_to_s: stretch.to, n_obs: 0 };
                let seen = seen(history, &mut writer, &mut chains, stretch.sight);
                states.push(ServerState { key, vantage: *name, span, seen, notes: Notes::default() });
            }
        }
    }
    for (vantage, name) in names.iter().enumerate() {
        for at in history.rounds(vantage) {
            writer.append(&Round { snapshot: snapshot(*name, at), servers: Some(Vec::new()), domains: None })?;
        }
    }
    Ok(states)
}

type Chains = HashMap<u32, archive::states::model::ChainId>;

fn seen(history: &History, writer: &mut Writer, chains: &mut Chains, sight: Sight) -> ServerSeen {
    let mut seen = ServerSeen::default();
    if let Some(answer) = sight.tlsa {
        let (status, code) = match answer.dnssec {
            Dnssec::Secure => (Security::Secure, None),
            Dnssec::NoDs | Dnssec::Unsigned => (Security::Insecure, None),
            Dnssec::Bogus(_) => (Security::Bogus, Some(writer.parts().word("rrsig-expired"))),
        };
        let set = writer.parts().tlsa_set(history.records(answer.set).to_vec());
        seen = ServerSeen { tlsa_set: Some(set), ttl: Some(answer.ttl), dnssec: Some(status), signed: Some(true), reason: code, ..seen };
    }
    let status = match sight.chain {
        Ok(chain) => {
            let number = chains.entry(chain).or_insert_with(|| {
                let certificates = history.certificates(chain);
                writer.parts().chain(certificates.iter().map(|certificate| &*certificate.0))
            });
            seen.chain = Some(*number);
            seen.tls_version = Some(writer.parts().word("TLSv1.3"));
            "ok"
        }
        Err(why) if why.starts_with("502") => "starttls-refused",
        Err(why) if why.starts_with('4') => "rate-limited",
        Err(why) if why.starts_with("554") => "smtp-blocked",
        Err(_) => "connection-timeout",
    };
    seen.smtp_status = Some(writer.parts().word(status));
    seen
}

fn snapshot(vantage: WordId, at: i64) -> Snapshot {
    Snapshot {
        vantage,
        scheduled_s: at,
        every_s: 3600,
        started_s: at,
        finished_s: Some(at),
        clock_offset_ms: None,
        targets_sha256: None,
        targets: 0,
        done: 0,
        servers: None,
        domains: None,
        complete: true,
        config_sha256: None,
        versions: Versions::default(),
        content: Default::default(),
    }
}
