//! Lee et al., "Under the Hood of DANE Mismanagement in SMTP", USENIX Security 2022.

mod by_cause;
mod by_class;
mod by_tld;
mod classes;
mod counted;
mod customers;
mod managing;
mod rollover;
mod seen;
mod served;

use crate::study::{Chart, Drawing, Entry, Scale, Series, View};

/// Its questions, in its order.
pub const QUESTIONS: &[Entry] = &[
    Entry::of::<by_tld::ByTld>(),
    Entry::of::<served::Served>(),
    Entry::of::<managing::ManagingEntities>(),
    Entry::of::<by_class::ByClass>(),
    Entry::of::<by_cause::ByCause>(),
    Entry::of::<rollover::Rollovers>(),
];

/// A chart of a table in a view: the column along the axis, those drawn, and the one that makes a line for each word.
fn chart(
    name: &'static str,
    title: &str,
    (table, view): (&'static str, View),
    drawing: Drawing,
    (x, series, by): (&'static str, Vec<Series>, Option<&'static str>),
    scale: Scale,
) -> Chart {
    Chart { name, title: title.to_owned(), table, view, drawing, x, series, by, scale, below: None }
}
