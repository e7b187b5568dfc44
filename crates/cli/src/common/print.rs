//! Writing to stdout, where the reader may have gone.

use std::io::{self, Write};

/// Prints a text that ends with a line break, or is to go on. A closed stdout ends the output, as with [`line`].
pub fn text(text: impl std::fmt::Display) {
    told(write!(anstream::stdout().lock(), "{text}"));
}

/// Prints one line. A closed stdout (`| head`) ends the output, not the program's exit code.
pub fn line(text: impl std::fmt::Display) {
    told(writeln!(anstream::stdout().lock(), "{text}"));
}

fn told(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        anstream::eprintln!("danelaw: cannot write to stdout: {error}");
    }
}
