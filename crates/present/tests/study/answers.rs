//! Answers of every kind, and an archive that holds something: what a page has to be able to show.

use analysis::Share;
use analysis::study::{About, Answer, Cell, Chart, Drawing, Holdings, Scale, Series, Settings, Table, View};
use archive::states::model::{DomainSeen, Notes, Snapshot, Versions};
use archive::states::{Archive, Look, Round, Writer};

const HOUR: i64 = 3600;
const START: i64 = 1_562_803_200;
/// Hours of four months less one missed day.
const ROUNDS: i64 = 2_900;

const fn about(id: &'static str, title: &'static str, views: &'static [View], published: &'static str) -> About {
    let definition = "Of the mail servers with TLSA records that the round reached, those whose records match the chain that the server \
                      shows, by the definition of P20; a server without certificate is in neither number.";
    About { id, title, source: "P22 section 6, Figure 7", views, definition, published }
}

static LINES: About = about("q-lines", "Servers with matching records", &[View::Paper, View::Ours], "96.4% at the end");
static MANY: About = about("q-many", "Adoption by top-level domain", &[View::Paper], "");
static STEPS: About = about("q-steps", "How long mistakes last", &[View::Ours], "half of them a day");
static BARS: About = about("q-bars", "Errors by kind", &[View::Paper], "");
static STACKED: About = about("q-stacked", "Who is secure, over time", &[View::Paper], "");
static FUNNEL: About = about("q-funnel", "Who is left to be judged", &[View::Paper], "13,902 servers, 2,569 judged");
static NOTHING: About = about("q-nothing", "A question without an answer", &[View::Ours], "");

/// Something that goes up and down, from 0 to `most`.
fn wave(n: u64, most: u64) -> u64 {
    ((n * 2_654_435_761) >> 7) % (most + 1)
}

fn rounds() -> impl Iterator<Item = (u64, Cell)> {
    let kept = (0..ROUNDS).filter(|round| !(1_200..1_224).contains(round));
    kept.map(|round| (round.unsigned_abs(), Cell::Time(START + round * HOUR)))
}

fn chart(name: &'static str, table: &'static str, view: View, drawing: Drawing, x: &'static str, scale: Scale) -> Chart {
    let title = "What the chart shows, in one line of words".to_owned();
    Chart { name, title, table, view, drawing, x, series: vec![Series::new("valid", "")], by: None, scale, below: None }
}

fn with(about: &'static About, tables: Vec<Table>, charts: Vec<Chart>) -> Answer {
    Answer { tables, charts, ..Answer::new(about) }
}

fn lines() -> Answer {
    let mut tables = Vec::new();
    let mut charts = Vec::new();
    for view in [View::Paper, View::Ours] {
        let mut table = Table::new("by-round", view, "Servers by round", &["time", "valid", "matching", "crawled"]);
        for (round, time) in rounds() {
            let of = 9_000 + round + wave(round, 40);
            let valid = of * 93 / 100 + wave(round, 90);
            table.rows.push(vec![time, Share::new(valid, of).into(), Share::new(valid + 300, of).into(), Cell::Count(of)]);
        }
        tables.push(table);
        let series =
            vec![Series::new("valid", "Valid by DNSSEC and certificate"), Series::new("matching", "Records match the certificate")];
        let chart = chart("valid", "by-round", view, Drawing::Lines, "time", Scale::Percent);
        charts.push(Chart { series, below: Some("crawled"), ..chart });
    }
    let mut answer = with(&LINES, tables, charts);
    answer.notes.push("24 rounds are missing; no line crosses them".to_owned());
    answer
}

fn many(word: &str) -> Answer {
    let mut table = Table::new("by-round", View::Paper, "Domains by round", &["time", "tld", "valid"]);
    let mut last = Table::new("last-round", View::Paper, "Domains, last round", &["tld", "valid"]);
    for tld in 0..40_u64 {
        let name = if tld == 39 { word.to_owned() } else { format!("tld-{tld}") };
        for (round, time) in rounds().step_by(24) {
            let share = Share::new((tld + 1) * (600 + round / 10) / 40, 1_000 + 50 * tld);
            table.rows.push(vec![time, name.as_str().into(), share.into()]);
            if round == 2_880 {
                last.rows.push(vec![name.as_str().into(), share.into()]);
            }
        }
    }
    let by = Chart { by: Some("tld"), ..chart("lines", "by-round", View::Paper, Drawing::Lines, "time", Scale::Percent) };
    let bars = chart("bars", "last-round", View::Paper, Drawing::Bars, "tld", Scale::Percent);
    with(&MANY, vec![last, table], vec![by, bars])
}

