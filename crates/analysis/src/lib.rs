//! One module per question asked of the archive.
