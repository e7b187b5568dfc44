//! What everybody sees in every round: the lab's timelines written out, so that tests can count by walking, and an archive of the same.

use crate::codes;
use analysis::study::{Answer, Cell, View};
use archive::states::model::{DomainSeen, Notes, ServerKey, ServerSeen, ServerVerdict, Snapshot, Versions, WordId};
use archive::states::{Archive, Look, Round, Writer};
use dane::dns::Security;
use dane::observation::CertificateBytes;
use dane::paper::{paper_match, paper_valid};
use dane::tlsa::Tlsa;
use lab::history::{CITIES, ChainId, Dnssec, History, HistoryConfig, SetId, Sight};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use tempfile::TempDir;

/// What a mail domain is on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub hosts: Vec<String>,
    /// How many of the hosts have TLSA records.
    pub tlsa: u16,
}

/// Everything that is seen.
pub struct Walk {
    pub history: History,
    /// By vantage point: when it looked.
    pub times: Vec<Vec<i64>>,
    /// By vantage point, server and round of this vantage point.
    pub sights: Vec<Vec<Vec<Option<Sight>>>>,
    /// By server: the end of the signature over its TLSA set at a time, where one is known.
    pub expirations: HashMap<usize, fn(i64) -> i64>,
    /// Days on which somebody looked at domains, and by name what there was.
    pub days: Vec<(i64, BTreeMap<String, Mail>)>,
    /// Sets that the history does not have, numbered from [`FORGED`].
    pub forged: Vec<Vec<Tlsa>>,
    matches: Mutex<HashMap<(SetId, ChainId), bool>>,
}

/// What a test does to what a vantage point sees of a server at a time.
pub type Doctor = fn(&History, usize, i64, &mut Sight);

/// Number of the first set that the history does not have.
pub const FORGED: SetId = 1 << 30;

