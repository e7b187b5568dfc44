//! Colour and width of what is printed.

use anstream::ColorChoice;
use present::Style;

/// Columns where nothing says how many there are.
const COLUMNS: usize = 80;

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// Also through a pipe.
    Always,
    /// On a terminal that can, unless NO_COLOR or CLICOLOR=0 is set; with CLICOLOR_FORCE everywhere.
    Auto,
    /// Not at all.
    Never,
}

/// How output looks.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ColourOption {
    /// Colour the output: "always" survives a pipe, "auto" heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE
    #[arg(long = "color", visible_alias = "colour", value_name = "WHEN", value_enum, default_value_t = When::Auto, hide_possible_values = false)]
    when: When,
}

impl ColourOption {
    /// The style for stdout; what is printed with [`super::print`] keeps or loses its colours accordingly.
    #[must_use]
    pub fn style(self) -> Style {
        let coloured = match self.when {
            When::Always => true,
            When::Never => false,
            When::Auto => anstream::AutoStream::choice(&std::io::stdout()) != ColorChoice::Never,
        };
        // The style decides; nothing after it strips or adds.
        ColorChoice::Always.write_global();
        if coloured { Style::coloured(columns()) } else { Style::plain(columns()) }
    }
}

/// Columns of the terminal; `COLUMNS` where there is none.
pub fn columns() -> usize {
    let asked = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal_size::terminal_size_of(std::io::stdout()).map(|(w, _)| usize::from(w.0)).or_else(asked).unwrap_or(COLUMNS)
}
