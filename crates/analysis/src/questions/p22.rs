//! Lee et al., "Under the Hood of DANE Mismanagement in SMTP", USENIX Security 2022.

mod by_cause;
mod by_class;
mod by_tld;
mod classes;
mod counted;
mod customers;
mod issuers;
mod lets_encrypt;
mod managing;
mod newcomers;
mod outdated;
mod parameters;
mod rollover;
mod seen;
mod served;
mod ttl;
mod unmatched;
mod wrong_fields;

use crate::study::{Chart, Drawing, Entry, Scale, Series, View};

/// Its questions, in its order.
pub const QUESTIONS: &[Entry] = &[
    Entry::of::<by_tld::ByTld>(),
    Entry::of::<served::Served>(),
    Entry::of::<managing::ManagingEntities>(),
    Entry::of::<by_class::ByClass>(),
    Entry::of::<by_cause::ByCause>(),
    Entry::of::<parameters::Parameters>(),
    Entry::of::<ttl::Ttl>(),
    Entry::of::<wrong_fields::WrongFields>(),
    Entry::of::<outdated::Outdated>(),
    Entry::of::<rollover::Rollovers>(),
    Entry::of::<issuers::Issuers>(),
    Entry::of::<lets_encrypt::LeafOfLetsEncrypt>(),
    Entry::of::<lets_encrypt::IssuerOfLetsEncrypt>(),
    Entry::of::<newcomers::Newcomers>(),
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
