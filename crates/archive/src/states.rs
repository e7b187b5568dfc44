//! The archive of states: what did not change is kept once, as an interval.

mod ask;
mod fold;
mod late;
pub mod model;
#[cfg(test)]
mod tests;

pub use ask::{Answer, History};
pub use fold::Look;
