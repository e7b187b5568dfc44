//! Lee et al., "A Longitudinal and Comprehensive Study of the DANE Ecosystem in Email", USENIX Security 2020.

mod adoption;
mod attribution;
mod both_ends;
mod impact;
mod incorrect;
mod popularity;
mod reasons;
mod signed;
mod split;
mod starttls;
mod vantages;

use crate::study::Entry;

/// Its questions, in its order.
pub const QUESTIONS: &[Entry] = &[
    Entry::of::<adoption::Adoption>(),
    Entry::of::<attribution::Attribution>(),
    Entry::of::<popularity::Popularity>(),
    Entry::of::<vantages::Vantages>(),
    Entry::of::<signed::Signed>(),
    Entry::of::<starttls::Starttls>(),
    Entry::of::<incorrect::Incorrect>(),
    Entry::of::<impact::Impact>(),
    Entry::of::<both_ends::BothEnds>(),
];
