//! The scenarios themselves, by topic, and the words they are written in.

use crate::Scenario;

/// Every scenario, in the order of the documentation.
pub fn all() -> Vec<Scenario> {
    Vec::new()
}
