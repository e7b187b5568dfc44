//! Prints every question as a page: `cargo xtask docs` keeps it as docs/analyses.md.

use analysis::questions;
use analysis::study::{About, View};

fn main() {
    println!("# Questions about a history\n\nGenerated from `crates/analysis/src/questions/` by `cargo xtask docs`; do not edit.\n");
    println!("*Paper view*: what the studies' scripts compute, so that figures compare. *Ours*: what we hold to be right. P20 and P22 are");
    println!("Lee et al., USENIX Security 2020 and 2022.\n");
    println!("| question | of | module | views |\n|---|---|---|---|");
    let all = questions::all();
    for question in &all {
        let About { id, source, .. } = question.about;
        println!("| [`{id}`](#{}) | {source} | `{}` | {} |", anchor(id), question.module(), views(question.about));
    }
    for question in &all {
        let About { id, title, definition, published, .. } = question.about;
        println!("\n## {id}\n\n**{title}.** {}", words(definition));
        if !published.is_empty() {
            println!("\nPublished: {}.", words(published));
        }
    }
}

/// As one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a heading of this text can be linked by.
fn anchor(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

fn views(about: &About) -> String {
    let word = |view: &View| if *view == View::Paper { "paper" } else { "ours" };
    about.views.iter().map(word).collect::<Vec<_>>().join(", ")
}
