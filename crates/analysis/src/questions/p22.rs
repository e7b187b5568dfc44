//! Lee et al., "Under the Hood of DANE Mismanagement in SMTP", USENIX Security 2022.

mod rollover;

use crate::study::Entry;

/// Its questions, in its order.
pub const QUESTIONS: &[Entry] = &[Entry::of::<rollover::Rollovers>()];
