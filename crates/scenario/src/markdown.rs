//! The catalogue as a page of documentation.

use crate::{Scenario, Section};
use std::fmt::Write as _;

/// One entry per scenario, by section. Deterministic: the page can be compared with what is checked in.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Scenarios\n\nGenerated from the catalogue in `crates/scenario` by `cargo xtask docs`; do not edit.\n\n\
         Each scenario is one domain of the lab (`danelaw lab serve`): `<id>.nl`. *Sender* is what RFC 7672 wants of a sender that\n\
         validates DANE: **dane** authenticated delivery, **enc** TLS without authentication, **opp** opportunistic TLS, **next** skip the host,\n\
         **defer** keep the message and try later, **bounce** return it. *Finding* lists the cause codes that `danelaw check` must name.\n",
    );
    for section in [Section::A, Section::B, Section::C] {
        let heading = match section {
            Section::A => "Sender test bed (Lee et al. 2020, section 6.1)",
            Section::B => "Rules that real senders have broken",
            Section::C => "What a measurement must tell apart",
        };
        let _ = write!(page, "\n## {heading}\n");
        for scenario in Scenario::all().iter().filter(|s| s.section == section) {
            entry(&mut page, scenario);
        }
    }
    page
}

fn entry(page: &mut String, scenario: &Scenario) {
    let sender: Vec<String> = scenario.sender.iter().map(|s| format!("{s:?}").to_lowercase()).collect();
    let causes: Vec<&str> = scenario.receiver.causes.iter().map(|c| c.code()).collect();
    let causes = if causes.is_empty() { "none".to_owned() } else { format!("`{}`", causes.join("`, `")) };
    let _ = write!(
        page,
        "\n### {}\n\n**{}.** {}\n\n- Sender: {}\n- Standing: {}\n- Finding: {}\n- Rests on: {}\n",
        scenario.id,
        scenario.title,
        scenario.text,
        sender.join(", then "),
        scenario.receiver.standing.word(),
        causes,
        scenario.requirements.join(", "),
    );
}
