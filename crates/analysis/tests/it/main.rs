//! Every question, asked of histories whose truth is known because they were planned.

mod managing;
mod planted;
mod reference;
mod rollover;
mod shared_out;
