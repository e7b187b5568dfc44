//! Files that an argument names.

use crate::exit::UsageError;
use std::path::Path;

/// The largest file read whole: a root store has half a megabyte.
const MAX_OCTETS: u64 = 16 << 20;

/// Reads a whole file.
///
/// # Errors
/// With the file's name and the system's words, or if it is absurdly large.
pub fn read(path: &Path) -> Result<Vec<u8>, UsageError> {
    let failed = |e: std::io::Error| UsageError(format!("cannot read {}: {e}", path.display()));
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MAX_OCTETS {
        return Err(UsageError(format!("{} has {length} octets; a certificate or key file has at most {MAX_OCTETS}", path.display())));
    }
    std::fs::read(path).map_err(failed)
}
