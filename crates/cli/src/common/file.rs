//! Files that an argument names.

use crate::exit::UsageError;
use dane::observation::CertificateBytes;
use dane::pem;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest file read whole: a root store has half a megabyte.
const MAX_OCTETS: u64 = 16 << 20;

/// Reads a whole file, a pipe or a device, too, as far as it is not absurdly large.
///
/// # Errors
/// With the file's name and the system's words.
pub fn read(path: &Path) -> Result<Vec<u8>, UsageError> {
    bounded(path).map_err(|e| UsageError(format!("cannot read {}: {e}", path.display())))
}

/// Reads a text file that this option names.
///
/// # Errors
/// As [`read`], with the option's name; and if it is not UTF-8.
pub fn text(option: &str, path: &Path) -> Result<String, UsageError> {
    let failed = |why: &dyn std::fmt::Display| UsageError(format!("{option} {}: {why}", path.display()));
    String::from_utf8(bounded(path).map_err(|e| failed(&e))?).map_err(|_| failed(&"not a text file"))
}

/// The certificates of a PEM file, as they are: a block that is no certificate is what a server might send, too.
///
/// # Errors
/// As [`read`]; and if there is no certificate in it.
pub fn certificates(path: &Path) -> Result<Vec<CertificateBytes>, UsageError> {
    let bytes = read(path)?;
    let blocks = pem::blocks(&bytes).map_err(|e| UsageError(format!("{}: {e}", path.display())))?;
    let certificates: Vec<CertificateBytes> =
        blocks.into_iter().filter(|b| b.label.ends_with("CERTIFICATE")).map(|b| CertificateBytes(b.der.into())).collect();
    if certificates.is_empty() {
        return Err(UsageError(format!("{} has no PEM block of a certificate; give DER files with --chain-der DIR", path.display())));
    }
    Ok(certificates)
}

/// The length that the system tells is not believed: that of a pipe is 0, that of /dev/zero, too.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_OCTETS + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_OCTETS {
        return Err(io::Error::other(format!("it has more than {MAX_OCTETS} octets, too much for any file that is read whole")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        if Path::new("/dev/zero").exists() {
            assert!(read(Path::new("/dev/zero")).unwrap_err().to_string().contains("too much"));
            assert!(text("--opt-out", Path::new("/dev/zero")).unwrap_err().to_string().starts_with("--opt-out /dev/zero: it has more"));
        }
        assert!(read(Path::new("/no/such")).unwrap_err().to_string().contains("cannot read /no/such: No such file"));
    }
}
