//! Partitions, counted apart, come to the same as the whole.

use crate::planted::{planted, settings};
use analysis::questions::all;
use analysis::study::{Content, Needs, Settings, Study, answers, parts, whole};
use archive::states::Columns;
use lab::history::{History, HistoryConfig};

#[test]
fn every_question_can_be_shared_out() {
    let planted = planted(History::new(HistoryConfig { servers: 90, days: 40, seed: 5, vantages: 2, ..HistoryConfig::new() }).unwrap());
    let archive = &planted.archive;
    let names = archive.domains().unwrap();
    let ranks = names.iter().zip(1..).map(|(domain, rank)| (domain.domain.to_string(), rank)).collect();
    let settings = Settings { ranks: Some(ranks), ..settings() };
    let together = answers(archive, &settings, &all()).unwrap();
    let everything = Needs { certificates: true, certificate_names: true, tlsa: true, mail_hosts: true, domain_names: true, ..Needs::NONE };
    let content = Content::read(archive, everything).unwrap();
    let study = Study::new(archive, &settings, &content);
    let (mut servers, mut domains) = (Vec::new(), Vec::new());
    archive.server_states(Columns::All, |rows| servers.extend_from_slice(rows)).unwrap();
    archive.domain_states(Columns::All, |rows| domains.extend_from_slice(rows)).unwrap();
    assert!(domains.len() > 300 && servers.len() > 300, "{} {}", domains.len(), servers.len());
    for (question, expected) in all().into_iter().zip(together) {
        let parts: Vec<Vec<u8>> = (0..3)
            .map(|which| {
                let servers: Vec<_> = servers.iter().filter(|state| study.host_of(state.key).unwrap() % 3 == which).copied().collect();
                // The states of one domain may be in several partitions.
                let domains: Vec<_> = domains.iter().skip(which).step_by(3).copied().collect();
                parts(&study, question, &servers, &domains).unwrap()
            })
            .collect();
        // In another order, too.
        for order in [[0, 1, 2], [2, 0, 1]] {
            let answer = whole(&study, question, order.map(|which| parts[which].as_slice())).unwrap();
            assert_eq!(format!("{answer:?}"), format!("{expected:?}"), "{}", question.about.id);
        }
    }
}
