//! Which crate may depend on which. A crate is a boundary of authority or of compile weight; ARCHITECTURE.md gives the reasons.

use super::Complaint;

/// Crate, and what it may use of ours.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("dane", &[]),
    ("dnssec", &[]),
    ("scenario", &["dane"]),
    ("resolve", &["dnssec"]),
    ("libssl", &[]),
    ("probe", &["dane", "libssl", "resolve"]),
    ("lab", &["dane", "scenario"]),
    ("archive", &["dane"]),
    ("roots", &["dane"]),
    ("analysis", &["archive", "dane"]),
    ("present", &["analysis", "dane"]),
    ("rollover", &["dane"]),
    ("operate", &["dane", "probe", "resolve", "rollover"]),
    ("cli", &["analysis", "archive", "dane", "dnssec", "lab", "operate", "present", "probe", "resolve", "rollover", "roots", "scenario"]),
    ("conformance", &["analysis", "archive", "dane", "dnssec", "lab", "operate", "present", "probe", "resolve", "rollover", "scenario"]),
    ("xtask", &[]),
];

/// Pairs that do not even meet in each other's tests: they meet on the wire only.
const NEVER: [(&str, &str); 4] = [("lab", "probe"), ("probe", "lab"), ("lab", "resolve"), ("lab", "dnssec")];

/// Reports arrows between our packages that are not allowed.
pub fn check(packages: &[serde_json::Value]) -> Vec<Complaint> {
    packages.iter().flat_map(arrows).filter_map(|arrow| arrow.complaint()).collect()
}

/// One dependency of one of our crates on another of ours.
struct Arrow {
    from: String,
    to: String,
    in_tests: bool,
}

fn arrows(package: &serde_json::Value) -> Vec<Arrow> {
    let from = package.get("name").and_then(|n| n.as_str()).unwrap_or_default();
    let dependencies = package.get("dependencies").and_then(|d| d.as_array()).map_or(&[][..], Vec::as_slice);
    let ours = dependencies.iter().filter(|dependency| dependency.get("path").is_some_and(|path| path.is_string()));
    ours.map(|dependency| Arrow {
        from: from.to_owned(),
        to: dependency.get("name").and_then(|n| n.as_str()).unwrap_or_default().to_owned(),
        in_tests: dependency.get("kind").and_then(|k| k.as_str()) == Some("dev"),
    })
    .collect()
}

impl Arrow {
    fn complaint(&self) -> Option<Complaint> {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == self.from) else {
            return Some(self.complain("is a crate that the table of allowed arrows does not know"));
        };
        let never = NEVER.contains(&(self.from.as_str(), self.to.as_str()));
        let forbidden = never || (!self.in_tests && !allowed.contains(&self.to.as_str()));
        forbidden.then(|| self.complain(&format!("may not depend on {}", self.to)))
    }

    fn complain(&self, text: &str) -> Complaint {
        Complaint::new(&format!("crates/{}/Cargo.toml", self.from), 1, format!("{} {text}", self.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complains(from: &str, to: &str, in_tests: bool) -> bool {
        Arrow { from: from.to_owned(), to: to.to_owned(), in_tests }.complaint().is_some()
    }

    #[test]
    fn arrows_follow_the_table() {
        assert!(!complains("resolve", "dnssec", false));
        assert!(complains("dnssec", "resolve", false));
        assert!(complains("dane", "dnssec", false));
        assert!(complains("present", "probe", false));
        assert!(complains("newcomer", "dane", false));
    }

    #[test]
    fn tests_may_reach_further_but_lab_and_probe_never_meet() {
        assert!(!complains("resolve", "lab", true));
        assert!(complains("probe", "lab", true));
        assert!(complains("lab", "probe", true));
    }

    #[test]
    fn dependencies_are_read_from_cargo() {
        let package = serde_json::json!({"name": "dane", "dependencies": [
            {"name": "serde", "path": null, "kind": null}, {"name": "lab", "path": "/x/lab", "kind": null}]});
        let arrows = arrows(&package);
        assert_eq!(arrows.len(), 1);
        assert_eq!((arrows[0].from.as_str(), arrows[0].to.as_str(), arrows[0].in_tests), ("dane", "lab", false));
    }
}
