//! Where the sources cite requirements: `// R-041 rfc6698#2.1`.

use crate::source::{self, File};
use std::collections::{BTreeMap, BTreeSet};

/// The files that cite one requirement. Files and not lines, so that the matrix does not change with every edit.
#[derive(Default, Debug)]
pub struct Places {
    /// Files of code that ships.
    pub code: BTreeSet<String>,
    /// Files of tests.
    pub tests: BTreeSet<String>,
}

/// Requirement id to places, over all Rust files of the crates.
pub fn find(files: &[File]) -> BTreeMap<String, Places> {
    let mut found: BTreeMap<String, Places> = BTreeMap::new();
    for rust in source::parse(files).0.iter().filter(|rust| rust.file.path.starts_with("crates/")) {
        for (number, line) in (1..).zip(rust.file.text.lines()) {
            for id in cited(line) {
                let places = found.entry(id).or_default();
                let place = rust.file.path.clone();
                match rust.in_test(number) {
                    true => places.tests.insert(place),
                    false => places.code.insert(place),
                };
            }
        }
    }
    found
}

/// The ids in a line's comment.
fn cited(line: &str) -> Vec<String> {
    let Some((_, comment)) = line.split_once("//") else { return Vec::new() };
    let mut ids = Vec::new();
    for (at, _) in comment.match_indices("R-") {
        let starts_a_word = comment[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let digits: String = comment[at + 2..].chars().take_while(char::is_ascii_digit).collect();
        if starts_a_word && digits.len() == 3 {
            ids.push(format!("R-{digits}"));
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_comments() {
        assert_eq!(cited("    x(); // R-041 rfc6698#2.1, R-042"), ["R-041", "R-042"]);
        assert_eq!(cited("/// R-001: a resolver"), ["R-001"]);
        assert!(cited("let x = \"R-041\";").is_empty());
        assert!(cited("// PR-0412 and R-41").is_empty());
    }

    #[test]
    fn code_and_tests_are_told_apart() {
        let text = "// R-001\nfn a() {}\n#[cfg(test)]\nmod tests {\n    // R-001\n    // R-002\n}\n";
        let found = find(&[File { path: "crates/dane/src/a.rs".to_owned(), text: text.to_owned() }]);
        assert_eq!(found["R-001"].code.len(), 1);
        assert_eq!(found["R-001"].tests.len(), 1);
        assert_eq!((found["R-002"].code.len(), found["R-002"].tests.len()), (0, 1));
    }
}
