//! Prints every question as a page: `cargo xtask docs` keeps it as docs/analyses.md.

use analysis::questions::all;

fn main() {
    println!("# Questions\n\nEverything that `danelaw analyse` and `danelaw report` answer of an archive of states. Generated from");
    println!("`crates/analysis/src/questions/` by `cargo xtask docs`; do not edit.\n");
    println!(
        "The *paper view* is what the studies' own scripts compute, *ours* what we hold to be right; the definition says where they differ."
    );
    println!(
        "P20: Lee et al., \"A Longitudinal and Comprehensive Study of the DANE Ecosystem in Email\" (2020). P22: Lee et al., \"Under the"
    );
    println!("Hood of DANE Mismanagement in SMTP\" (2022). Tables are `QUESTION-TABLE-VIEW.csv`, figures `QUESTION-CHART-VIEW.svg`.\n");
    println!("| question | what | source | views |\n|---|---|---|---|");
    for question in all() {
        let about = question.about;
        let views: Vec<&str> = about.views.iter().map(|view| view.word()).collect();
        println!("| [`{}`](#{}) | {} | {} | {} |", about.id, about.id, cell(about.title), cell(about.source), views.join(", "));
    }
    for question in all() {
        let about = question.about;
        println!("\n## {}\n\n**{}.** {}", about.id, about.title, about.definition);
        if !about.published.is_empty() {
            println!("\n*Published*: {}", about.published);
        }
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
