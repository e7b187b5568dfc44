//! Of the fold without files.

mod histories;
