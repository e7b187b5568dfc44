//! Writing to stdout, where the reader may have gone.

use std::io::{self, Write};

/// Prints one line. A closed stdout (`| head`) ends the output, not the program's exit code.
pub fn line(text: impl std::fmt::Display) {
    if let Err(error) = writeln!(anstream::stdout().lock(), "{text}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        anstream::eprintln!("danelaw: cannot write to stdout: {error}");
    }
}
