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
    let paragraphs: Vec<Vec<&str>> = paragraphs(&list).map(|text| parse(text).into_iter().map(|(name, _)| name).collect()).collect();
    fetch(&base, &paragraphs)?;
    unpack(&base, &root)?;
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

/// Lines of `name  # why`.
fn parse(list: &str) -> Vec<(&str, &str)> {
    let lines = list.lines().map(|line| line.split_once('#').unwrap_or((line, "")));
    lines.map(|(name, why)| (name.trim(), why.trim())).filter(|(name, _)| !name.is_empty()).collect()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn fetch(base: &Path, paragraphs: &[Vec<&str>]) -> Result<(), String> {
    for directory in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(base.join(directory)).map_err(|e| format!("{}: {e}", base.display()))?;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-qq").args(["-o", "Debug::NoLocking=1", "-o", "Acquire::Retries=3", "-o", "Dir::State::status=/var/lib/dpkg/status"]);
        command.arg("-o").arg(format!("Dir::State={}", base.join("state").display()));
        command.arg("-o").arg(format!("Dir::Cache={}", base.join("cache").display()));
        command.arg("-o").arg(format!("APT::Sandbox::User={}", std::env::var("USER").unwrap_or_else(|_| "root".to_owned())));
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
        quietly(command)
    };
    apt(&["update"])?;
    for names in paragraphs {
        let mut install = vec!["install", "--yes", "--download-only", "--no-install-recommends"];
        install.extend(names);
        apt(&install)?;
    }
    Ok(())
}

fn unpack(base: &Path, root: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(root);
    fs::create_dir_all(root).map_err(|e| format!("{}: {e}", root.display()))?;
    let archives = base.join("cache/archives");
    for entry in fs::read_dir(&archives).map_err(|e| format!("{}: {e}", archives.display()))?.flatten() {
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
    fn every_package_says_why() {
        for (name, why) in parse(&list().unwrap()) {
            assert!(!why.is_empty(), "{name}");
        }
    }
}
