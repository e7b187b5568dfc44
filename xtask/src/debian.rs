//! Other people's software for the conformance tests, as Debian packages.
//!
//! They are downloaded and *unpacked* below the target directory, not installed: no maintainer script runs, no daemon starts, no file,
//! user or port of the machine changes, root is not needed, and `rm -r target/debian` undoes it. apt gets its own lists and cache there,
//! so that the machine's are neither needed nor touched. What the machine already has installed is used from where it is.

use crate::source;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the software was unpacked.
pub struct Software {
    /// A directory with `usr/sbin`, `usr/bin` and `usr/lib` below it.
    pub root: PathBuf,
}

/// Fetches the packages and lists what there is.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(unknown) = arguments.first() {
        return Err(format!("packages takes no argument: {unknown}"));
    }
    let software = provide()?;
    for (name, why) in parse(&list()?) {
        println!("{name:<16} {why}");
    }
    println!("unpacked below {}", software.root.display());
    Ok(())
}

/// Makes sure that the packages are unpacked; does nothing if they are.
pub fn provide() -> Result<Software, String> {
    let list = list()?;
    let base = absolute(&source::target_directory()).join("debian");
    let (root, stamp) = (base.join("root"), base.join("unpacked"));
    if fs::read_to_string(&stamp).is_ok_and(|done| done == list) {
        return Ok(Software { root });
    }
    println!("fetching {} Debian packages and what they need into {}", parse(&list).len(), base.display());
    let (own, common): (Vec<_>, Vec<_>) = paragraphs(&list).map(Paragraph::read).partition(|paragraph| paragraph.tree.is_some());
    fetch(&base, &common)?;
    unpack(&base, &root)?;
    for paragraph in &own {
        fetch_tree(&base, paragraph)?;
    }
    fs::write(&stamp, &list).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(Software { root })
}

fn list() -> Result<String, String> {
    let path = source::root().join("crates/conformance/debian-packages.txt");
    fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Packages of one paragraph can be installed side by side.
fn paragraphs(list: &str) -> impl Iterator<Item = &str> {
    list.split("\n\n").filter(|text| !parse(text).is_empty())
}

/// Packages that are fetched together.
struct Paragraph<'a> {
    /// The directory and the suite of Debian, if they have such of their own.
    tree: Option<(&'a str, &'a str)>,
    names: Vec<&'a str>,
}

impl<'a> Paragraph<'a> {
    fn read(text: &'a str) -> Self {
        let head = text.lines().find_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
        Self { tree: head.and_then(|head| head.split_once(' ')), names: parse(text).into_iter().map(|(name, _)| name).collect() }
    }
}

/// Lines of `name  # why`.
fn parse(list: &str) -> Vec<(&str, &str)> {
    let lines = list.lines().filter(|line| !line.starts_with('[')).map(|line| line.split_once('#').unwrap_or((line, "")));
    lines.map(|(name, why)| (name.trim(), why.trim())).filter(|(name, _)| !name.is_empty()).collect()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// A command of apt with lists and a cache of its own in `place`, and as many words before its arguments as are needed.
fn apt(place: &Path, options: &[String], arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-qq").args(["-o", "Debug::NoLocking=1", "-o", "Acquire::Retries=3"]);
    for (name, value) in [("Dir::State", place.join("state")), ("Dir::Cache", place.join("cache"))] {
        command.arg("-o").arg(format!("{name}={}", value.display()));
    }
    command.arg("-o").arg(format!("APT::Sandbox::User={}", std::env::var("USER").unwrap_or_else(|_| "root".to_owned())));
    for option in options {
        command.args(["-o", option]);
    }
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
    command
}

fn places(base: &Path) -> Result<(), String> {
    for directory in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(base.join(directory)).map_err(|e| format!("{}: {e}", base.display()))?;
    }
    Ok(())
}

