//! What is, and why it waits: `danelaw roll status`, and what every turn prints.

use super::LookOptions;
use crate::common::print;
use crate::exit::{Exit, UsageError};
use operate::roll::{Deed, Mode, Service, Store, Turn, now};
use present::{Ink, Style};
use rollover::why::{Code, Why};
use serde::Serialize;

/// Says of each key where its life stands, and what it waits for. Changes nothing.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw roll status
  danelaw roll status --json | jq .keys

EXIT CODES
  0  all is ready: every next key may come at any time
  1  something is under way, or has to be done
  2  the configuration or the state cannot be used
  3  a server cannot be seen")]
pub struct Status {
    #[command(flatten)]
    look: LookOptions,
}

/// The contract of `--json`: one service.
#[derive(Serialize)]
pub struct Row<'a> {
    kind: &'static str,
    service: String,
    keys: Vec<KeyRow<'a>>,
    /// Why the records are not changed.
    records: Vec<&'a Why>,
    deeds: Vec<DeedRow<'a>>,
}

#[derive(Serialize)]
struct KeyRow<'a> {
    name: &'a str,
    phase: &'static str,
    /// The beginnings of the keys' digests: in use first.
    keys: Vec<String>,
    due: dane::Epoch,
    waits: Vec<&'a Why>,
}

#[derive(Serialize)]
struct DeedRow<'a> {
    what: &'static str,
    detail: &'a str,
}

impl<'a> Row<'a> {
    /// Of a turn.
    pub fn new(service: &Service, turn: &'a Turn) -> Self {
        let of = |name: Option<&str>| turn.whys.iter().filter(move |(of, _)| of.as_deref() == name).map(|(_, why)| why).collect::<Vec<_>>();
        let key = |lane: &'a rollover::machine::Lane| KeyRow {
            name: &lane.name,
            phase: lane.phase.word(),
            keys: lane.phase.keys().iter().map(|key| key.short()).collect(),
            due: lane.due,
            waits: of(Some(&lane.name)),
        };
        let deed = |deed: &'a Deed| {
            let (what, detail) = deed.parts();
            DeedRow { what, detail }
        };
        Self {
            kind: "roll",
            service: service.title(),
            keys: turn.lanes.iter().map(key).collect(),
            records: of(None),
            deeds: turn.deeds.iter().map(deed).collect(),
        }
    }
}

/// Whether a reason is that something could not be seen.
pub fn is_unseen(code: Code) -> bool {
    matches!(code, Code::ServerSilent | Code::AddressSilent | Code::NotSecure | Code::Clock | Code::TooMuch)
}

/// For people.
pub fn text(row: &Row<'_>, style: &Style) -> String {
    let mut out = format!("{}\n", style.paint(Ink::Bold, &row.service));
    for key in &row.keys {
        let ink = if key.phase == "ready" { Ink::Good } else { Ink::Warn };
        out += &format!("  {}: {}, {}\n", key.name, style.paint(ink, words(key.phase)), key.keys.join(" then "));
        key.waits.iter().for_each(|why| out += &indented(&why.to_string(), style));
    }
    for why in &row.records {
        out += &format!("  {}\n", style.paint(Ink::Warn, "records"));
        out += &indented(&why.to_string(), style);
    }
    for deed in &row.deeds {
        let (word, ink) = match deed.what {
            "done" => ("done", Ink::Good),
            "would" => ("would", Ink::Dim),
            "by-hand" => ("to do by hand", Ink::Warn),
            _ => ("failed", Ink::Bad),
        };
        let mut lines = deed.detail.lines();
        out += &format!("  {}\n", style.paint(ink, word));
        if deed.what == "by-hand" {
            // Lines to type are not wrapped.
            lines.for_each(|line| out += &format!("    {}\n", present::clean(line)));
        } else {
            lines.by_ref().for_each(|line| out += &indented(line, style));
        }
    }
    out
}

fn words(phase: &str) -> &str {
    match phase {
        "preparing" => "there is no next key yet",
        "publishing" => "the next key's record is on its way to the servers",
        "settling" => "caches forget the old records",
        "ready" => "ready; the next key may come at any time",
        "switching" => "the next key is being deployed",
        "retiring" => "the old key's record stays until nobody can need it",
        "withdrawing" => "the old key's record is on its way out",
        other => other,
    }
}

fn indented(text: &str, style: &Style) -> String {
    present::wrap(&present::clean(text), style.width().saturating_sub(4)).iter().map(|row| format!("    {row}\n")).collect()
}

impl Status {
    /// Does it.
    ///
    /// # Errors
    /// If the configuration or the state cannot be used.
    pub fn run(self) -> Result<Exit, UsageError> {
        let config = self.look.config.read()?;
        let store = Store::look(&config.state);
        let runtime = super::runtime()?;
        let _inside = runtime.enter();
        let (world, style) = (self.look.world()?, self.look.colour.style());
        let mut exit = Exit::Good;
        for service in &config.services {
            let turn = runtime.block_on(Turn::take(&config, service, &world, &store, Mode::Dry, now())).map_err(UsageError::new)?;
            let ready = turn.deeds.is_empty() && turn.lanes.iter().all(|lane| lane.phase.word() == "ready");
            let unseen = turn.whys.iter().any(|(_, why)| is_unseen(why.code));
            exit = exit.worst(match (unseen, ready) {
                (true, _) => Exit::Unknown,
                (_, true) => Exit::Good,
                _ => Exit::Bad,
            });
            let row = Row::new(service, &turn);
            if self.look.json {
                print::json(&row);
            } else {
                print::text(text(&row, &style));
            }
        }
        Ok(exit)
    }
}
