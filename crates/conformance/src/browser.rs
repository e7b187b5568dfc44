//! A page as a browser shows it: Chromium without a window.

use crate::{process, software};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);
/// The small one first: it needs no libraries of a desktop.
const PROGRAMS: [&str; 2] = ["chromium-headless-shell", "chromium"];

/// What the reader's machine prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Dark letters on light ground.
    Light,
    /// The other way round.
    Dark,
}

/// Opens a file, lets its scripts run for ten seconds of its own time, and gives the document as it is then, and what was logged.
///
/// # Panics
/// If there is no browser, or it fails.
#[must_use]
pub fn document(page: &Path, width: u32, scheme: Scheme) -> (String, String) {
    document_at(&address(page), width, scheme)
}

/// The same with what a web server at 127.0.0.1 shows.
///
/// # Panics
/// If there is no browser, or it fails.
#[must_use]
pub fn document_at(url: &str, width: u32, scheme: Scheme) -> (String, String) {
    let output = run(url, width, scheme, &["--dump-dom".to_owned()]);
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Takes a picture (PNG).
///
/// # Panics
/// If there is no browser, or it fails.
pub fn picture(page: &Path, width: u32, scheme: Scheme, picture: &Path) {
    let output = run(&address(page), width, scheme, &[format!("--screenshot={}", picture.display())]);
    assert!(picture.is_file(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn address(page: &Path) -> String {
    format!("file://{}", page.display())
}

fn run(url: &str, width: u32, scheme: Scheme, what: &[String]) -> std::process::Output {
    let program = software::first(&PROGRAMS).unwrap_or(PROGRAMS[0]);
    let profile = tempfile::tempdir().expect("a directory for its profile");
    let mut command = software::command(program);
    let fonts = profile.path().join("fonts.conf");
    std::fs::write(&fonts, font_configuration()).expect("a file for its fonts");
    command.env("FONTCONFIG_FILE", fonts).env("HOME", profile.path());
    // Root may not have Chromium's sandbox; what it opens is a file of ours.
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"]);
    command.args([
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--enable-logging=stderr",
    ]);
    command.arg(format!("--blink-settings=preferredColorScheme={}", if scheme == Scheme::Dark { 0 } else { 1 }));
    command.arg(format!("--user-data-dir={}", profile.path().display())).arg(format!("--window-size={width},3000"));
    command.arg("--virtual-time-budget=10000").args(what).arg(url);
    let output = process::output(command, LIMIT);
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The machine's fonts, and those that were unpacked: some machines have none. Letters are those of DejaVu Sans, which are wide.
fn font_configuration() -> String {
    let unpacked = software::unpacked().join("usr/share/fonts");
    let alias =
        |name: &str| format!("<alias binding=\"same\"><family>{name}</family><prefer><family>DejaVu Sans</family></prefer></alias>");
    format!(
        "<fontconfig><dir>/usr/share/fonts</dir><dir>{}</dir><cachedir prefix=\"xdg\">fontconfig</cachedir>{}{}</fontconfig>",
        unpacked.display(),
        alias("system-ui"),
        alias("sans-serif")
    )
}
