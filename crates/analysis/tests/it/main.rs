//! Every question, asked of histories whose truth is known because they were planned.

mod by_hand;
mod explained;
mod managing;
mod misfit;
mod p22;
mod planted;
mod reference;
mod rollover;
mod shared_out;
