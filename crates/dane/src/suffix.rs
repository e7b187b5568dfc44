//! Where a name stops being its holder's and begins to be a registry's, by the public suffix list (publicsuffix.org): `example.co.uk` belongs to
//! somebody, `co.uk` does not.
//!
//! The DNS does not say so, hence the list, which changes: [`version`] dates the one that is built in (`data/public-suffixes.dat`, made by
//! `cargo xtask psl`). It has two parts: what registries delegate (ICANN), and names below which others let strangers have names of their own
//! (private: `github.io`, `*.compute.amazonaws.com`).

use crate::name::Name;
use std::collections::HashMap;
use std::sync::LazyLock;

/// In the list's own form, without its comments and with A-labels.
const DATA: &str = include_str!("../data/public-suffixes.dat");

/// Of when the list is, in its own words: `2026-10-22_08-36-41_UTC`.
#[must_use]
pub fn version() -> &'static str {
    DATA.lines().find_map(|line| line.strip_prefix("// VERSION: ")).unwrap_or("none")
}

/// How much of the list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    Icann,
}

/// What the list says of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rules {
    /// `name`
    itself: Option<Part>,
    /// `*.name`
    below: Option<Part>,
    /// `!name`
    exception: Option<Part>,
}

/// By name in lower case.
static RULES: LazyLock<HashMap<&'static str, Rules>> = LazyLock::new(|| {
    let (mut rules, mut part): (HashMap<&str, Rules>, Part) = (HashMap::new(), Part::All);
    for line in DATA.lines() {
        match line {
            "// ===BEGIN ICANN DOMAINS===" => part = Part::Icann,
            "// ===END ICANN DOMAINS===" => part = Part::All,
            _ if line.starts_with("//") || line.is_empty() => {}
            _ => match (line.strip_prefix("*."), line.strip_prefix('!')) {
                (Some(name), _) => rules.entry(name).or_default().below = Some(part),
                (_, Some(name)) => rules.entry(name).or_default().exception = Some(part),
                _ => rules.entry(line).or_default().itself = Some(part),
            },
        }
    }
    rules
});

/// The name that somebody registered, of which this is part: the public suffix and one label more. `None`: this is a public suffix itself.
#[must_use]
pub fn registrable(name: &Name) -> Option<Name> {
    of(name, Part::All)
}

/// The same by what registries delegate alone: who runs a service may let strangers have names below its own, and runs it all the same.
#[must_use]
pub fn operator(name: &Name) -> Option<Name> {
    of(name, Part::Icann)
}

/// The algorithm of publicsuffix.org: an exception counts before everything, then the longest rule, then `*`.
fn of(name: &Name, part: Part) -> Option<Name> {
    let suffixes: Vec<String> = name.iter_suffixes().map(|s| s.to_string().to_ascii_lowercase()).collect();
    // Without the root.
    let labels = suffixes.len().checked_sub(1)?;
    let rules = |at: usize| suffixes.get(at).filter(|_| at < labels).and_then(|s| RULES.get(s.as_str())).copied().unwrap_or_default();
    let counts = |rule: Option<Part>| rule.is_some_and(|of| part == Part::All || of == Part::Icann);
    let exception = (0..labels).find(|at| counts(rules(*at).exception)).map(|at| at + 1);
    let longest = || (0..labels).find(|at| counts(rules(*at).itself) || counts(rules(at + 1).below));
    let suffix = exception.or_else(longest).unwrap_or_else(|| labels.saturating_sub(1));
    name.iter_suffixes().nth(suffix.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::parse_domain;

    /// The list's own test vectors (CC0): `checkPublicSuffix('www.example.COM', 'example.com');`, null for none.
    #[test]
    fn the_lists_own_vectors_hold() {
        let text = include_str!("../tests/data/test_psl.txt");
        let mut checked = 0;
        for line in text.lines().filter_map(|line| line.strip_prefix("checkPublicSuffix(")?.strip_suffix(");")) {
            let (given, expected) = line.split_once(", ").unwrap();
            let name = |quoted: &str| parse_domain(quoted.trim_matches('\'')).ok();
            // What is no name has none.
            let found = if given == "null" { None } else { name(given).and_then(|n| registrable(&n)) };
            assert_eq!(found, if expected == "null" { None } else { name(expected) }, "{line}");
            checked += 1;
        }
        assert!(checked > 70, "{checked}");
    }

    #[test]
    fn private_names_have_their_operators() {
        let both = |text: &str| {
            let name = parse_domain(text).unwrap();
            let shown = |found: Option<Name>| found.map_or("none".to_owned(), |n| n.to_string());
            (shown(registrable(&name)), shown(operator(&name)))
        };
        let expected = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(both("mx.somebody.github.io"), expected("somebody.github.io", "github.io"));
        assert_eq!(both("MX1.mail.Example.CO.UK"), expected("example.co.uk", "example.co.uk"));
        assert_eq!(both("github.io"), expected("none", "github.io"));
        assert_eq!(both("co.uk"), expected("none", "none"));
        assert_eq!(registrable(&Name::root_bytes()), None);
        let deep = parse_domain(&"a.".repeat(120)).unwrap();
        assert_eq!(registrable(&deep).map(|n| n.to_string()), Some("a.a".to_owned()));
    }

    #[test]
    fn the_list_is_dated_and_whole() {
        assert!(crate::date::day(version().split('_').next().unwrap()).is_some(), "{}", version());
        let (mut icann, mut private) = (0, 0);
        for part in RULES.values().flat_map(|r| [r.itself, r.below, r.exception]).flatten() {
            *(if part == Part::Icann { &mut icann } else { &mut private }) += 1;
        }
        // More than a thousand top-level domains have a rule each.
        assert!(icann > 5000 && private > 1500, "{icann} {private}");
        let rules = DATA.lines().filter(|l| !l.starts_with("//") && !l.is_empty());
        assert_eq!(rules.clone().count(), icann + private, "no rule twice");
        assert!(rules.clone().all(|rule| rule.is_ascii() && rule.trim_start_matches(['*', '.', '!']).parse::<Name>().is_ok()));
    }
}
