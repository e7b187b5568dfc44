//! Every question, asked of histories whose truth is known because they were planned.

mod planted;
mod rollover;
