//! Prints docs/rollover.md: the state machine from the source, and the table from the simulation. `cargo xtask docs` keeps the page.

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use simulation::strategies;

const PAGE: &str = include_str!("rollover.md");

fn main() {
    let climate = strategies::climate();
    let world = format!(
        "{} years, TTL {} s, {} name servers, {} addresses, certificates of {} days",
        strategies::YEARS,
        climate.ttl,
        climate.servers,
        climate.addresses,
        climate.lifetime / 86_400
    );
    print!("{}", PAGE.replace("{WORLD}", &world).replace("{TABLE}", strategies::table().trim_end()));
}
