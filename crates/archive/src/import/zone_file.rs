//! The delegations of a zone file: what a registry hands out to be scanned. (RFC 1035 section 5)
//!
//! Read line by line, for such files can be larger than memory. Only owners of NS records below the zone's apex are wanted, so of other
//! records nothing but their extent is understood.

use dane::name::{Name, parse_mail_domain};

/// Where in a zone file we are.
#[derive(Debug, Default)]
pub struct ZoneFile {
    /// Without the final dot; empty at the root. `None`: nobody said it yet.
    origin: Option<String>,
    /// The owner of the SOA record.
    apex: Option<String>,
    /// The owner of the last record.
    owner: Option<Result<String, String>>,
    /// A record goes on until these are closed.
    parentheses: u32,
}

/// Whether a line, the first that is neither empty nor a comment, is one of a zone file.
#[must_use]
pub fn is_zone_file(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().take(4).collect();
    let speaks = |word: &&str| ["IN", "SOA", "NS"].iter().any(|known| word.eq_ignore_ascii_case(known));
    words.first().is_some_and(|word| ["$ORIGIN", "$TTL"].iter().any(|known| word.eq_ignore_ascii_case(known)))
        || (words.len() > 2 && words.iter().skip(1).any(speaks))
}

impl ZoneFile {
    /// The delegation that a line names, if any; why it is no domain, if it is none.
    pub fn line(&mut self, line: &str) -> Option<Result<Name, String>> {
        let inside = self.parentheses > 0;
        let begins_blank = line.starts_with([' ', '\t']);
        let words = self.words(line);
        if inside || words.is_empty() {
            return None;
        }
        let mut rest = words.iter().map(String::as_str);
        if words[0].starts_with('$') {
            if words[0].eq_ignore_ascii_case("$ORIGIN") {
                let origin = rest.nth(1).map(|name| self.absolute(name));
                self.origin = origin.and_then(Result::ok).or(self.origin.take());
            }
            return None;
        }
        if !begins_blank {
            let owner = rest.next().map(|name| self.absolute(name));
            self.owner = owner;
        }
        // TTL and class stand in any order, or nowhere. (RFC 1035 section 5.1)
        let kind = rest.find(|word| !word.starts_with(|c: char| c.is_ascii_digit()) && !is_class(word))?;
        match (self.owner.clone()?, kind) {
            (Ok(owner), kind) if kind.eq_ignore_ascii_case("SOA") => {
                self.origin.get_or_insert_with(|| owner.clone());
                self.apex = Some(owner);
                None
            }
            (Ok(owner), kind) if kind.eq_ignore_ascii_case("NS") => {
                let apex = self.apex.as_ref().or(self.origin.as_ref());
                (apex != Some(&owner) && !owner.is_empty()).then(|| parse_mail_domain(&owner).map_err(|e| e.to_string()))
            }
            (Err(why), kind) if kind.eq_ignore_ascii_case("NS") => Some(Err(why)),
            _ => None,
        }
    }

    /// Words without comments; strings and parentheses are looked at for where they end.
    fn words(&mut self, line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
        for c in line.chars() {
            let plain = !quoted && !escaped;
            match c {
                ';' if plain => break,
                '"' if !escaped => quoted = !quoted,
                '(' if plain => self.parentheses += 1,
                ')' if plain => self.parentheses = self.parentheses.saturating_sub(1),
                c if plain && c.is_whitespace() => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
                c => word.push(c),
            }
            escaped = c == '\\' && !escaped;
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        words
    }

    fn absolute(&self, name: &str) -> Result<String, String> {
        if let Some(whole) = name.strip_suffix('.') {
            return Ok(whole.to_ascii_lowercase());
        }
        let origin = self.origin.as_ref().ok_or_else(|| format!("'{name}' is relative, and there is no $ORIGIN"))?;
        let relative = if name == "@" { "" } else { name };
        let dot = if relative.is_empty() || origin.is_empty() { "" } else { "." };
        Ok(format!("{relative}{dot}{origin}").to_ascii_lowercase())
    }
}

fn is_class(word: &str) -> bool {
    ["IN", "CH", "HS", "CS"].iter().any(|class| word.eq_ignore_ascii_case(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let mut zone = ZoneFile::default();
        text.lines()
            .filter_map(|line| zone.line(line))
            .map(|found| found.map_or_else(|why| format!("! {why}"), |name| name.to_string()))
            .collect()
    }

    #[test]
    fn delegations_of_a_zone_as_people_write_it() {
        let text = "$TTL 1d\n$ORIGIN example.\n@ IN SOA ns.example. root (\n  2026 ; a serial (number\n  7200 NS 1 )\n  NS ns\n\
                    one 3600 IN NS ns.one\n    IN NS ns.elsewhere.test.\nTWO IN 3600 ns ns\nns A 192.0.2.1\nthree.example. NS \"x\"\n\
                    text TXT \"a ; NS (\"\nfour NS ns ; the last\nbad..name NS ns\n";
        let expected = ["one.example", "one.example", "two.example", "three.example", "four.example"];
        let found = names(text);
        assert_eq!(found[..5], expected);
        assert!(found.len() == 6 && found[5].starts_with("! "), "{found:?}");
    }

    #[test]
    fn delegations_of_a_zone_as_registries_hand_it_out() {
        let text = "; from a registry\ncom.\t900\tin\tsoa\ta.nic. b.nic. 1 2 3 4 5\ncom.\t86400\tin\tns\ta.nic.\nexample.com.\t86400\tin\tns\tns.example.com.\n\
                    example.com.\t86400\tin\tds\t1 8 2 00\nns.example.com.\t86400\tin\ta\t192.0.2.1\n";
        assert_eq!(names(text), ["example.com"]);
        assert_eq!(names("one NS ns.test.\n"), ["! 'one' is relative, and there is no $ORIGIN"]);
        assert!(is_zone_file("com.\t900\tin\tsoa\ta.nic. b.nic. 1 2 3 4 5") && is_zone_file("$ORIGIN nl."));
        for line in ["example.com", "17,example.com", "example.com # a comment in words", "in", "a b"] {
            assert!(!is_zone_file(line), "{line}");
        }
    }
}
