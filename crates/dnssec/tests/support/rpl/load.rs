//! Reads .rpl files and zone-file records.

use std::path::Path;

use dnssec::Name;
use domain::base::iana::Rtype;

use super::{Entry, Range, Rr, Scenario, record};

/// The address in an A or AAAA record.
pub fn address(rr: &Rr) -> Option<String> {
    match rr.rtype {
        Rtype::A => Some(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(&*rr.data).ok()?).to_string()),
        Rtype::AAAA => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(&*rr.data).ok()?).to_string()),
        _ => None,
    }
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (i, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => return line[..i].trim_end(),
            _ => {}
        }
    }
    line.trim_end()
}

/// The value of a configuration line, without quotes and what follows them.
fn value(text: &str) -> &str {
    let text = text.trim();
    match text.chars().next() {
        Some(q @ ('"' | '\'')) => text[1..].split(q).next().unwrap_or("").trim(),
        _ => text.split(['#', ';']).next().unwrap_or("").trim(),
    }
}

/// Reads a scenario.
pub fn load(path: &Path) -> Scenario {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let mut lines = text.lines();
    let config = config(&mut lines);
    Scenario::new(body(&mut lines), config)
}

/// What the head of a scenario configures.
#[derive(Default)]
pub struct Config {
    pub anchors: String,
    pub servers: Vec<(String, String)>,
    pub all_algorithms: bool,
}

fn config<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Config {
    let (mut config, mut block, mut zone) = (Config::default(), String::new(), String::new());
    for line in lines.by_ref().map(str::trim).take_while(|line| !line.starts_with("CONFIG_END")) {
        let Some((key, rest)) = line.split_once(':') else { continue };
        match key {
            "server" | "stub-zone" | "forward-zone" => block = key.to_owned(),
            "name" => zone = value(rest).to_owned(),
            "harden-algo-downgrade" => config.all_algorithms = value(rest) == "yes",
            "trust-anchor" => {
                config.anchors.push_str(value(rest));
                config.anchors.push('\n');
            }
            "stub-addr" | "forward-addr" => {
                let zone = if block == "server" || zone.is_empty() { "." } else { &zone };
                let address = value(rest).split_whitespace().next().unwrap_or("").split('@').next().unwrap_or("");
                config.servers.push((zone.to_owned(), address.to_owned()));
            }
            _ => {}
        }
    }
    config
}

#[derive(Default)]
struct Body {
    ranges: Vec<Range>,
    in_range: bool,
    entry: Option<Entry>,
    section: String,
    origin: String,
    ttl: u32,
}

fn body<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<Range> {
    let mut body = Body { origin: ".".into(), ttl: 3600, ..Body::default() };
    let mut pending = String::new();
    for line in lines.map(|l| without_comment(l).trim()).filter(|l| !l.is_empty()) {
        if !pending.is_empty() {
            pending = format!("{pending} {line}");
            if pending.matches('(').count() > pending.matches(')').count() {
                continue;
            }
            body.record(&std::mem::take(&mut pending));
        } else if body.entry.is_some() && !body.section.is_empty() && line.contains('(') && !line.contains(')') {
            pending = line.to_owned();
        } else if !body.keyword(line) {
            body.record(line);
        }
    }
    body.ranges
}

impl Body {
    /// Handles a line that is not a record.
    fn keyword(&mut self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or("");
        match first {
            "RANGE_BEGIN" => {
                let mut n = || words.next().unwrap().parse().unwrap();
                self.ranges.push(Range { begin: n(), end: n(), addresses: vec![], entries: vec![] });
                self.in_range = true;
            }
            "RANGE_END" | "END_RANGE" => self.in_range = false,
            "ADDRESS" => self.ranges.last_mut().unwrap().addresses.extend(words.next().map(str::to_owned)),
            "ENTRY_BEGIN" => {
                self.entry = Some(Entry::default());
                self.section.clear();
            }
            "ENTRY_END" => {
                let entry = self.entry.take().unwrap();
                if self.in_range {
                    self.ranges.last_mut().unwrap().entries.push(entry);
                }
            }
            "SCENARIO_BEGIN" | "SCENARIO_END" | "STEP" => {}
            "$ORIGIN" => self.origin = words.next().unwrap().to_owned(),
            "$TTL" => self.ttl = words.next().unwrap().parse().unwrap(),
            "SECTION" => self.section = words.next().unwrap().to_uppercase(),
            "MATCH" => self.entry.as_mut().unwrap().matches.extend(words.map(str::to_lowercase)),
            "ADJUST" => self.entry.as_mut().unwrap().adjust.extend(words.map(str::to_lowercase)),
            "REPLY" => {
                for word in words {
                    let codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"];
                    if let Some(code) = codes.iter().position(|c| word.to_uppercase().trim_end_matches('L') == *c) {
                        self.entry.as_mut().unwrap().rcode = code as u16;
                    }
                }
            }
            "HEX_ANSWER_BEGIN" | "RAW" | "HEX_EDNSDATA_BEGIN" => self.entry.as_mut().unwrap().raw = true,
            _ => return false,
        }
        true
    }

    fn record(&mut self, line: &str) {
        if self.entry.is_none() {
            return;
        }
        if self.section == "QUESTION" {
            let words: Vec<&str> = line.split_whitespace().filter(|w| *w != "IN").collect();
            let question = self.origin_name(words[0]).zip(words.get(1).and_then(|t| t.parse().ok()));
            self.entry.as_mut().unwrap().question = question;
            return;
        }
        let Some(rr) = record(line, &self.origin, self.ttl) else { return };
        let entry = self.entry.as_mut().unwrap();
        match self.section.as_str() {
            "ANSWER" => entry.answer.push(rr),
            "AUTHORITY" => entry.authority.push(rr),
            "ADDITIONAL" => entry.additional.push(rr),
            _ => {}
        }
    }

    fn origin_name(&self, text: &str) -> Option<Name> {
        let absolute = if text.ends_with('.') { text.to_owned() } else { format!("{text}.{}", self.origin.trim_start_matches('.')) };
        absolute.parse().ok()
    }
}
