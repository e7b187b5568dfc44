//! Words that have no place in the tree: left-overs, paths of one machine, hosts of package registries.

use super::Complaint;
use crate::source::File;

/// What may not stand anywhere, in pieces (so that this file passes its own gate), and why.
const FORBIDDEN: [(&[&str], &str); 17] = [
    (&["TO", "DO"], "do it or drop it"),
    (&["FIX", "ME"], "mend it or drop it"),
    (&["to", "do!("], "write it"),
    (&["unimpl", "emented!("], "write it"),
    (&["db", "g!("], "left over"),
    (&["#[ign", "ore"], "a test that does not run tests nothing"),
    (&["allow(uns", "afe_code)"], "unsafe code is forbidden"),
    (&["/wo", "rk/"], "a path of one machine"),
    (&["/ro", "ot/"], "a path of one machine"),
    (&["/ho", "me/"], "a path of one machine"),
    (&["/Us", "ers/"], "a path of one machine"),
    (&["/tmp/bash", "_jobs"], "a path of one machine"),
    (&["crates", ".io"], "a host of a package registry"),
    (&["py", "pi.org"], "a host of a package registry"),
    (&["npm", "js.org"], "a host of a package registry"),
    (&["deb.deb", "ian.org"], "a host of a package registry"),
    (&["proxy.gol", "ang.org"], "a host of a package registry"),
];

/// Reports every forbidden word, by line. Lock files name registries by their nature and are not looked at.
pub fn check(files: &[File]) -> Vec<Complaint> {
    let words: Vec<(String, &str)> = FORBIDDEN.iter().map(|(pieces, why)| (pieces.concat(), *why)).collect();
    let mut complaints = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            for (word, why) in words.iter().filter(|(word, _)| line.contains(word)) {
                complaints.push(Complaint::new(&file.path, number + 1, format!("{word}: {why}")));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(text: &str) -> usize {
        check(&[File { path: "a.md".to_owned(), text: text.to_owned() }]).len()
    }

    #[test]
    fn every_word_is_found() {
        for (pieces, _) in FORBIDDEN {
            assert_eq!(about(&format!("fine\nsee {} there", pieces.concat())), 1, "{pieces:?}");
        }
    }

    #[test]
    fn what_resembles_them_is_fine() {
        assert_eq!(about("todo, https://www.rfc-editor.org/rfc/rfc7672 and ~/danelaw and homework/x"), 0);
    }
}
