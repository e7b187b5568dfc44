//! Names of companies that do not exist.

use crate::seed::Seed;

const FIRST: [&str; 40] = [
    "amber", "anchor", "arctic", "autumn", "baltic", "birch", "blue", "bright", "canal", "cedar", "clear", "cloud", "copper", "delta",
    "dune", "eagle", "ember", "fjord", "forest", "garden", "golden", "granite", "harbour", "heron", "island", "ivory", "juniper", "lake",
    "linden", "maple", "meadow", "north", "oak", "pearl", "river", "silver", "storm", "tulip", "valley", "winter",
];
const SECOND: [&str; 40] = [
    "advies", "atelier", "auto", "bakery", "bank", "bikes", "books", "bouw", "cafe", "clinic", "consult", "craft", "data", "dental",
    "design", "energi", "events", "farm", "film", "fiske", "foto", "garage", "handel", "hotel", "hus", "kliniek", "konsult", "legal",
    "logistik", "media", "music", "notaris", "optik", "post", "praktijk", "school", "skog", "studio", "travel", "works",
];

/// The label of the domain with this number; different for every number.
pub fn label(seed: &Seed, number: usize) -> String {
    let seed = seed.child(&format!("name {number}"));
    let pick = |list: &[&'static str; 40], what| list[seed.child(what).below(40)];
    format!("{}-{}-{number}", pick(&FIRST, "first"), pick(&SECOND, "second"))
}
