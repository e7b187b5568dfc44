//! The other side of a scan: those who are visited want to know by whom, and some want to be left alone.
//!
//! A server that speaks just enough HTTP/1.1 (RFC 9112) for one page and one form. Whoever asks is bounded: in octets, in time, in connections,
//! in wishes. One request a connection, no scripts, no cookies, no log but the wishes themselves.

mod request;
mod server;
mod wishes;

pub use request::{Method, Reading, Request, RequestReader};
pub use server::{Answer, Identify, Page};
pub use wishes::{Wish, WishError, Wishes, accepted};
