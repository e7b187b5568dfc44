//! How long each kind of error lasts, and how it ends.
//!
//! A *spell* is the time from the first round that saw a host with a fault to the first that saw its end; rounds between that could not see do
//! not interrupt it. It ends *fixed*, with the records *withdrawn*, with the host *gone*, or is *still there* when last seen. One that was there when
//! the host was first seen began nobody knows when: it is counted and left out of the curve.
//!
//! The curve is that of Kaplan and Meier: of the errors that had lasted so long and were still watched, the share that lasted on, multiplied up. Over are
//! those fixed or withdrawn; what is gone or still there was watched until then (right-censored).

use crate::Share;
use crate::questions::faults::{Begin, End, Fault, HostSpells};
use crate::study::{About, Answer, Cell, Chart, Drawing, HostStates, Needs, Question, Study, Table, View};

/// How long errors last and how they end.
pub struct Survival;

/// Length of a spell in seconds, and whether it was over then.
type Lasted = (i64, bool);

impl Question for Survival {
    type Part = HostSpells;

    const ABOUT: About = About {
        id: "beyond-survival",
        title: "How long errors last, and how they end",
        source: "danelaw",
        views: &[View::Ours],
        definition: "Per kind of error of hosts with TLSA records (insecure, bogus, no record matches, no TLS): from the first round that saw it to the first that saw its \
                     end: fixed, records withdrawn, host gone, or still there when last seen. Rounds that could not see do not end it. The curve is the \
                     Kaplan-Meier estimate of the share that lasts longer; what is gone or still there is right-censored, and what was there when the host \
                     was first seen by the first round is left out of it.",
        published: "",
    };

    const NEEDS: Needs = Needs {
        servers: Some(&["tlsa_set_id", "chain_id", "dnssec", "smtp_status", "smtp_code"]),
        certificates: true,
        tlsa: true,
        ..Needs::NONE
    };

    fn host(study: &Study<'_>, host: &HostStates<'_>, part: &mut Self::Part) {
        part.host(study, host);
    }

    fn merge(part: &mut Self::Part, other: Self::Part) {
        part.merge(other);
    }

    fn answer(study: &Study<'_>, part: Self::Part) -> Answer {
        let mut answer = Answer::new(&Self::ABOUT);
        let Some((_, grid)) = study.vantage() else { return answer };
        let columns = ["fault", "spells", "fixed", "withdrawn", "gone", "still_there", "began_before", "median_hours"];
        let mut ends = Table::new("ends", View::Ours, "Errors by how they ended", &columns);
        let mut curve =
            Table::new("curve", View::Ours, "Share of errors that last longer", &["fault", "hours", "at_risk", "ended", "surviving"]);
        for fault in Fault::ALL {
            let spells: Vec<_> = part.spells.iter().map(|of| of.spell).filter(|spell| spell.fault == fault).collect();
            let of_end = |end: End| spells.iter().filter(|spell| spell.end == end).count() as u64;
            let all = spells.len() as u64;
            let lasted = spells.iter().filter(|spell| spell.begin != Begin::Before).map(|spell| {
                let seconds = grid.time(spell.to as usize).saturating_sub(grid.time(spell.from as usize));
                (seconds, matches!(spell.end, End::Fixed | End::Withdrawn))
            });
            let known: Vec<Lasted> = lasted.collect();
            let before = all - known.len() as u64;
            let steps = kaplan_meier(known);
            let median = steps.iter().find(|step| step.surviving <= 0.5).map_or(Cell::Nothing, |step| Cell::Number(hours(step.seconds)));
            let shares = [End::Fixed, End::Withdrawn, End::Gone, End::Open].map(|end| Cell::Share(Share::new(of_end(end), all)));
            let row = [fault.word().into(), Cell::Count(all)].into_iter().chain(shares).chain([Cell::Count(before), median]);
            ends.rows.push(row.collect());
            curve.rows.extend(steps.into_iter().map(|step| {
                let surviving = Cell::Number(step.surviving * 100.0);
                vec![fault.word().into(), Cell::Number(hours(step.seconds)), step.at_risk.into(), step.ended.into(), surviving]
            }));
        }
        let chart = Chart::new("survival", "Errors that last longer", &curve, Drawing::Lines, "hours", &[("surviving", "")]);
        answer.charts.push(Chart { by: Some("fault"), ..chart });
        let columns = [("fixed", "Fixed"), ("withdrawn", "Records withdrawn"), ("gone", "Host gone"), ("still_there", "Still there")];
        answer.charts.push(Chart::new("ends", "How errors ended", &ends, Drawing::Stacked, "fault", &columns));
        answer.tables = vec![ends, curve];
        answer
    }
}

#[allow(clippy::cast_precision_loss)]
fn hours(seconds: i64) -> f64 {
    seconds as f64 / 3600.0
}

/// A step of the curve.
#[derive(Debug, PartialEq)]
struct Step {
    seconds: i64,
    at_risk: u64,
    ended: u64,
    surviving: f64,
}

/// The product-limit estimate (Kaplan and Meier 1958): one step for each length at which something ended.
#[allow(clippy::cast_precision_loss)]
fn kaplan_meier(mut lasted: Vec<Lasted>) -> Vec<Step> {
    lasted.sort_unstable();
    let (mut at_risk, mut surviving, mut steps) = (lasted.len() as u64, 1.0, Vec::new());
    for same in lasted.chunk_by(|one, other| one.0 == other.0) {
        let ended = same.iter().filter(|(_, over)| *over).count() as u64;
        if let (Some((seconds, _)), true) = (same.first(), ended > 0) {
            surviving *= 1.0 - ended as f64 / at_risk as f64;
            steps.push(Step { seconds: *seconds, at_risk, ended, surviving });
        }
        at_risk -= same.len() as u64;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The remission times in weeks of 21 patients under 6-MP (Freireich et al. 1963), and the estimate as textbooks print it.
    #[test]
    fn the_textbook_example() {
        let weeks = [
            (6, true),
            (6, true),
            (6, true),
            (6, false),
            (7, true),
            (9, false),
            (10, true),
            (10, false),
            (11, false),
            (13, true),
            (16, true),
        ];
        let more = [
            (17, false),
            (19, false),
            (20, false),
            (22, true),
            (23, true),
            (25, false),
            (32, false),
            (32, false),
            (34, false),
            (35, false),
        ];
        let steps = kaplan_meier(weeks.into_iter().chain(more).collect());
        let shown: Vec<(i64, u64, u64, String)> =
            steps.iter().map(|s| (s.seconds, s.at_risk, s.ended, format!("{:.3}", s.surviving))).collect();
        let wanted = [
            (6, 21, 3, "0.857"),
            (7, 17, 1, "0.807"),
            (10, 15, 1, "0.753"),
            (13, 12, 1, "0.690"),
            (16, 11, 1, "0.627"),
            (22, 7, 1, "0.538"),
            (23, 6, 1, "0.448"),
        ];
        assert_eq!(shown, wanted.map(|(at, risk, ended, share)| (at, risk, ended, share.to_owned())));
    }
}
