//! Observations to and from JSON lines and Parquet.
