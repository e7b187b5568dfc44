//! Tidiness is a test. Each gate is a function from sources to complaints, in a module with samples of what it must and must not report.

mod arrows;
mod dependencies;
mod layout;
mod shape;
mod words;

use crate::source;
#[cfg(test)]
use crate::source::Rust;
use crate::steps::cargo;
use std::fmt;

/// One thing to mend: where, and what.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    path: String,
    line: usize,
    text: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

impl Complaint {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

/// Runs every gate and prints the complaints.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(unknown) = arguments.first() {
        return Err(format!("tidy takes no argument: {unknown}"));
    }
    let files = source::files()?;
    let (rust, broken) = source::parse(&files);
    let mut complaints: Vec<Complaint> =
        broken.iter().map(|(file, line, error)| Complaint::new(&file.path, *line, format!("does not parse: {error}"))).collect();
    complaints.extend(layout::check(&files));
    complaints.extend(words::check(&files));
    for file in &rust {
        complaints.extend(shape::check(file));
    }
    let packages = packages()?;
    complaints.extend(arrows::check(&packages));
    complaints.extend(dependencies::check(&files, &packages));
    complaints.sort();
    for complaint in &complaints {
        println!("{complaint}");
    }
    let summary = format!("{} files, {} Rust files with a median of {} lines", files.len(), rust.len(), layout::median(&files));
    match complaints.len() {
        0 => {
            println!("tidy: {summary}: nothing to mend");
            Ok(())
        }
        count => Err(format!("tidy: {summary}: {count} to mend")),
    }
}

/// Our packages, as cargo reads their manifests.
fn packages() -> Result<Vec<serde_json::Value>, String> {
    let failed = |e: &dyn fmt::Display| format!("cargo metadata: {e}");
    let output = cargo(&["metadata", "--no-deps", "--offline", "--format-version", "1"]).output().map_err(|e| failed(&e))?;
    let mut metadata: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|e| failed(&e))?;
    let packages = metadata.get_mut("packages").and_then(|p| p.as_array_mut()).map(std::mem::take);
    packages.ok_or_else(|| failed(&"it lists no packages"))
}

#[cfg(test)]
fn complaints_about(path: &str, text: &str, check: impl Fn(&Rust<'_>) -> Vec<Complaint>) -> Vec<String> {
    let files = [source::File { path: path.to_owned(), text: text.to_owned() }];
    let (rust, broken) = source::parse(&files);
    assert!(broken.is_empty());
    rust.iter().flat_map(check).map(|complaint| complaint.to_string()).collect()
}
