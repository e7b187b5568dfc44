//! What DuckDB is timed with counts what danelaw counts: its SQL on the files of an archive, beside the tables of `danelaw analyse`.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const SQL: [&str; 9] = ["last-round", "p20-figure-5", "causes", "issuers", "lets-encrypt", "newcomers", "survival", "keys", "weak-keys"];

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Two years of few servers, as the bench has them.
fn history(place: &Path) {
    let mut history = conformance::danelaw::command();
    run(history.args(["lab", "history", "--form", "states", "--servers", "300", "--days", "500", "--vantages", "1", "--out"]).arg(place));
    run(conformance::danelaw::command().args(["archive", "compact"]).arg(place));
}

fn theirs(place: &Path) -> BTreeMap<String, Vec<Value>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = conformance::python::interpreter();
    python.arg(here.join("tests/questions_in_sql/ask.py")).arg(place).arg(here.join("../../docs/views.sql"));
    let asked = python.args(SQL.map(|name| here.join(format!("src/bench_analysis/sql/{name}.sql"))));
    serde_json::from_slice(&run(asked)).unwrap()
}

/// The rows of a table of an answer.
fn ours(place: &Path, question: &str, table: &str, view: &str) -> Vec<Value> {
    let answer = run(conformance::danelaw::command().args(["analyse", question, "--json", "--archive"]).arg(place));
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let tables = answer["tables"].as_array().unwrap();
    let rows = tables.iter().find(|found| found["name"] == table && found["view"] == view).unwrap()["rows"].as_array().unwrap();
    assert!(!rows.is_empty(), "{question}: {table}");
    rows.clone()
}

/// Rows with these cells; of shares their count, and after the last one what it is of.
fn cells(rows: &[Value], columns: &[usize]) -> Vec<Value> {
    let row = |row: &Value| {
        let cell = |place: &usize| if row[*place]["count"].is_null() { row[*place].clone() } else { row[*place]["count"].clone() };
        let of = columns.last().map(|last| row[*last]["of"].clone()).filter(|of| !of.is_null());
        Value::Array(columns.iter().map(cell).chain(of).collect())
    };
    rows.iter().map(row).collect()
}

/// As numbers: DuckDB's sums come as decimals.
fn assert_same(what: &str, theirs: &[Value], ours: &[Value]) {
    let plain = |rows: &[Value]| {
        let cell = |cell: &Value| cell.as_f64().map_or(cell.clone(), |number| json!(number));
        let row = |row: &Value| row.as_array().unwrap().iter().map(cell).collect::<Value>().to_string();
        let mut rows: Vec<String> = rows.iter().map(row).collect();
        rows.sort();
        rows
    };
    let (theirs, ours) = (plain(theirs), plain(ours));
    let differ = theirs.iter().zip(&ours).find(|(one, other)| one != other);
    assert!(theirs == ours, "{what}: {} rows, ours {}; {differ:?}", theirs.len(), ours.len());
}

#[test]
fn the_sql_of_the_bench_counts_what_danelaw_counts() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("history");
    history(&place);
    let theirs = theirs(&place);
    let ours = |question, table, view| ours(&place, question, table, view);
    assert_same("last-round", &theirs["last-round"], &cells(&ours("p20-table-2", "last-round", "ours"), &[0, 4, 5]));
    // A bogus set does not count as signed there, as in the paper view.
    let signed = ours("p20-figure-5", "by-round", "paper");
    let signed: Vec<Value> = signed.iter().map(|row| json!([row[1], row[0], row[2]["of"], row[2]["count"], row[3]["count"]])).collect();
    assert_same("p20-figure-5", &theirs["p20-figure-5"], &signed);
    let causes: Vec<Value> = ours("p22-figure-4", "by-day", "paper").into_iter().filter(|row| row[1] == "all").collect();
    assert_same("causes", &theirs["causes"], &cells(&causes, &[0, 2, 3, 4]));
    let issuers = cells(&ours("p22-issuers", "by-issuer", "paper"), &[0, 1]);
    let issuers: Vec<Value> = issuers.iter().map(|row| json!([row[0], row[1]])).collect();
    assert_same("issuers", &theirs["issuers"], &issuers);
    let by_issuer = ours("p22-figure-8", "by-issuer", "paper");
    let by_issuer: Vec<Value> = by_issuer.iter().map(|row| json!([row[1], row[0], row[2]["count"]])).filter(|row| row[2] != 0).collect();
    let some: Vec<Value> = theirs["lets-encrypt"].iter().filter(|row| row[2].as_f64() != Some(0.0)).cloned().collect();
    assert_same("lets-encrypt", &some, &by_issuer);
    assert_same("newcomers", &theirs["newcomers"], &[newcomers(&ours)]);
    assert_same("survival", &theirs["survival"].iter().map(|row| json!([row[0], row[1], row[2]])).collect::<Vec<_>>(), &spells(&ours));
    assert_same("keys", &theirs["keys"], &cells(&ours("beyond-keys", "by-round", "ours"), &[0, 1]));
    assert_same("weak-keys", &theirs["weak-keys"], &cells(&ours("beyond-tls", "weak-keys", "ours"), &[0, 1]));
}

/// Servers, newcomers, and of these the insecure, bogus, mismatched and incorrect ones.
fn newcomers(ours: &impl Fn(&'static str, &'static str, &'static str) -> Vec<Value>) -> Value {
    let newcomers = ours("p22-table-4", "newcomers", "ours");
    let causes = ours("p22-table-4", "causes", "ours");
    let count = |word: &str| causes.iter().find(|row| row[0] == word).unwrap()[1]["count"].as_u64().unwrap();
    let mismatch = count("wrong-fields") + count("unknown-mismatch");
    json!([newcomers[0][1]["of"], newcomers[0][1]["count"], count("insecure"), count("bogus"), mismatch, newcomers[2][1]["count"]])
}

/// Spells by fault and end, those that are gone among the open ones.
fn spells(ours: &impl Fn(&'static str, &'static str, &'static str) -> Vec<Value>) -> Vec<Value> {
    let mut spells = Vec::new();
    for row in ours("beyond-survival", "ends", "ours").iter().filter(|row| row[0] != "starttls") {
        let count = |column: usize| row[column]["count"].as_u64().unwrap();
        let ends = [("fixed", count(2)), ("withdrawn", count(3)), ("open", count(4) + count(5))];
        spells.extend(ends.into_iter().filter(|(_, count)| *count > 0).map(|(end, count)| json!([row[0], end, count])));
    }
    spells
}
