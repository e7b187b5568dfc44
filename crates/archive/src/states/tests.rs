//! Of the archive of states: the fold by itself, then on disk, then on a disk that is full, then under other rules.

mod bulk;
mod disk;
mod full;
mod histories;
mod rejudge;
