//! The other side of a scan: those who are visited want to know by whom, and some want to be left alone.
//!
//! One page and one form, and no log but the wishes themselves.

mod server;
mod wishes;

pub use server::{Answer, Identify, Page};
pub use wishes::{Wish, WishError, Wishes, accepted};
