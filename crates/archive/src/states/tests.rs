//! Of the archive of states: the fold by itself, then on disk, then on a disk that is full.

mod bulk;
mod disk;
mod full;
mod histories;
