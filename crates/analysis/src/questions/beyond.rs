//! Questions that neither study asked.

use crate::study::Entry;

/// They, in the order in which they are told.
pub const QUESTIONS: &[Entry] = &[];
