//! Prints every cause as a page: `cargo xtask docs` keeps it as docs/causes.md.

use dane::cause::{Cause, Party, Weight};

fn main() {
    println!(
        "# Causes\n\nEvery finding that danelaw can make. Generated from `crates/dane/src/cause.rs` by `cargo xtask docs`; do not edit.\n"
    );
    println!("The *code* is stable: it never changes its meaning. *Party* is who has to act: the domain (or its mail provider), the path");
    println!(
        "between, or us. *Weight* is what it weighs unless the circumstances say otherwise; *unknown* means that we could not look, which"
    );
    println!("is never bad. The requirement is in [requirements.md](requirements.md).\n");
    println!("| code | party | weight | requirement | meaning |\n|---|---|---|---|---|");
    for cause in Cause::ALL {
        let party = match cause.party() {
            Party::Domain => "domain",
            Party::Path => "path",
            Party::Us => "us",
        };
        let weight = match cause.weight() {
            Weight::Info => "info",
            Weight::Warning => "warning",
            Weight::Unknown => "unknown",
            Weight::Error => "error",
        };
        println!("| `{}` | {party} | {weight} | {} | {} |", cause.code(), cause.requirement(), cause.title().replace('|', "\\|"));
    }
}
