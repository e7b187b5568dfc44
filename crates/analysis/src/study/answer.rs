//! What a question yields: tables with their denominators, and how to draw them.

use crate::Share;
use dane::Epoch;
use serde::Serialize;

/// In whose eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// What the studies' scripts compute, so that figures compare.
    Paper,
    /// What we hold to be right: differences are in the definition.
    Ours,
}

impl View {
    /// The stable word, as in names of files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            View::Paper => "paper",
            View::Ours => "ours",
        }
    }
}

/// What a question is, where it comes from and how it is answered.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct About {
    /// Its stable name: `p22-table-2`.
    pub id: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// Paper and place; `danelaw` where it goes beyond the papers.
    pub source: &'static str,
    /// In which views it is answered.
    pub views: &'static [View],
    /// What is counted, of what: one paragraph.
    pub definition: &'static str,
    /// What the paper found, for comparison; empty where there is none.
    pub published: &'static str,
}

/// The answer to a question.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// To which.
    #[serde(flatten)]
    pub about: &'static About,
    /// The data.
    pub tables: Vec<Table>,
    /// How to look at them.
    pub charts: Vec<Chart>,
    /// What was left out, with its count, and what a reader has to know.
    pub notes: Vec<String>,
}

/// Data in rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Its name within the answer; stable: `by-class`.
    pub name: &'static str,
    /// In whose eyes.
    pub view: View,
    /// What it shows, in a line.
    pub caption: String,
    /// Names of the columns, stable: `valid`. A share makes two columns of a CSV file, `valid` and `valid_of`.
    pub columns: Vec<&'static str>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number of things.
    Count(u64),
    /// So many of so many.
    Share(Share),
    /// A moment; seconds since 1970.
    Time(Epoch),
    /// A measure: its unit is in the column's name.
    Number(f64),
    /// There is no value: nobody looked.
    Nothing,
}

/// How to draw a table of the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chart {
    /// Its name within the answer; stable.
    pub name: &'static str,
    /// Over it.
    pub title: String,
    /// Name of the table that has the data, and the view it is in (an answer may have a table in both).
    pub table: &'static str,
    /// Which of them.
    pub view: View,
    /// In which way.
    pub drawing: Drawing,
    /// The column along the horizontal axis: times, numbers or words.
    pub x: &'static str,
    /// The columns drawn.
    pub series: Vec<Series>,
    /// A column of words: one line for each word and series. `None`: one for each series.
    pub by: Option<&'static str>,
    /// What the vertical axis measures.
    pub scale: Scale,
    /// A column of counts, drawn small below: what the shares are shares of.
    pub below: Option<&'static str>,
}

/// A column drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// The column.
    pub column: &'static str,
    /// What it is called in the legend.
    pub label: String,
}

/// In which way a chart shows its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drawing {
    /// Lines over time or numbers; a gap where there is no value.
    Lines,
    /// Steps that go up from 0 to 1: how many are at most so large.
    Cumulative,
    /// Bars beside each other.
    Bars,
    /// Bars on top of each other.
    Stacked,
    /// Bars from large to small: who is left at each step.
    Funnel,
}

/// What a vertical axis measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Shares, from 0 to 100.
    Percent,
    /// Numbers of things.
    Count,
    /// Numbers of things that differ by orders of magnitude.
    Logarithmic,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(name: &'static str, view: View, caption: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { name, view, caption: caption.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// The place of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| *column == name)
    }
}

impl Chart {
    /// A chart of a table's columns, in per cent, one line for each; columns come with what they are called.
    #[must_use]
    pub fn new(
        name: &'static str,
        title: &str,
        table: &Table,
        drawing: Drawing,
        x: &'static str,
        columns: &[(&'static str, &str)],
    ) -> Self {
        let series = columns.iter().map(|(column, label)| Series::new(column, *label)).collect();
        let (title, view) = (title.to_owned(), table.view);
        Self { name, title, table: table.name, view, drawing, x, series, by: None, scale: Scale::Percent, below: None }
    }
}

impl Series {
    /// A column and what it is called.
    #[must_use]
    pub fn new(column: &'static str, label: impl Into<String>) -> Self {
        Self { column, label: label.into() }
    }
}

impl Answer {
    /// An answer that says nothing yet.
    #[must_use]
    pub fn new(about: &'static About) -> Self {
        Self { about, tables: Vec::new(), charts: Vec::new(), notes: Vec::new() }
    }

    /// The table that a chart shows.
    #[must_use]
    pub fn table_of(&self, chart: &Chart) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == chart.table && table.view == chart.view)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Cell::Count(count)
    }
}

impl From<Share> for Cell {
    fn from(share: Share) -> Self {
        Cell::Share(share)
    }
}
