//! The strategies of today and ours in one and the same world.

use super::grades::words;
use super::library::Library;
use super::ours::Ours;
use super::today::{Strategy, Today};
use super::world::{Climate, DAY, Keeper, World, YEAR};
use rollover::machine::Machine;

/// Years that each lives.
pub const YEARS: i64 = 20;

pub struct Row {
    pub name: &'static str,
    pub rollovers: u64,
    /// In which some sender, whose cache holds what it may hold, fails to deliver.
    pub failed_minutes_a_year: f64,
    pub wrong: u64,
    pub judged: u64,
    pub verdict: &'static str,
}

/// Healthy servers, one of them slow; a quarter of the renewals comes from another issuer. Certificates of 60 days.
pub fn climate() -> Climate {
    Climate { servers: 3, addresses: 2, lifetime: 60 * DAY, early: 100, other_issuer: 250, ..Climate::CALM }
}

pub fn rows() -> Vec<Row> {
    let today = [
        ("replace the record after deploying", Strategy::ReplaceAfterwards),
        ("publish and switch at once", Strategy::AtOnce),
        ("publish, wait five minutes, switch", Strategy::FixedWait(300)),
        ("publish, wait one hour, switch", Strategy::FixedWait(3600)),
        ("the same key for ever, `3 1 1`", Strategy::ReuseKey),
        ("the same key for ever, `3 0 1`", Strategy::ReuseKeyPinCertificate),
        ("the issuer's key, `2 1 1`", Strategy::PinIssuer),
    ];
    let mut library = Library::new(300);
    let mut rows: Vec<Row> =
        today.into_iter().map(|(name, strategy)| row(name, &mut library, |_| Box::new(Today::new(strategy)))).collect();
    let machine = || Machine { keep_key_s: 60 * DAY, ..Machine::default() };
    let ours = |world: &mut World<'_>| -> Box<dyn Keeper> {
        let mut ours = Ours::new(machine(), world);
        ours.takes_over_order = true;
        Box::new(ours)
    };
    rows.push(row("`rollover`: current and next", &mut library, ours));
    rows
}

fn row(name: &'static str, library: &mut Library, keeper: impl Fn(&mut World<'_>) -> Box<dyn Keeper>) -> Row {
    let mut world = World::new(library, climate(), 1);
    let mut keeper = keeper(&mut world);
    world.live(&mut *keeper, YEARS * YEAR);
    let graded = world.history.grade(YEARS * YEAR, world.library);
    let (verdict, wrong, judged) = words(&graded);
    let failed_minutes_a_year = world.senders.failed_s as f64 / 60.0 / YEARS as f64;
    Row { name, rollovers: world.rollovers, failed_minutes_a_year, wrong, judged, verdict }
}

/// As Markdown.
pub fn table() -> String {
    let mut table = String::from(
        "| strategy | rollovers | minutes a year in which mail fails | wrong of those that P22 judges | the server in P22 |\n|---|---|---|---|---|\n",
    );
    for row in rows() {
        table += &format!(
            "| {} | {} | {:.0} | {} of {} | {} |\n",
            row.name, row.rollovers, row.failed_minutes_a_year, row.wrong, row.judged, row.verdict
        );
    }
    table
}
