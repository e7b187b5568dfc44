//! `cargo xtask rfc`: the requirements of `rfc/` against the citations in the sources.
//!
//! Each file of `rfc/` holds one document's requirements: `## R-041 MUST §9, rfc6698#2.1`, and below it a sentence in our words.
//! `rfc/claimed.txt` names the areas claimed as done; `rfc/pending.txt` what they still lack, and it only ever gets shorter.

use crate::citations::{self, Places};
use crate::docs::{self, Mode};
use crate::source;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

/// One requirement.
#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    level: String,
    /// `rfc7672#2.1.1`, the first being the document it is filed under.
    places: Vec<String>,
    sentence: String,
}

type Requirements = BTreeMap<String, Requirement>;

/// Checks the claimed areas and writes `docs/requirements.md`; with `--check`, writes nothing and says what is out of date.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let mode = Mode::from_arguments(arguments)?;
    let requirements = read()?;
    let claimed = claimed(&text("claimed.txt")?, &requirements)?;
    let cited = citations::find(&source::files()?);
    let missing = missing(&requirements, &claimed, &cited);
    let pending: BTreeSet<String> = text("pending.txt").unwrap_or_default().lines().map(str::to_owned).collect();
    let unknown = cited.keys().filter(|id| !requirements.contains_key(*id)).map(|id| format!("{id}: cited, but rfc/ does not know it"));
    let new = missing.difference(&pending).map(|gap| format!("{gap} does not cite it, although its area is claimed as done"));
    let faults: Vec<String> = unknown.chain(new).collect();
    for fault in &faults {
        println!("{fault}");
    }
    let matrix = matrix(&requirements, &claimed, &cited);
    docs::put("requirements.md", &matrix, mode)?;
    if mode == Mode::Write {
        let rest: String = pending.intersection(&missing).map(|gap| format!("{gap}\n")).collect();
        write("pending.txt", &rest)?;
    }
    println!("rfc: {} requirements, {} claimed as done, {} citations pending", requirements.len(), claimed.len(), missing.len());
    if faults.is_empty() { Ok(()) } else { Err(format!("{} faults in the citations", faults.len())) }
}

fn text(name: &str) -> Result<String, String> {
    let path = source::root().join("rfc").join(name);
    fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(name: &str, content: &str) -> Result<(), String> {
    let path = source::root().join("rfc").join(name);
    let done = if content.is_empty() { fs::remove_file(&path).or(Ok(())) } else { fs::write(&path, content) };
    done.map_err(|e: std::io::Error| format!("{}: {e}", path.display()))
}

fn read() -> Result<Requirements, String> {
    let mut all = Requirements::new();
    let directory = source::root().join("rfc");
    let entries = fs::read_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "md")) {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let content = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        for (id, requirement) in parse(&stem, &content)? {
            if all.insert(id.clone(), requirement).is_some() {
                return Err(format!("{id} stands twice in rfc/"));
            }
        }
    }
    Ok(all)
}

/// The requirements of one file, whose name is that of the document (`7672`).
fn parse(document: &str, content: &str) -> Result<Vec<(String, Requirement)>, String> {
    let mut found: Vec<(String, Requirement)> = Vec::new();
    for line in content.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let mut words = heading.splitn(3, ' ');
            let (Some(id), Some(level), Some(places)) = (words.next(), words.next(), words.next()) else {
                return Err(format!("rfc/{document}.md: not `## ID LEVEL PLACES`: {line}"));
            };
            if !["MUST", "SHOULD", "MAY", "RULE"].contains(&level) {
                return Err(format!("rfc/{document}.md: {id}: the level is MUST, SHOULD, MAY or RULE, not {level}"));
            }
            let place =
                |place: &str| place.strip_prefix('§').map_or_else(|| place.to_owned(), |section| format!("rfc{document}#{section}"));
            let places = places.split(", ").map(place).collect();
            found.push((id.to_owned(), Requirement { level: level.to_owned(), places, sentence: String::new() }));
        } else if let Some((_, requirement)) = found.last_mut()
            && !line.trim().is_empty()
        {
            let space = if requirement.sentence.is_empty() { "" } else { " " };
            requirement.sentence += &format!("{space}{}", line.trim());
        }
    }
    match found.iter().find(|(_, requirement)| requirement.sentence.is_empty()) {
        Some((id, _)) => Err(format!("rfc/{document}.md: {id} has no sentence")),
        None => Ok(found),
    }
}

