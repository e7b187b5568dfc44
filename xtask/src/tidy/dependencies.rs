//! Dependencies that nothing uses: each costs build time and is one more that must be kept up to date.

use super::Complaint;
use crate::source::File;

/// Packages whose library has another name.
const RENAMED: [(&str, &str); 1] = [("rustls-webpki", "webpki")];

/// Reports every dependency whose library no source of its crate names: of a normal one no source below `src`, of a development
/// dependency none at all. `conformance` is tests only, wherever they stand.
pub fn check(files: &[File], packages: &[serde_json::Value]) -> Vec<Complaint> {
    let text = |value: &serde_json::Value, key: &str| value.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let mut complaints = Vec::new();
    for package in packages {
        let krate = text(package, "name");
        let sources: Vec<&File> = files.iter().filter(|file| file.krate() == krate && file.path.ends_with(".rs")).collect();
        for dependency in package.get("dependencies").and_then(|d| d.as_array()).into_iter().flatten() {
            let name = text(dependency, "name");
            let anywhere = krate == "conformance" || text(dependency, "kind") == "dev";
            let mut looked_at = sources.iter().filter(|file| anywhere || file.path.contains("/src/"));
            let library =
                RENAMED.iter().find(|(package, _)| *package == name).map_or_else(|| name.replace('-', "_"), |(_, l)| (*l).to_owned());
            if !looked_at.any(|file| names(&file.text, &library)) {
                complaints.push(Complaint::new(&manifest(&krate), 1, format!("{krate} does not use {name}")));
            }
        }
    }
    complaints
}

fn manifest(krate: &str) -> String {
    if krate == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{krate}/Cargo.toml") }
}

/// Whether code, as opposed to a comment, has this word.
fn names(text: &str, word: &str) -> bool {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(path: &str, text: &str, kind: Option<&str>) -> usize {
        let package = serde_json::json!({"name": "dane", "dependencies": [{"name": "rustls-webpki", "kind": kind}, {"name": "data-encoding", "kind": kind}]});
        check(&[File { path: path.to_owned(), text: text.to_owned() }], &[package]).len()
    }

    #[test]
    fn what_no_code_names_is_reported() {
        let both = "use webpki::Error;\nfn f() { data_encoding::HEX }";
        assert_eq!(about("crates/dane/src/a.rs", both, None), 0);
        assert_eq!(about("crates/dane/src/a.rs", "use webpki::Error;", None), 1);
        assert_eq!(about("crates/dane/src/a.rs", "// webpki and data_encoding\nfn my_webpki() {}", None), 2);
        assert_eq!(about("crates/lab/src/a.rs", both, None), 2);
    }

    #[test]
    fn tests_use_development_dependencies_only() {
        let both = "use webpki::Error;\nuse data_encoding::HEX;";
        assert_eq!(about("crates/dane/tests/a.rs", both, Some("dev")), 0);
        assert_eq!(about("crates/dane/tests/a.rs", both, None), 2);
    }
}
