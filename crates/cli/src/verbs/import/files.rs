//! The files that arguments mean.

use crate::exit::UsageError;
use std::path::{Path, PathBuf};

/// Directories within directories.
const DEPTH: usize = 8;

/// What was found.
#[derive(Debug, Default)]
pub struct Files {
    /// In the order of their names, numbers by their value: `190713_2` before `190713_10`.
    pub paths: Vec<PathBuf>,
    /// Files of directories whose names have none of the endings.
    pub passed_over: u64,
}

/// Files as they are given, and of directories, at any depth, those whose names end in one of `endings`.
///
/// # Errors
/// If one cannot be looked at, or there is none at all.
pub fn find(given: &[PathBuf], endings: &[&str]) -> Result<Files, UsageError> {
    let mut found = Files::default();
    for path in given {
        let about = std::fs::metadata(path).map_err(|e| UsageError(format!("{}: {e}; name files or directories", path.display())))?;
        if about.is_dir() { walk(path, endings, 0, &mut found)? } else { found.paths.push(path.clone()) }
    }
    if found.paths.is_empty() {
        let given: Vec<String> = given.iter().map(|path| path.display().to_string()).collect();
        return Err(UsageError(format!(
            "{}: no file there whose name ends in {}; name others one by one",
            given.join(", "),
            endings.join(" or ")
        )));
    }
    found.paths.sort_by_cached_key(|path| order(path));
    found.paths.dedup();
    Ok(found)
}

fn walk(directory: &Path, endings: &[&str], depth: usize, found: &mut Files) -> Result<(), UsageError> {
    let failed = |e: std::io::Error| UsageError(format!("{}: {e}", directory.display()));
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let is_dir = std::fs::metadata(&path).is_ok_and(|about| about.is_dir());
        let name = entry.file_name();
        if is_dir && depth < DEPTH {
            walk(&path, endings, depth + 1, found)?;
        } else if !is_dir && endings.iter().any(|ending| name.to_string_lossy().ends_with(ending)) {
            found.paths.push(path);
        } else {
            found.passed_over += 1;
        }
    }
    Ok(())
}

/// A piece of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Number(u128, usize),
    Text(String),
}

fn order(path: &Path) -> Vec<Piece> {
    let text = path.to_string_lossy();
    let mut pieces = Vec::new();
    let mut rest: &str = &text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (piece, later) = rest.split_at(end);
        pieces.push(match piece.parse() {
            Ok(number) if digits => Piece::Number(number, piece.len()),
            _ => Piece::Text(piece.to_owned()),
        });
        rest = later;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_in_the_order_of_time() {
        let mut names: Vec<PathBuf> =
            ["b/190713_0.txt", "a/190714_0.txt", "a/190713_10.txt", "a/190713_2.txt.gz", "a/190713_2.txt"].map(PathBuf::from).to_vec();
        names.sort_by_cached_key(|path| order(path));
        let names: Vec<String> = names.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(names, ["a/190713_2.txt", "a/190713_2.txt.gz", "a/190713_10.txt", "a/190714_0.txt", "b/190713_0.txt"]);
    }
}