fn steps() -> Answer {
    let mut table = Table::new("durations", View::Ours, "Mistakes by how long they last", &["hours", "kind", "valid"]);
    for kind in ["key changed, record not", "record for another key", "expired"] {
        let mut sum = 0;
        for power in 0..14_u64 {
            sum += wave(power + kind.len() as u64, 30) + 1;
            table.rows.push(vec![Cell::Count(1 << power), kind.into(), Share::new(sum.min(400), 400).into()]);
        }
        table.rows.push(vec![Cell::Count(20_000), kind.into(), Share::new(400, 400).into()]);
    }
    let drawn = Chart { by: Some("kind"), ..chart("steps", "durations", View::Ours, Drawing::Cumulative, "hours", Scale::Percent) };
    with(&STEPS, vec![table], vec![drawn])
}

fn bars(word: &str) -> Answer {
    let mut table = Table::new("kinds", View::Paper, "Servers by error", &["kind", "valid", "other"]);
    for (n, kind) in ["early-retirement", "late-introduction", "no-introduction", word].into_iter().enumerate() {
        table.rows.push(vec![kind.into(), Cell::Count(4_000_u64 >> (3 * n)), Cell::Count(wave(n as u64, 70))]);
    }
    let series = vec![Series::new("valid", "In the first year"), Series::new("other", "In the second year, of those still there")];
    let logarithmic = Chart { series, ..chart("bars", "kinds", View::Paper, Drawing::Bars, "kind", Scale::Logarithmic) };
    let single = chart("one", "kinds", View::Paper, Drawing::Bars, "kind", Scale::Count);
    with(&BARS, vec![table], vec![logarithmic, single])
}

fn stacked() -> Answer {
    let mut daily = Table::new("daily", View::Paper, "Record sets by day", &["time", "state", "valid"]);
    let mut by_tld = Table::new("by-tld", View::Paper, "Record sets by top-level domain", &["tld", "state", "valid"]);
    let states = |n: u64| [("secure", 700 + n / 20), ("without DS", 200 - n / 20), ("bogus", 20), ("unsigned", 80)];
    for (round, time) in rounds().step_by(24) {
        daily.rows.extend(states(round).map(|(state, n)| vec![time.clone(), state.into(), Share::new(n, 1_000).into()]));
    }
    for (n, tld) in ["com", "net", "nl", "org", "se"].into_iter().enumerate() {
        by_tld.rows.extend(states(n as u64 * 400).map(|(state, n)| vec![tld.into(), state.into(), Share::new(n, 1_000).into()]));
    }
    let drawn = |name, table, x| Chart { by: Some("state"), ..chart(name, table, View::Paper, Drawing::Stacked, x, Scale::Percent) };
    with(&STACKED, vec![daily, by_tld], vec![drawn("daily", "daily", "time"), drawn("tld", "by-tld", "tld")])
}

fn funnel() -> Answer {
    let mut table = Table::new("funnel", View::Paper, "Who is left to be judged", &["step", "valid"]);
    for (step, n) in
        [("servers", 13_902), ("with another certificate", 10_334), ("with another key", 8_837), ("judged", 2_569), ("none", 0)]
    {
        table.rows.push(vec![step.into(), Cell::Count(n)]);
    }
    let drawn = chart("funnel", "funnel", View::Paper, Drawing::Funnel, "step", Scale::Count);
    with(&FUNNEL, vec![table], vec![drawn])
}

/// One of each kind; `word` is in their tables as it may come from an archive.
pub fn answers(word: &str) -> Vec<Answer> {
    let empty = with(&NOTHING, vec![Table::new("none", View::Ours, "Nothing", &["time", "valid"])], vec![]);
    vec![empty, lines(), many(word), steps(), bars(word), stacked(), funnel()]
}

/// What an archive of 300 hours holds, less a missed day, seen from two places.
pub fn holdings(word: &str) -> Holdings {
    let place = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(place.path()).unwrap();
    for slot in (0..300_i64).filter(|slot| !(100..124).contains(slot)) {
        for name in ["amsterdam", word] {
            let vantage = writer.parts().word(name);
            let domains = Some(vec![Look { key: writer.parts().domain("a.nl"), seen: DomainSeen::default(), notes: Notes::default() }]);
            let snapshot = Snapshot {
                vantage,
                scheduled_s: START + slot * HOUR,
                every_s: 3600,
                started_s: START + slot * HOUR,
                finished_s: None,
                clock_offset_ms: None,
                targets_sha256: None,
                targets: 1,
                done: 1,
                servers: None,
                domains: None,
                complete: slot % 50 != 0,
                config_sha256: None,
                versions: Versions::default(),
                content: Default::default(),
            };
            writer.append(&Round { snapshot, servers: None, domains }).unwrap();
        }
    }
    drop(writer);
    Holdings::of(&Archive::open(place.path()).unwrap(), &Settings::new())
}
