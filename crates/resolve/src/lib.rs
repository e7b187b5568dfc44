//! Iterative and upstream DNS resolution, validated locally.