/// Lines of `R-001..R-079`.
fn claimed(list: &str, requirements: &Requirements) -> Result<BTreeSet<String>, String> {
    let mut claimed = BTreeSet::new();
    for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (first, last) = line.split_once("..").ok_or_else(|| format!("rfc/claimed.txt: not `R-001..R-079`: {line}"))?;
        claimed.extend(requirements.keys().filter(|id| (first..=last).contains(&id.as_str())).cloned());
    }
    Ok(claimed)
}

/// What the claimed MUSTs lack: `R-041 code` or `R-041 test`.
fn missing(requirements: &Requirements, claimed: &BTreeSet<String>, cited: &BTreeMap<String, Places>) -> BTreeSet<String> {
    let musts = claimed.iter().filter(|id| requirements.get(*id).is_some_and(|requirement| requirement.level == "MUST"));
    let gaps = musts.flat_map(|id| {
        let (code, tests) = cited.get(id).map_or((true, true), |places| (places.code.is_empty(), places.tests.is_empty()));
        [code.then(|| format!("{id} code")), tests.then(|| format!("{id} test"))]
    });
    gaps.flatten().collect()
}

fn matrix(requirements: &Requirements, claimed: &BTreeSet<String>, cited: &BTreeMap<String, Places>) -> String {
    let mut page = String::from(
        "# Requirements\n\nWhat the standards ask, in our words, and where code and tests cite it. Generated by `cargo xtask rfc` from `rfc/` and\n\
         the sources. RULE marks what the standards leave open and implementations have settled. *Done* areas are gated: every\n\
         MUST in them is cited by code and by a test that would fail without it.\n\n\
         | id | level | done | requirement | standard | code | tests |\n|---|---|---|---|---|---|---|\n",
    );
    for (id, requirement) in requirements {
        let places = cited.get(id);
        let files = |of: fn(&Places) -> &BTreeSet<String>| {
            let names = places.map(|places| of(places).iter().cloned().collect::<Vec<_>>().join("<br>"));
            names.unwrap_or_default()
        };
        let _ = writeln!(
            page,
            "| {id} | {} | {} | {} | {} | {} | {} |",
            requirement.level,
            if claimed.contains(id) { "yes" } else { "" },
            requirement.sentence.replace('|', "\\|"),
            requirement.places.join("<br>"),
            files(|places| &places.code),
            files(|places| &places.tests),
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# RFC 7671\n\nIntroduction.\n\n## R-041 MUST §9, rfc6698#2.1\nData of the wrong length\nis unusable.\n\n## R-055 RULE §5.2.3\nBare keys.\n";

    fn sample() -> Requirements {
        parse("7671", SAMPLE).unwrap().into_iter().collect()
    }

    fn cite(id: &str, code: &[&str], tests: &[&str]) -> BTreeMap<String, Places> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        BTreeMap::from([(id.to_owned(), Places { code: set(code), tests: set(tests) })])
    }

    #[test]
    fn requirements_are_read() {
        let requirement = &sample()["R-041"];
        assert_eq!(requirement.places, ["rfc7671#9", "rfc6698#2.1"]);
        assert_eq!(requirement.sentence, "Data of the wrong length is unusable.");
        assert!(parse("7671", "## R-041 PERHAPS §9\nx\n").is_err());
        assert!(parse("7671", "## R-041 MUST\nx\n").is_err());
        assert!(parse("7671", "## R-041 MUST §9\n").is_err());
    }

    #[test]
    fn a_claimed_must_wants_code_and_test() {
        let (requirements, claimed) = (sample(), claimed("R-040..R-079", &sample()).unwrap());
        let gaps = |cited| missing(&requirements, &claimed, &cited).into_iter().collect::<Vec<_>>();
        assert_eq!(gaps(BTreeMap::new()), ["R-041 code", "R-041 test"]);
        assert_eq!(gaps(cite("R-041", &["a.rs"], &[])), ["R-041 test"]);
        assert!(gaps(cite("R-041", &["a.rs"], &["b.rs"])).is_empty());
        assert!(missing(&requirements, &BTreeSet::new(), &BTreeMap::new()).is_empty());
    }

    #[test]
    fn the_matrix_names_the_files() {
        let page = matrix(&sample(), &BTreeSet::new(), &cite("R-041", &["a.rs"], &["b.rs"]));
        assert!(page.contains("| R-041 | MUST |  | Data of the wrong length is unusable. | rfc7671#9<br>rfc6698#2.1 | a.rs | b.rs |"));
    }
}
