//! How long files may be.

use super::Complaint;
use crate::source::File;

const MOST_LINES: usize = 900;
const MOST_MEDIAN: usize = 250;

/// Files of at most 900 lines; half of the Rust files have at most 250.
pub fn check(files: &[File]) -> Vec<Complaint> {
    let written = files.iter().filter(|file| !file.path.starts_with("docs/"));
    let mut complaints: Vec<Complaint> = written
        .filter(|file| lines(file) > MOST_LINES)
        .map(|file| {
            Complaint::new(
                &file.path,
                MOST_LINES,
                format!("{} lines; at most {MOST_LINES}: split it by what changes together", lines(file)),
            )
        })
        .collect();
    let median = median(files);
    if median > MOST_MEDIAN {
        complaints.push(Complaint::new("crates", 0, format!("the median Rust file has {median} lines; at most {MOST_MEDIAN}")));
    }
    complaints
}

/// The median length of the Rust files.
pub fn median(files: &[File]) -> usize {
    let mut lengths: Vec<usize> = files.iter().filter(|file| file.path.ends_with(".rs")).map(lines).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(0)
}

fn lines(file: &File) -> usize {
    file.text.lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, lines: usize) -> File {
        File { path: path.to_owned(), text: "//\n".repeat(lines) }
    }

    #[test]
    fn long_files_are_reported() {
        assert!(check(&[file("a.rs", 900), file("b.rs", 1), file("c.rs", 1)]).is_empty());
        assert_eq!(check(&[file("a.rs", 901), file("b.rs", 1), file("c.rs", 1)]).len(), 1);
        assert!(check(&[file("docs/generated.md", 5000)]).is_empty());
    }

    #[test]
    fn a_long_median_is_reported() {
        assert!(check(&[file("a.rs", 100), file("b.rs", 250), file("c.rs", 400)]).is_empty());
        assert_eq!(check(&[file("a.rs", 100), file("b.rs", 251), file("c.rs", 400)]).len(), 1);
    }
}
