//! Every question, asked of histories whose truth is known because they were planned.

mod beyond;
mod codes;
mod p20_domains;
mod p20_servers;
mod partitions;
mod planted;
mod rollover;
mod walk;