fn fetch(base: &Path, paragraphs: &[Paragraph<'_>]) -> Result<(), String> {
    places(base)?;
    let options = ["Dir::State::status=/var/lib/dpkg/status".to_owned()];
    quietly(apt(base, &options, &["update"]))?;
    for paragraph in paragraphs {
        let install = ["install", "--yes", "--download-only", "--no-install-recommends"];
        quietly(apt(base, &options, &[&install[..], &paragraph.names].concat()))?;
    }
    Ok(())
}

/// Fetches a paragraph that has a directory of its own, from the mirror of this machine, and unpacks it.
fn fetch_tree(base: &Path, paragraph: &Paragraph<'_>) -> Result<(), String> {
    let Some((name, suite)) = paragraph.tree else { return Ok(()) };
    let place = base.join("suites").join(suite);
    places(&place)?;
    let archives = place.join("cache/archives").join(name);
    fs::create_dir_all(&archives).map_err(|e| format!("{}: {e}", archives.display()))?;
    let sources = place.join("sources.list");
    // Suites that are no longer kept have lists that have expired.
    let lines = format!("deb [check-valid-until=no] {} {suite} main\n", mirror()?);
    fs::write(&sources, lines).map_err(|e| format!("{}: {e}", sources.display()))?;
    let options = [format!("Dir::Etc::sourcelist={}", sources.display()), "Dir::Etc::sourceparts=-".to_owned()];
    quietly(apt(&place, &options, &["update"]))?;
    let mut download = apt(&place, &options, &[&["download"][..], &paragraph.names].concat());
    download.current_dir(&archives);
    quietly(download)?;
    unpack_from(&archives, &base.join(name))
}

/// The address of Debian's archive that this machine's apt has.
fn mirror() -> Result<String, String> {
    let mut command = Command::new("apt-get");
    let output = command.args(["indextargets", "--format", "$(REPO_URI)"]).output().map_err(|e| format!("apt-get: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().find(|line| line.trim_end_matches('/').ends_with("/debian"));
    found.map(str::to_owned).ok_or_else(|| "apt has no archive of Debian".to_owned())
}

fn unpack(base: &Path, root: &Path) -> Result<(), String> {
    unpack_from(&base.join("cache/archives"), root)
}

fn unpack_from(archives: &Path, root: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(root);
    fs::create_dir_all(root).map_err(|e| format!("{}: {e}", root.display()))?;
    for entry in fs::read_dir(archives).map_err(|e| format!("{}: {e}", archives.display()))?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            let mut command = Command::new("dpkg-deb");
            command.arg("--extract").arg(entry.path()).arg(root);
            quietly(command)?;
        }
    }
    relink(root, root)
}

/// Absolute links of a package lead to the machine's own files: here they have to lead to those that came with it.
fn relink(directory: &Path, root: &Path) -> Result<(), String> {
    let wrong = |e: std::io::Error| format!("{}: {e}", directory.display());
    for entry in fs::read_dir(directory).map_err(wrong)?.flatten() {
        let (path, kind) = (entry.path(), entry.file_type().map_err(wrong)?);
        if kind.is_dir() {
            relink(&path, root)?;
        } else if kind.is_symlink()
            && let Some(inside) = fs::read_link(&path).ok().and_then(|to| Some(root.join(to.strip_prefix("/").ok()?)))
            && inside.exists()
        {
            fs::remove_file(&path).and_then(|()| std::os::unix::fs::symlink(&inside, &path)).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Runs a command, and shows its words only if it fails.
fn quietly(mut command: Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{name}: {e} (the packages come from Debian's apt)"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = words.lines().rev().take(5).collect();
    Err(format!("{name} failed: {}", tail.into_iter().rev().collect::<Vec<_>>().join(" / ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read() {
        assert_eq!(parse("# heading\nnsd  # serves zones\n\nopenssl\n"), [("nsd", "serves zones"), ("openssl", "")]);
    }

    #[test]
    fn packages_that_exclude_each_other_are_fetched_apart() {
        let paragraphs: Vec<_> = paragraphs("# heading\nnsd # a\nbind9 # b\n\n# nothing\n\nexim # c\n").map(|p| parse(p).len()).collect();
        assert_eq!(paragraphs, [2, 1]);
    }

    #[test]
    fn a_paragraph_may_have_a_suite_of_its_own() {
        let read: Vec<_> = paragraphs("a # b\n\n[tree suite]\nc # d\n").map(Paragraph::read).collect();
        assert_eq!((read[0].tree, &read[0].names), (None, &vec!["a"]));
        assert_eq!((read[1].tree, &read[1].names), (Some(("tree", "suite")), &vec!["c"]));
    }

    #[test]
    fn every_package_says_why() {
        for (name, why) in parse(&list().unwrap()) {
            assert!(!why.is_empty(), "{name}");
        }
    }
}
