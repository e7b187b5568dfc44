//! One module per question. [`all`] has them, in the order in which they are told.

pub mod beyond;
mod connection;
mod faults;
mod operators;
pub mod p20;
pub mod p22;

use crate::study::Entry;

/// Every question there is.
#[must_use]
pub fn all() -> Vec<Entry> {
    [p20::QUESTIONS, p22::QUESTIONS, beyond::QUESTIONS].concat()
}

/// The question with this name.
#[must_use]
pub fn find(id: &str) -> Option<Entry> {
    all().into_iter().find(|question| question.about.id == id)
}
