//! The small Internet: zones, hosts, and what is known of each mail domain.

pub mod build;
mod names;
mod ourselves;
mod play;
mod policies;
mod population;

pub use build::{Operator, World, delegation, zone};
pub use names::label;
pub use population::{SHARES, Share};
