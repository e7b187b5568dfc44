//! Measures one thing after the other, prints it, and writes the tables.

use super::archives::{self, Made};
use super::options::Options;
use crate::bench::table::{Table, put, whole};
use crate::bench::usage::{self, Usage, on_core};
use crate::{danelaw, python};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Questions in SQL: that of danelaw which asks the same or more.
pub const SQL: [(&str, &str); 17] = [
    ("p20-adoption", "p20-adoption"),
    ("p20-table-2", "last-round"),
    ("p20-figure-5", "p20-figure-5"),
    ("p20-figure-6", "starttls"),
    ("p20-figure-7", "bogus"),
    ("p22-table-2", "invalid"),
    ("p22-figure-4", "causes"),
    ("p22-parameters", "usages"),
    ("p22-ttl", "ttls"),
    ("p22-figure-5", "outdated"),
    ("p22-rollover", "p22-rollover"),
    ("p22-issuers", "issuers"),
    ("p22-figure-8", "lets-encrypt"),
    ("p22-table-4", "newcomers"),
    ("beyond-survival", "survival"),
    ("beyond-keys", "keys"),
    ("beyond-tls", "weak-keys"),
];

/// Why the others are not asked in SQL.
const NOT_IN_SQL: [(&str, &str); 12] = [
    ("p20-attribution", SUFFIXES),
    ("p20-figure-3", "takes a list of ranks"),
    ("p20-figure-8", BOTH),
    ("p20-section-5.5", "as p22-rollover, by other rules"),
    ("p22-table-1", BOTH),
    ("p22-figure-2", BOTH),
    ("p22-managing", SUFFIXES),
    ("p22-wrong-fields", "every other reading of a record, and how far two digests are apart"),
    ("p22-figure-7", "as p22-rollover, for one authority"),
    ("beyond-incidents", SUFFIXES),
    ("beyond-fixes", SUFFIXES),
    ("beyond-forecast", "what is due follows from rules, not from rows"),
];
const SUFFIXES: &str = "takes the list of public suffixes";
const BOTH: &str = "of servers and domains: these archives have one of them";

/// Everything.
///
/// # Errors
/// If an archive cannot be made or the page cannot be written.
pub fn all(options: &Options) -> Result<(), String> {
    std::fs::create_dir_all(&options.directory).map_err(|e| format!("{}: {e}", options.directory.display()))?;
    println!("{}", options.machine);
    let (one, five) = (archives::servers(options, 1)?, archives::servers(options, 5)?);
    let daily = archives::domains(options)?;
    let mut sizes = Table::default();
    size(&mut sizes, "one vantage point", &one);
    size(&mut sizes, "five vantage points", &five);
    let ratio = five.octets(&[]) as f64 / one.octets(&[]) as f64;
    sizes.row("five vantage points to one, octets", format!("{ratio:.2}"), "2 or less");
    size(&mut sizes, "domains, daily", &daily);
    let questions = questions(options, &one, &five, &daily)?;
    let rows = if options.peers { rows(options, &one)? } else { String::new() };
    if let Some(page) = &options.page {
        let text = format!("{PREFACE}{}.\n\n{}\n{questions}\n{rows}{}", options.machine, sizes.markdown(), include_str!("ways.md"));
        put(page, "analysis", &text)?;
    }
    Ok(())
}

const PREFACE: &str = "`cargo xtask bench analysis`, on ";

fn size(table: &mut Table, what: &str, made: &Made) {
    let each = |octets: u64| format!("{:.3}", octets as f64 / made.looks as f64);
    table.row(format!("{what}: looks"), whole(made.looks as f64), "");
    table.row(format!("{what}: octets a look, all tables"), each(made.octets(&[])), "1.2 or less");
    table.row(format!("{what}: octets a look, states"), each(made.octets(&["server_state", "domain_state"])), "0.10 or less");
}

