//! P22 finds what was planned.

use crate::reference::World;
use crate::{explained, managing, rollover};
use lab::history::{History, HistoryConfig};

/// One archive for all, as it takes the longest. With this seed everything occurs that is looked for.
#[test]
fn every_table_and_figure_of_p22_is_that_planned() {
    let world = World::new(History::new(HistoryConfig { servers: 260, days: 120, seed: 30, ..HistoryConfig::new() }).unwrap());
    managing::check(&world);
    explained::check(&world);
    explained::table_3(&world);
    rollover::check(&world);
}
