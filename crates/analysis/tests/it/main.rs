//! Every question, asked of histories whose truth is known because they were planned.

mod beyond;
mod by_hand;
mod codes;
mod explained;
mod managing;
mod misfit;
mod p20_domains;
mod p20_servers;
mod p22;
mod planted;
mod reference;
mod rollover;
mod shared_out;
mod walk;
