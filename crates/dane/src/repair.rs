//! What to type: exact lines in order, with waits from the real TTLs.