/// Every question of danelaw's, beside DuckDB where it is asked the same.
fn questions(options: &Options, one: &Made, five: &Made, daily: &Made) -> Result<String, String> {
    let mut out = String::from(
        "| question | one vantage point | five | memory, one and five | daily domains | DuckDB, one | DuckDB, five | DuckDB, domains |\n|---|---|---|---|---|---|---|---|\n",
    );
    if options.peers {
        let base = duck(options, one, None);
        println!("DuckDB, nothing asked: {}", seconds(base));
        let _ = writeln!(out, "| (nothing) | | | | | {} | | |", seconds(base));
    }
    for id in ids()? {
        let cost = |made: &Made| ask(options, made, &id);
        let (first, second, domains) = (cost(one), cost(five), cost(daily));
        let sql = SQL.iter().find(|(question, _)| *question == id).map(|(_, sql)| *sql).filter(|_| options.peers);
        let about_domains = id == "p20-adoption";
        // By vantage point; the others ask one, however many there are.
        let of_all = ["p20-table-2", "p20-figure-5", "p20-figure-6", "p20-figure-7"].contains(&id.as_str());
        let theirs =
            |made: &Made, wanted: bool| sql.filter(|_| wanted).map_or(String::new(), |sql| seconds(duck(options, made, Some(sql))));
        let memory = format!("{}, {} MB", first.peak_kb / 1000, second.peak_kb / 1000);
        let one_sql = match NOT_IN_SQL.iter().find(|(question, _)| *question == id) {
            Some((_, why)) if options.peers => format!("no SQL: {why}"),
            _ => theirs(one, !about_domains),
        };
        let row = [
            id.clone(),
            seconds(first),
            seconds(second),
            memory,
            seconds(domains),
            one_sql,
            theirs(five, of_all),
            theirs(daily, about_domains),
        ];
        println!("{}", row.join("  "));
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    Ok(out)
}

/// One row for every look: how DuckDB and Spark do with what danelaw does not keep.
fn rows(options: &Options, one: &Made) -> Result<String, String> {
    let mut table = Table::default();
    let file = one.place.join("../rows.parquet");
    if !file.exists() {
        let used = duck(options, one, Some("rows"));
        table.row("DuckDB writes one row for every look", seconds(used), "");
    }
    let octets = std::fs::metadata(&file).map_err(|e| format!("{}: {e}", file.display()))?.len();
    table.row("one row for every look, octets a look, without certificates", format!("{:.3}", octets as f64 / one.looks as f64), "");
    for (name, question) in [("rows-signed", "p20-figure-5"), ("rows-rollover", "p22-rollover")] {
        let (theirs, ours) = (duck(options, one, Some(name)), ask(options, one, question));
        table.row(format!("{question}: DuckDB on rows"), seconds(theirs), "");
        table.row(format!("{question}: DuckDB on rows to danelaw on states"), format!("{:.0}", theirs.cpu() / ours.cpu()), "");
        let spark = spark(options, one, name);
        table.row(format!("{question}: Spark on rows"), seconds(spark), "");
        table.row(format!("{question}: Spark on rows to danelaw on states"), format!("{:.0}", spark.cpu() / ours.cpu()), "");
    }
    Ok(table.markdown())
}

fn seconds(used: Usage) -> String {
    format!("{:.2} CPU-s", used.cpu())
}

fn ids() -> Result<Vec<String>, String> {
    let output = danelaw::command().args(["analyse", "--list", "--json"]).output().map_err(|e| e.to_string())?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["id"].as_str().map(str::to_owned);
    Ok(lines.lines().filter_map(id).collect())
}

fn ask(options: &Options, made: &Made, question: &str) -> Usage {
    let mut command = danelaw::command();
    command.args(["analyse", question, "--json", "--archive"]).arg(&made.place);
    on_core(1, || usage::run(command, &options.directory.join("answer.json")))
}

fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench_analysis").join(name)
}

fn duck(options: &Options, made: &Made, sql: Option<&str>) -> Usage {
    let mut command = python::interpreter();
    command.arg(beside("duck.py")).arg(&made.place).arg(beside("../../../../docs/views.sql"));
    command.args(sql.map(|sql| beside(&format!("sql/{sql}.sql"))));
    on_core(1, || usage::run(command, &options.directory.join("duck.log")))
}

fn spark(options: &Options, made: &Made, sql: &str) -> Usage {
    let mut command = python::spark_submit();
    command.args(["--master", "local[2]", "--driver-memory", "6g"]).arg(beside("spark_rows.py")).arg(&made.place).arg(sql);
    usage::run(command, &options.directory.join("spark.log"))
}
