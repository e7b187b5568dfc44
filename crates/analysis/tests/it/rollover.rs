//! P22 section 6 finds what was planned.

use crate::reference::World;
use analysis::questions::find;
use analysis::study::{Answer, Cell, Settings, View, answers};
use lab::history::ServerVerdict;
use std::collections::BTreeMap;

/// The counts of a table of two columns.
fn counts(answer: &Answer, table: &str, view: View) -> BTreeMap<String, u64> {
    let table = answer.tables.iter().find(|t| t.name == table && t.view == view).expect("a table of this name");
    let row = |row: &Vec<Cell>| match &row[..] {
        [Cell::Text(word), Cell::Count(count)] => (word.clone(), *count),
        [Cell::Text(word), Cell::Share(share)] => (word.clone(), share.count),
        other => panic!("{other:?}"),
    };
    table.rows.iter().map(row).collect()
}

/// The funnel and the grades.
pub fn check(World { planted, .. }: &World) {
    let answer = answers(&planted.archive, &Settings::new(), &[find("p22-rollover").unwrap()]).unwrap().remove(0);
    let truth = planted.history.counts();
    let funnel = counts(&answer, "funnel", View::Paper);
    assert_eq!(funnel["servers"], truth.servers);
    assert_eq!(funnel["certificates changed"], truth.certificate_changed);
    assert_eq!(funnel["keys changed"], truth.key_changed);
    assert_eq!(funnel["judged"], truth.targets);
    assert_eq!(funnel["wrong"], truth.verdicts.get(&ServerVerdict::Wrong).copied().unwrap_or_default());
    let grades: BTreeMap<String, u64> = truth.grades.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
    assert_eq!(counts(&answer, "grades", View::Ours), grades);
    assert!(grades.len() > 6, "too little to find: {grades:?}");
}
