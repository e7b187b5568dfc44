//! Lee et al., "A Longitudinal and Comprehensive Study of the DANE Ecosystem in Email", USENIX Security 2020.

mod adoption;
mod signed;

use crate::study::Entry;

/// Its questions, in its order.
pub const QUESTIONS: &[Entry] = &[Entry::of::<adoption::Adoption>(), Entry::of::<signed::Signed>()];
