//! Shows results: the terminal's tables, the proof chain of `check`, the HTML report. Takes what `analysis` and `dane` give; looks at nothing.

pub mod answers;
mod check;
mod depth;
pub mod figure;
mod html;
mod sender;
mod style;
mod terminal;
mod text;

pub use check::{Nagios, Subject, check, nagios, other, preflight, resolver};
pub use depth::depth;
pub use html::identify::{Identity, WishAnswer, identity_page};
pub use html::page;
pub use html::study::{Side, Study, address, figures, study_page};
pub use html::testbed::{Tested, testbed_begin, testbed_test};
pub use sender::{Published, sender, sender_junit, sender_table};
pub use style::{Ink, Style};
pub use terminal::{run_line, summary};
pub use text::{clean, count, duration, number, time, wrap};

use analysis::Tables;
use dane::Epoch;
use dane::observation::RunObservation;

/// What a report is made from.
pub struct Report<'a> {
    /// The answers.
    pub tables: &'a Tables,
    /// The runs they rest on; one, or the shards of one survey.
    pub runs: &'a [RunObservation],
    /// For which moment the observations were judged; `None`: each for the moment at which it was made.
    pub judged: Option<Epoch>,
    /// When the report was made.
    pub made: Epoch,
}
