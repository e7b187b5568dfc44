//! `cargo xtask package`: a Debian package of the binary, its manual pages and the units of `danelaw roll`.

use crate::source;
use crate::steps::cargo;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the package below the target directory, or of `--binary FILE` into `--out DIR`.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (mut binary, mut out) = (None, source::target_directory().join("package"));
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut file = || words.next().map(PathBuf::from).ok_or(format!("{word} wants a file"));
        match word.as_str() {
            "--binary" => binary = Some(file()?),
            "--out" => out = file()?,
            other => return Err(format!("package takes no argument {other}; usage: cargo xtask package [--binary FILE] [--out DIR]")),
        }
    }
    let binary = binary.map_or_else(release, Ok)?;
    let tree = out.join("tree");
    let _ = fs::remove_dir_all(&tree);
    fill(&tree, &binary)?;
    let name = format!("danelaw_{}_{}.deb", version()?, said("dpkg", &["--print-architecture"])?);
    let package = out.join(name);
    let mut build = Command::new("dpkg-deb");
    build.args(["--build", "--root-owner-group"]).arg(&tree).arg(&package);
    let output = build.output().map_err(|e| format!("dpkg-deb: {e}"))?;
    if !output.status.success() {
        return Err(format!("dpkg-deb: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    fs::remove_dir_all(&tree).map_err(|e| format!("{}: {e}", tree.display()))?;
    println!("{}", package.display());
    Ok(())
}

/// The release binary.
fn release() -> Result<PathBuf, String> {
    let status = cargo(&["build", "--release", "--locked", "--package", "cli"]).status().map_err(|e| format!("cargo: {e}"))?;
    let binary = source::target_directory().join("release/danelaw");
    if status.success() { Ok(binary) } else { Err("the release build fails".to_owned()) }
}

/// Everything at its place.
fn fill(tree: &Path, binary: &Path) -> Result<(), String> {
    let root = source::root();
    put(binary, &tree.join("usr/bin/danelaw"), 0o755)?;
    for unit in ["danelaw-roll.service", "danelaw-roll.timer"] {
        put(&root.join("packaging/systemd").join(unit), &tree.join("usr/lib/systemd/system").join(unit), 0o644)?;
    }
    let pages = root.join("docs/man");
    for entry in fs::read_dir(&pages).map_err(|e| format!("{}: {e}", pages.display()))?.flatten() {
        put(&entry.path(), &tree.join("usr/share/man/man1").join(entry.file_name()), 0o644)?;
    }
    for text in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        put(&root.join(text), &tree.join("usr/share/doc/danelaw").join(text), 0o644)?;
    }
    let control = format!(
        "Package: danelaw\nVersion: {}\nArchitecture: {}\nMaintainer: danelaw\nSection: mail\nPriority: optional\nDepends: libc6\nSuggests: libssl3\n\
         Description: measures, explains, tests and keeps DANE for SMTP\n TLSA records in the signed DNS tell sending mail servers which certificate to expect.\n \
         Says what senders experience, surveys domains, tests senders, and keeps keys,\n certificates and records right through every renewal.\n",
        version()?,
        said("dpkg", &["--print-architecture"])?
    );
    let place = tree.join("DEBIAN/control");
    parent(&place)?;
    fs::write(&place, control).map_err(|e| format!("{}: {e}", place.display()))
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<(), String> {
    parent(to)?;
    fs::copy(from, to).map_err(|e| format!("{}: {e}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).map_err(|e| format!("{}: {e}", to.display()))
}

fn parent(of: &Path) -> Result<(), String> {
    of.parent().map_or(Ok(()), |parent| fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display())))
}

fn version() -> Result<String, String> {
    let text = fs::read_to_string(source::root().join("Cargo.toml")).map_err(|e| format!("Cargo.toml: {e}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    line.map(str::to_owned).ok_or("Cargo.toml has no version".to_owned())
}

fn said(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
