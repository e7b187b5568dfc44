//! Writing to stdout, where the reader may have gone or the disk may be full.

use super::colour::columns;
use serde::Serialize;
use std::io::{self, BufWriter, Write};
use std::sync::OnceLock;

/// Why a part of the output is lost; the first reason only.
static LOST: OnceLock<String> = OnceLock::new();

/// Prints a text that ends with a line break, or is to go on. A closed stdout ends the output, as with [`line`].
pub fn text(text: impl std::fmt::Display) {
    told(write!(anstream::stdout().lock(), "{text}"));
}

/// Prints one line. A closed stdout (`| head`) ends the output and is no error; any other failure is remembered for [`lost`].
pub fn line(text: impl std::fmt::Display) {
    told(writeln!(anstream::stdout().lock(), "{text}"));
}

/// Prints a text `indent` columns in, wrapped to the terminal with hanging indent. What it took from the network cannot steer the terminal.
pub fn hanging(indent: usize, text: impl std::fmt::Display) {
    // Spaces within the first line are columns of ours: only the rest is wrapped.
    let text = present::clean(&text.to_string());
    let words = text.trim_start();
    let first = indent + text.len() - words.len();
    for (number, row) in present::wrap(words, columns().clamp(40, 110).saturating_sub(first + 2)).iter().enumerate() {
        let indent = if number == 0 { first } else { first + 2 };
        line(format_args!("{:indent$}{row}", ""));
    }
}

/// Prints one JSON object on one line, as it is made: an answer may have millions of numbers. JSON has no control characters, so nothing in it
/// can steer a terminal.
pub fn json(object: &impl Serialize) {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let written = serde_json::to_writer(&mut out, object).map_err(io::Error::from);
    told(written.and_then(|()| writeln!(out)).and_then(|()| out.flush()));
}

/// Whether output was lost, and why: for the end of the program.
#[must_use]
pub fn lost() -> Option<&'static str> {
    told(io::stdout().flush());
    LOST.get().map(String::as_str)
}

fn told(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        LOST.get_or_init(|| error.to_string());
    }
}
