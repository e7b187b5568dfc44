//! The Debian package, installed by dpkg on a machine of its own.

use conformance::apart::Machine;
use conformance::{danelaw, process};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// As an operator does: install it, look at its manual page, its units, and what `roll init` writes.
#[test]
fn it_is_installed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut package = Command::new("cargo");
    package.args(["xtask", "package", "--binary"]).arg(danelaw::program()).arg("--out").arg(directory.path()).current_dir(repository);
    let output = process::output(package, Duration::from_secs(300));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let file = said.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let room = directory.path().join("room");
    std::fs::create_dir_all(&room).unwrap();
    let script = format!(
        "mkdir /mnt/usr /mnt/scratch/usr\nmount -t overlay none -o lowerdir=/usr,upperdir=/mnt/usr,workdir=/mnt/scratch/usr /usr\n\
         dpkg --install --force-depends {file}\n/usr/bin/danelaw --version\ntest -s /usr/share/man/man1/danelaw-roll-run.1\n\
         if command -v systemd-analyze >/dev/null\nthen systemd-analyze verify --man=no /usr/lib/systemd/system/danelaw-roll.service \
         /usr/lib/systemd/system/danelaw-roll.timer\nelse echo 'NOT RUN: systemd-analyze is not installed'\nfi\n\
         /usr/bin/danelaw roll init\ngrep -q service.key /etc/danelaw/roll.toml\ndpkg --remove danelaw\ntest ! -e /usr/bin/danelaw\necho all is well\n"
    );
    let output = process::output(Machine::default().command(&format!("set -e\n{script}"), &room), Duration::from_secs(120));
    let (said, why) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success() && said.ends_with("all is well\n"), "{said}\n{why}");
    assert!(!why.contains("danelaw-roll."), "the units are in order: {why}");
}
