//! Questions that neither study asked.

mod fixes;
mod forecast;
mod incidents;
mod keys;
mod survival;
mod tls;

use crate::study::Entry;

/// They, in the order in which they are told.
pub const QUESTIONS: &[Entry] = &[
    Entry::of::<survival::Survival>(),
    Entry::of::<incidents::Incidents>(),
    Entry::of::<fixes::Fixes>(),
    Entry::of::<keys::Keys>(),
    Entry::of::<forecast::Forecast>(),
    Entry::of::<tls::Tls>(),
];
