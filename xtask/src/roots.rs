//! `cargo xtask roots`: makes the list of Mozilla's roots anew, from every release of certifi. Wants Python with pip.

use crate::source;
use std::process::Command;

/// Runs in Python, which reads wheels and PEM without further ado. Arguments: a directory for downloads, the file to write.
const SCRIPT: &str = r##"
import base64, calendar, pathlib, re, subprocess, sys, zipfile
downloads, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
listed = subprocess.run(pip + ["index", "versions", "certifi"], check=True, capture_output=True, text=True).stdout
versions = re.search(r"Available versions: (.*)", listed).group(1).split(", ")
def key(version):
    return [int(part) for part in re.findall(r"\d+", version)]
dated = sorted((v for v in versions if key(v)[0] >= 2015), key=key)
releases, roots = [], {}
for version in dated:
    wheels = list(downloads.glob(f"certifi-{version}-*.whl"))
    if not wheels:
        made = subprocess.run(pip + ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(downloads), f"certifi=={version}"])
        wheels = list(downloads.glob(f"certifi-{version}-*.whl"))
    if not wheels:
        print(f"certifi {version}: no wheel", file=sys.stderr)
        continue
    pem = zipfile.ZipFile(wheels[0]).read("certifi/cacert.pem").decode()
    year, month, day = key(version)[:3]
    releases.append((version, calendar.timegm((year, month, day, 0, 0, 0))))
    for block in re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.S):
        roots.setdefault(base64.b64encode(base64.b64decode(block)).decode(), []).append(len(releases) - 1)
def ranges(numbers):
    out = []
    for n in numbers:
        if out and out[-1][1] + 1 >= n:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ",".join(f"{a}-{b}" for a, b in out)
lines = ["# Mozilla's root certificates for TLS servers, by release of certifi. MPL-2.0. Written by `cargo xtask roots`."]
lines += [f"release {version} {since}" for version, since in releases]
lines += [f"root {ranges(numbers)} {der}" for der, numbers in roots.items()]
target.write_text("\n".join(lines) + "\n")
print(f"{len(releases)} releases, {releases[0][0]} to {releases[-1][0]}; {len(roots)} roots")
"##;

/// Downloads what is missing below the target directory, and writes the file.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(unknown) = arguments.first() {
        return Err(format!("roots takes no argument: {unknown}"));
    }
    let downloads = source::target_directory().join("roots");
    std::fs::create_dir_all(&downloads).map_err(|e| format!("{}: {e}", downloads.display()))?;
    let file = source::root().join("crates/roots/data/mozilla.txt");
    let done = Command::new("python3").args(["-c", SCRIPT]).arg(downloads).arg(&file).status();
    match done.map_err(|e| format!("python3: {e}"))?.success() {
        true => Ok(()),
        false => Err("the list was not made; the releases come from PyPI by pip".to_owned()),
    }
}
