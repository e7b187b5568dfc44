//! Other people's data. What cannot be used is counted and set aside with its reason; it never stops an import.

pub mod dane_study;
pub mod openintel;
pub mod zone_file;
