//! A history of the lab as an archive of states.

use crate::codes;
use analysis::study::Settings;
use archive::states::model::{DomainId, DomainSeen, Notes, ServerKey, ServerSeen, ServerVerdict, Snapshot, Versions};
use archive::states::{Archive, Look, Round, Writer};
use dane::dns::Security;
use dane::paper::{paper_match, paper_valid};
use lab::history::{CITIES, ChainId, Dnssec, History, SetId, Sight, Stay};
use std::collections::HashMap;
use tempfile::TempDir;

/// A history, and the archive that scans of it would have made.
pub struct Planted {
    pub history: History,
    /// The domains that use its servers.
    pub stays: Vec<Stay>,
    pub archive: Archive,
    _place: TempDir,
}

/// More domains than these are many, where tests ask.
pub const MANY: usize = 8;

/// What tests ask with.
pub fn settings() -> Settings {
    Settings { many: MANY as u64, ..Settings::new() }
}

/// Makes it: one round after the other. Domains are looked at by the first vantage point, at midnight.
pub fn planted(history: History) -> Planted {
    let stays = history.customers(MANY);
    let place = TempDir::new().unwrap();
    let mut writer = Writer::open(place.path()).unwrap();
    let vantages = history.config().vantages;
    let mut translate = Translate { history: &history, chains: HashMap::new(), known: HashMap::new() };
    let keys: Vec<_> = history.truth().iter().map(|truth| writer.parts().server(&ServerKey::new(&truth.host, 25, None))).collect();
    let mut now: Vec<Vec<Option<Look<_, ServerSeen>>>> = vec![vec![None; keys.len()]; vantages];
    let mut changes = history.changes().peekable();
    let mut times: Vec<(i64, usize)> = (0..vantages).flat_map(|v| history.rounds(v).into_iter().map(move |at| (at, v))).collect();
    times.sort_unstable();
    for (at, vantage) in times {
        while let Some(change) = changes.next_if(|change| change.at <= at) {
            now[change.vantage][change.server] = change.sight.map(|sight| {
                let key = keys[change.server];
                Look { key, seen: translate.seen(&mut writer, sight, change.at), notes: Notes { rules: 1, ..Notes::default() } }
            });
        }
        let servers: Vec<_> = now[vantage].iter().flatten().copied().collect();
        let number = vantage;
        let vantage = writer.parts().word(CITIES[vantage]);
        let snapshot = Snapshot {
            vantage,
            scheduled_s: at,
            every_s: 3600,
            started_s: at,
            finished_s: Some(at + 1),
            clock_offset_ms: None,
            targets_sha256: None,
            targets: servers.len() as u64,
            done: servers.len() as u64,
            servers: None,
            domains: None,
            complete: true,
            config_sha256: None,
            versions: Versions::default(),
            content: Default::default(),
        };
        let domains = (number == 0 && at % 86_400 == 0).then(|| domains(&mut writer, &history, &stays, at));
        writer.append(&Round { snapshot, servers: Some(servers), domains }).unwrap();
    }
    drop(writer);
    drop(changes);
    let archive = Archive::open(place.path()).unwrap();
    Planted { history, stays, archive, _place: place }
}

/// What a look at all domains sees.
fn domains(writer: &mut Writer, history: &History, stays: &[Stay], at: i64) -> Vec<Look<DomainId, DomainSeen>> {
    let here = stays.iter().filter(|stay| (history.day(stay.from)..history.day(stay.to)).contains(&at));
    let look = |stay: &Stay| {
        let hosts = stay.mx.iter().map(|server| (10, history.truth()[*server].host.as_str()));
        let parts = writer.parts();
        let seen = DomainSeen {
            tld: Some(parts.word(stay.domain.rsplit('.').next().unwrap())),
            mx_set: Some(parts.mx_set(hosts)),
            ns_set: Some(parts.ns_set(stay.ns.iter().map(String::as_str))),
            hosts: stay.mx.len() as u16,
            tlsa: stay.mx.iter().filter(|server| history.is_there(**server, at)).count() as u16,
            ..DomainSeen::default()
        };
        Look { key: parts.domain(&stay.domain), seen, notes: Notes { rules: 1, ..Notes::default() } }
    };
    here.map(look).collect()
}

/// Whether records match a chain, and whether they are valid for it.
type Outcome = (Option<bool>, Option<bool>);

struct Translate<'h> {
    history: &'h History,
    chains: HashMap<ChainId, archive::states::model::ChainId>,
    known: HashMap<(SetId, ChainId, Security), Outcome>,
}

impl Translate<'_> {
    fn seen(&mut self, writer: &mut Writer, sight: Sight, at: i64) -> ServerSeen {
        let mut seen = ServerSeen::default();
        if let Some(answer) = sight.tlsa {
            let (status, signed, reason) = match answer.dnssec {
                Dnssec::Secure => (Security::Secure, true, None),
                Dnssec::NoDs => (Security::Insecure, true, None),
                Dnssec::Unsigned => (Security::Insecure, false, None),
                Dnssec::Bogus(why) => (Security::Bogus, true, Some(codes::bogus(writer.parts(), why))),
            };
            let set = writer.parts().tlsa_set(self.history.records(answer.set).to_vec());
            seen = ServerSeen { tlsa_set: Some(set), ttl: Some(answer.ttl), dnssec: Some(status), signed: Some(signed), reason, ..seen };
        }
        match sight.chain {
            Ok(chain) => {
                let history = self.history;
                let number = self.chains.entry(chain);
                let number = number.or_insert_with(|| {
                    let certificates = history.certificates(chain);
                    writer.parts().chain(certificates.iter().map(|certificate| &*certificate.0))
                });
                (seen.chain, seen.smtp_status) = (Some(*number), Some(writer.parts().word("ok")));
            }
            Err(why) => codes::failure(writer.parts(), &mut seen, why),
        }
        if let (Some(answer), Ok(chain), Some(status)) = (sight.tlsa, sight.chain, seen.dnssec) {
            let (matches, valid) = *self.known.entry((answer.set, chain, status)).or_insert_with(|| {
                let (certificates, records) = (self.history.certificates(chain), self.history.records(answer.set));
                (paper_match(&certificates, records, &[]), paper_valid(status, &certificates, records, &[], at))
            });
            seen.verdict = ServerVerdict { paper_match: matches, paper_valid: valid, ..ServerVerdict::default() };
        }
        seen
    }
}