/// A sight as a key of maps.
pub type SightKey = (Option<(SetId, u32, Dnssec)>, Result<ChainId, &'static str>);

pub fn key(sight: Sight) -> SightKey {
    (sight.tlsa.map(|answer| (answer.set, answer.ttl, answer.dnssec)), sight.chain)
}

/// The name under which daily rounds look at domains.
pub const DAILY: &str = "daily";

impl Walk {
    /// Walks over a history, with a hand in it.
    pub fn new(config: HistoryConfig, doctor: Doctor) -> Self {
        let history = History::new(config).unwrap();
        let vantages = history.config().vantages;
        let times: Vec<Vec<i64>> = (0..vantages).map(|vantage| history.rounds(vantage)).collect();
        let servers = history.truth().len();
        let of_server = |vantage: usize, server: usize| {
            let stretches = history.stretches(server, vantage);
            let at = |time: &i64| {
                let mut sight = stretches.iter().find(|stretch| stretch.from <= *time && *time < stretch.to)?.sight;
                doctor(&history, server, *time, &mut sight);
                Some(sight)
            };
            times[vantage].iter().map(at).collect()
        };
        let sights = (0..vantages).map(|vantage| (0..servers).map(|server| of_server(vantage, server)).collect()).collect();
        Self { times, sights, history, expirations: HashMap::new(), days: Vec::new(), forged: Vec::new(), matches: Mutex::default() }
    }

    pub fn host(&self, server: usize) -> &str {
        &self.history.truth()[server].host
    }

    pub fn servers(&self) -> usize {
        self.history.truth().len()
    }

    pub fn records(&self, set: SetId) -> &[Tlsa] {
        match set.checked_sub(FORGED) {
            Some(forged) => &self.forged[forged as usize],
            None => self.history.records(set),
        }
    }

    pub fn certificates(&self, chain: ChainId) -> Vec<CertificateBytes> {
        self.history.certificates(chain)
    }

    /// The definition itself, from bytes.
    pub fn matches(&self, set: SetId, chain: ChainId) -> bool {
        let find_out = || paper_match(&self.certificates(chain), self.records(set), &[]) == Some(true);
        *self.matches.lock().unwrap().entry((set, chain)).or_insert_with(find_out)
    }

    /// An archive that scans would have made.
    pub fn archive(&self) -> (Archive, TempDir) {
        let place = TempDir::new().unwrap();
        let mut writer = Writer::open(place.path()).unwrap();
        let keys: Vec<_> = (0..self.servers()).map(|s| writer.parts().server(&ServerKey::new(self.host(s), 25, None))).collect();
        let mut moments: Vec<(i64, usize, usize)> = Vec::new();
        for (vantage, times) in self.times.iter().enumerate() {
            moments.extend(times.iter().enumerate().map(|(round, time)| (*time, vantage, round)));
        }
        moments.sort_unstable();
        let mut translated: HashMap<(usize, SightKey), ServerSeen> = HashMap::new();
        let mut days = self.days.iter().peekable();
        for (time, vantage, round) in moments {
            while let Some((day, domains)) = days.next_if(|(day, _)| *day <= time) {
                self.daily(&mut writer, *day, domains);
            }
            let mut looks = Vec::new();
            for (server, sight) in self.sights[vantage].iter().enumerate().filter_map(|(server, rounds)| Some((server, rounds[round]?))) {
                let known = translated.get(&(server, key(sight))).copied();
                let seen = known.unwrap_or_else(|| self.seen(&mut writer, sight, time));
                translated.insert((server, key(sight)), seen);
                let sig_expiration_s = self.expirations.get(&server).map(|until| until(time));
                looks.push(Look { key: keys[server], seen, notes: Notes { rules: 1, sig_expiration_s, ..Notes::default() } });
            }
            let vantage = writer.parts().word(CITIES[vantage]);
            let snapshot = snapshot(vantage, time, 3600, looks.len());
            writer.append(&Round { snapshot, servers: Some(looks), domains: None }).unwrap();
        }
        drop(writer);
        (Archive::open(place.path()).unwrap(), place)
    }

    fn daily(&self, writer: &mut Writer, day: i64, domains: &BTreeMap<String, Mail>) {
        let mut looks = Vec::new();
        for (name, mail) in domains {
            looks.push(domain_look(writer, name, mail));
        }
        let vantage = writer.parts().word(DAILY);
        let snapshot = snapshot(vantage, day, 86_400, looks.len());
        writer.append(&Round { snapshot, servers: None, domains: Some(looks) }).unwrap();
    }

    fn seen(&self, writer: &mut Writer, sight: Sight, at: i64) -> ServerSeen {
        let mut seen = ServerSeen::default();
        if let Some(answer) = sight.tlsa {
            let (status, signed, reason) = match answer.dnssec {
                Dnssec::Secure => (Security::Secure, true, None),
                Dnssec::NoDs => (Security::Insecure, true, None),
                Dnssec::Unsigned => (Security::Insecure, false, None),
                Dnssec::Bogus(why) => (Security::Bogus, true, Some(codes::bogus(writer.parts(), why))),
            };
            let set = writer.parts().tlsa_set(self.records(answer.set).to_vec());
            seen = ServerSeen { tlsa_set: Some(set), ttl: Some(answer.ttl), dnssec: Some(status), signed: Some(signed), reason, ..seen };
        }
        match sight.chain {
            Ok(chain) => {
                let certificates = self.certificates(chain);
                seen.chain = Some(writer.parts().chain(certificates.iter().map(|certificate| &*certificate.0)));
                seen.smtp_status = Some(writer.parts().word("ok"));
                let version = if chain % 3 == 0 { "TLSv1.2" } else { "TLSv1.3" };
                seen.tls_version = Some(writer.parts().word(version));
                if let Some(answer) = sight.tlsa {
                    let valid = paper_valid(seen.dnssec.unwrap(), &certificates, self.records(answer.set), &[], at);
                    let paper_match = Some(self.matches(answer.set, chain));
                    seen.verdict = ServerVerdict { paper_match, paper_valid: valid, ..ServerVerdict::default() };
                }
            }
            Err(why) => codes::failure(writer.parts(), &mut seen, why),
        }
        seen
    }
}

/// What a daily round sees of a domain.
pub fn domain_look(writer: &mut Writer, name: &str, mail: &Mail) -> Look<archive::states::model::DomainId, DomainSeen> {
    let key = writer.parts().domain(name);
    let hosts: Vec<(u16, &str)> = (1..).map(|at| at * 10).zip(mail.hosts.iter().map(String::as_str)).collect();
    let seen = DomainSeen {
        tld: Some(writer.parts().word(name.rsplit('.').next().unwrap())),
        mx_set: Some(writer.parts().mx_set(hosts)),
        hosts: mail.hosts.len() as u16,
        addresses: mail.hosts.len() as u16,
        tlsa: mail.tlsa,
        ..DomainSeen::default()
    };
    Look { key, seen, notes: Notes { rules: 1, ..Notes::default() } }
}

/// A round that saw all that it should.
pub fn snapshot(vantage: WordId, at: i64, every_s: u32, targets: usize) -> Snapshot {
    Snapshot {
        vantage,
        scheduled_s: at,
        every_s,
        started_s: at,
        finished_s: Some(at + 1),
        clock_offset_ms: None,
        targets_sha256: None,
        targets: targets as u64,
        done: targets as u64,
        servers: None,
        domains: None,
        complete: true,
        config_sha256: None,
        versions: Versions::default(),
        content: Default::default(),
    }
}

/// The rows of a table, each as its cells by column.
pub fn rows(answer: &Answer, table: &str, view: View) -> Vec<BTreeMap<&'static str, Cell>> {
    let table = answer.tables.iter().find(|t| t.name == table && t.view == view).unwrap_or_else(|| panic!("no table {table} in this view"));
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}: rows as wide as columns", table.name);
    table.rows.iter().map(|row| table.columns.iter().copied().zip(row.iter().cloned()).collect()).collect()
}

/// Every chart has its table and its columns, and all of it can be told as JSON.
pub fn charts_hold(answer: &Answer) {
    let told = serde_json::to_value(answer).unwrap();
    assert_eq!(told["id"], answer.about.id);
    assert_eq!(told["tables"].as_array().map(Vec::len), Some(answer.tables.len()));
    for chart in &answer.charts {
        let table = answer.table_of(chart).unwrap_or_else(|| panic!("{}: no table {}", chart.name, chart.table));
        for column in chart.series.iter().map(|series| series.column).chain([chart.x]).chain(chart.by).chain(chart.below) {
            assert!(table.column(column).is_some(), "{}: no column {column}", chart.name);
        }
    }
}
