//! What is counted in parts adds up to what is counted at once, for every question and in any order of the parts.

use crate::walk::{Mail, Walk};
use analysis::questions;
use analysis::study::{Content, Needs, Settings, Study, answers, domain_parts, parts, whole};
use archive::states::Columns;
use archive::states::model::{DomainState, Id, ServerState};
use lab::history::{HistoryConfig, Sight};
use std::collections::BTreeMap;

const ALL: Needs = Needs {
    servers: Some(&[]),
    domains: Some(&[]),
    certificates: true,
    tlsa: true,
    mail_hosts: true,
    domain_names: true,
    every_vantage: true,
};

fn nothing(_: &lab::history::History, _: usize, _: i64, _: &mut Sight) {}

#[test]
fn parts_add_up_to_the_whole() {
    let mut walk = Walk::new(HistoryConfig { servers: 40, days: 20, seed: 2, vantages: 2, ..HistoryConfig::new() }, nothing);
    for day in 0..20 {
        let mail = |number: usize| {
            let hosts = [number, number + day / 7 * (number % 3)].map(|host| walk.host(host % walk.servers()).to_owned()).to_vec();
            (format!("d{number}.{}", ["nl", "se"][number % 2]), Mail { hosts, tlsa: (number % 3) as u16 })
        };
        let domains: BTreeMap<String, Mail> = (0..60).map(mail).collect();
        walk.days.push((walk.history.config().start + day as i64 * 86_400, domains));
    }
    let (archive, _place) = walk.archive();
    let ranks = (0..60).map(|number| (format!("d{number}.nl"), number + 1)).collect();
    let settings = Settings { ranks: Some(ranks), many: 2, ..Settings::new() };
    let content = Content::read(&archive, ALL).unwrap();
    let study = Study::new(&archive, &settings, &content);
    let (mut servers, mut domains): (Vec<ServerState>, Vec<DomainState>) = Default::default();
    archive.server_states(Columns::All, |rows| servers.extend(rows)).unwrap();
    archive.domain_states(Columns::All, |rows| domains.extend(rows)).unwrap();
    assert!(servers.len() > 100 && domains.len() > 60);
    for question in questions::all() {
        let one_vantage =
            |state: &ServerState| question.needs.every_vantage || Some(state.vantage) == study.vantage().map(|(vantage, _)| vantage);
        let mut written = Vec::new();
        for partition in 0..3 {
            if question.needs.servers.is_some() {
                let of_hosts: Vec<ServerState> =
                    servers.iter().filter(|state| state.key.index() % 3 == partition && one_vantage(state)).copied().collect();
                written.push(parts(&study, question, &of_hosts).unwrap());
            }
            if question.needs.domains.is_some() {
                // The states of one domain may be in several partitions.
                let some: Vec<DomainState> = domains.iter().skip(partition).step_by(3).copied().collect();
                written.push(domain_parts(&study, question, &some).unwrap());
            }
        }
        written.reverse();
        let sum = whole(&study, question, written.iter().map(Vec::as_slice)).unwrap();
        let at_once = answers(&archive, &settings, &[question]).unwrap().remove(0);
        assert_eq!((sum.tables, sum.notes), (at_once.tables, at_once.notes), "{}", question.about.id);
    }
}
