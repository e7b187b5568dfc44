//! Colour and width of a terminal.

use anstyle::{AnsiColor, Style as Ansi};
use std::fmt::Display;

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Right, protected.
    Good,
    /// Wrong, broken.
    Bad,
    /// Against advice, partial.
    Warn,
    /// Could not look.
    Unseen,
    /// Less important.
    Dim,
    /// Headings.
    Bold,
    /// Lines to type.
    Code,
}

/// How to write for one terminal.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    coloured: bool,
    width: usize,
}

impl Style {
    /// Narrower terminals are written to as if they had this width.
    const NARROWEST: usize = 40;
    /// Text does not become wider than this: long lines are hard to read.
    const WIDEST: usize = 110;

    /// Without colour.
    #[must_use]
    pub fn plain(width: usize) -> Self {
        Self { coloured: false, width: width.clamp(Self::NARROWEST, Self::WIDEST) }
    }

    /// With colour.
    #[must_use]
    pub fn coloured(width: usize) -> Self {
        Self { coloured: true, ..Self::plain(width) }
    }

    /// Columns to write in.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The text in its colour.
    #[must_use]
    pub fn paint(&self, ink: Ink, text: impl Display) -> String {
        if !self.coloured {
            return text.to_string();
        }
        let style = match ink {
            Ink::Good => AnsiColor::Green.on_default(),
            Ink::Bad => AnsiColor::Red.on_default().bold(),
            Ink::Warn => AnsiColor::Yellow.on_default(),
            Ink::Unseen => AnsiColor::Magenta.on_default(),
            Ink::Dim => Ansi::new().dimmed(),
            Ink::Bold => Ansi::new().bold(),
            Ink::Code => AnsiColor::Cyan.on_default(),
        };
        format!("{style}{text}{style:#}")
    }
}
