//! Tests only: danelaw against other people's software.
