//! What a server accepts, as a table: versions with their cipher suites, groups, keys and habits, each in the colour of its class.

use crate::style::{Ink, Style};
use crate::text::{clean, count};
use dane::Epoch;
use dane::capabilities::{Capabilities, capabilities};
use dane::guideline::{Class, TlsClass, renegotiation, tls_class};
use dane::observation::{
    AddressObservation, Depth, DepthObservation, GroupsObservation, HelloAnswer, Injection, Order, VersionObservation,
};
use std::fmt::Write as _;

/// Columns of the first word in a line.
const LABEL: usize = 12;

/// The table of one address, `indent` columns in, with classes for this moment; empty if it was not looked at in depth.
#[must_use]
pub fn depth(server: &AddressObservation, at: Epoch, indent: usize, style: &Style) -> String {
    let Some(seen) = &server.depth else { return String::new() };
    let chain = server.tls.as_ref().map_or(&[][..], |tls| &tls.chain);
    let class = tls_class(seen, chain, at);
    let mut table = Table { out: String::new(), indent, style, class: class.as_ref() };
    table.head(seen);
    for version in &seen.versions {
        table.version(version);
    }
    table.groups("groups", seen.groups.as_ref());
    table.groups("curves", seen.curves.as_ref());
    table.keys(seen);
    table.habits(seen);
    if seen.depth == Depth::Full {
        table.dialogue(seen, &capabilities(server));
    }
    table.out
}

/// A word and its colour.
type Word = (Option<Ink>, String);

struct Table<'a> {
    out: String,
    indent: usize,
    style: &'a Style,
    class: Option<&'a TlsClass>,
}

impl Table<'_> {
    /// Words in one line, or as many as they need, behind a label.
    fn line(&mut self, label: &str, words: &[Word]) {
        let (indent, room) = (self.indent, self.style.width().saturating_sub(self.indent + LABEL + 1));
        let mut line = format!("{:indent$}{label:<LABEL$}", "");
        let mut used = 0;
        for (ink, word) in words {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > room {
                let _ = writeln!(self.out, "{}", line.trim_end());
                (line, used) = (format!("{:1$}", "", indent + LABEL), 0);
            }
            let painted = ink.map_or_else(|| word.clone(), |ink| self.style.paint(ink, word));
            let _ = write!(line, " {painted}");
            used += 1 + length;
        }
        let _ = writeln!(self.out, "{}", line.trim_end());
    }

    fn class_of(&self, kind: &str, value: &str) -> Option<Class> {
        self.class.and_then(|class| class.of(kind, value))
    }

    /// A name in the colour of its class.
    fn name(&self, kind: &str, value: &str) -> Word {
        (self.class_of(kind, value).map(ink), clean(value))
    }

    fn head(&mut self, seen: &DepthObservation) {
        let mut words = match self.class.and_then(|c| Some((c.guideline, c.worst?))) {
            Some((guideline, worst)) => vec![(Some(ink(worst)), worst.word().to_owned()), plain(format!("by {guideline}"))],
            None => vec![plain("not rated")],
        };
        words.extend(plainly(&format!("({})", count(seen.connections.into(), "connection"))));
        self.line("TLS class", &words);
        if let Some(end) = &seen.ended {
            let detail = if end.detail.is_empty() { String::new() } else { format!(": {}", clean(&end.detail)) };
            self.line("", &painted(Ink::Unseen, &format!("ended early, {}{detail}", clean(&end.why))));
        }
    }

    fn version(&mut self, seen: &VersionObservation) {
        if seen.accepted() != Some(true) {
            let ink = if seen.accepted().is_none() { Ink::Unseen } else { Ink::Dim };
            return self.line(&clean(&seen.version), &painted(ink, &refusal(&seen.answer)));
        }
        let class = self.class_of("version", &seen.version);
        let mut words: Vec<Word> = class.map(|c| (Some(ink(c)), c.word().to_owned())).into_iter().collect();
        let order = seen.order.map_or("", whose);
        let known = if seen.complete { "" } else { ", and perhaps more" };
        words.extend(plainly(&format!("{}{order}{known}", count(seen.suites.len() as u64, "cipher suite"))));
        self.line(&clean(&seen.version), &words);
        for suite in &seen.suites {
            let class = self.class_of("suite", suite);
            let label = format!("{:<LABEL$}", class.map_or("", Class::word));
            let paint = |text: &str| class.map_or_else(|| text.to_owned(), |class| self.style.paint(ink(class), text));
            let line = format!("{:3$}  {} {}", "", paint(&label), paint(&clean(suite)), self.indent);
            let _ = writeln!(self.out, "{}", line.trim_end());
        }
    }

    fn groups(&mut self, label: &str, seen: Option<&GroupsObservation>) {
        let Some(seen) = seen.filter(|s| !s.accepted.is_empty()) else { return };
        let mut words: Vec<Word> = seen.accepted.iter().map(|group| self.name("group", group)).collect();
        let known = if seen.complete { "" } else { ", perhaps more" };
        words.extend(plainly(&format!("({}{}{known})", clean(&seen.version), seen.order.map_or("", whose))));
        self.line(label, &words);
    }

    fn keys(&mut self, seen: &DepthObservation) {
        for dh in &seen.dh {
            let bits = format!("{} bits", dh.bits);
            let named = dh.known.as_deref().and_then(|known| self.class_of("dh", known));
            let class = named.or_else(|| self.class_of("dh", &bits));
            let known = dh.known.as_ref().map_or(String::new(), |known| format!(", {}", clean(known)));
            self.line("DHE", &[(class.map(ink), format!("{bits}{known}"))]);
        }
        let rated: Vec<Word> = self
            .class
            .iter()
            .flat_map(|c| &c.ratings)
            .filter_map(|r| {
                let text = match r.kind {
                    "rsa-bits" => format!("RSA {} bits", r.value),
                    "key" | "certificate-hash" => clean(&r.value),
                    _ => return None,
                };
                Some((r.class.map(ink), text))
            })
            .collect();
        if !rated.is_empty() {
            self.line("certificate", &rated);
        }
    }

    /// What is good in green, what is bad in red, and the rest for who wants to know.
    fn habits(&mut self, seen: &DepthObservation) {
        let mut words = Vec::new();
        let mut say = |state: Option<bool>, good: Option<bool>, what: &str| {
            let Some(state) = state else { return };
            let ink = good.map(|good| if state == good { Ink::Good } else { Ink::Bad });
            words.push((ink, format!("{what}: {}", if state { "yes" } else { "no" })));
        };
        say(seen.compression, Some(false), "compression");
        say(seen.secure_renegotiation, Some(true), "secure renegotiation");
        say(seen.extended_master_secret, Some(true), "extended master secret");
        say(seen.sha1_signature, Some(false), "signs with SHA-1");
        say(seen.encrypt_then_mac, None, "encrypt-then-MAC");
        say(seen.fallback_scsv, None, "guards fallback");
        say(seen.session_ticket, None, "tickets");
        say(seen.session_id, None, "session ids");
        say(seen.resumed, None, "resumes");
        if let Some(times) = seen.client_renegotiations {
            let allowed = renegotiation(times);
            let limit = if allowed == "limited" { format!(" {times} times") } else { String::new() };
            words.push((self.class_of("client-renegotiation", allowed).map(ink), format!("clients renegotiate: {allowed}{limit}")));
        }
        if let Some((_, last)) = words.split_last_mut() {
            last.iter_mut().for_each(|(_, word)| word.push(','));
        }
        if !words.is_empty() {
            self.line("habits", &words);
        }
    }

    fn dialogue(&mut self, seen: &DepthObservation, offered: &Capabilities) {
        if let Some(injection) = &seen.injection {
            let ink = match injection.outcome {
                Injection::Discarded | Injection::Closed => Ink::Good,
                Injection::Answered => Ink::Bad,
                Injection::AnsweredInClear => Ink::Warn,
                Injection::NotKnown => Ink::Unseen,
            };
            self.line("injection", &[plain("a command sent before TLS:"), (Some(ink), injection.outcome.word().to_owned())]);
        }
        if let Some(software) = &offered.software {
            let version = software.version.as_ref().map_or(String::new(), |v| format!(" {}", clean(v)));
            self.line("software", &[plain(format!("{}{version}", software.name))]);
        }
        for (when, mechanisms, ink) in [("in clear", &offered.auth_before, Some(Ink::Warn)), ("in TLS", &offered.auth_after, None)] {
            if !mechanisms.is_empty() {
                self.line("AUTH", &[(ink, when.to_owned()), plain(clean(&mechanisms.join(" ")))]);
            }
        }
        if let Some(offers) = offered.requiretls {
            self.line("REQUIRETLS", &[plain(if offers { "offered" } else { "not offered" })]);
        }
    }
}

fn plain(text: impl Into<String>) -> Word {
    (None, text.into())
}

/// Word by word, so that lines can be broken.
fn plainly(text: &str) -> Vec<Word> {
    text.split_whitespace().map(plain).collect()
}

fn painted(ink: Ink, text: &str) -> Vec<Word> {
    text.split_whitespace().map(|word| (Some(ink), word.to_owned())).collect()
}

fn ink(class: Class) -> Ink {
    match class {
        Class::Good | Class::Sufficient => Ink::Good,
        Class::PhaseOut => Ink::Warn,
        Class::Insufficient => Ink::Bad,
    }
}

fn whose(order: Order) -> &'static str {
    match order {
        Order::Server => ", server's order",
        Order::Client => ", client's order",
    }
}

fn refusal(answer: &HelloAnswer) -> String {
    match answer {
        HelloAnswer::Accepted => "accepted".to_owned(),
        HelloAnswer::Other { version, .. } => format!("refused (answered with {})", clean(version)),
        HelloAnswer::Alert { alert } => format!("refused ({})", clean(alert)),
        HelloAnswer::Closed => "refused (connection closed)".to_owned(),
        HelloAnswer::Reset => "refused (connection reset)".to_owned(),
        HelloAnswer::Timeout => "no answer".to_owned(),
        HelloAnswer::NotTls => "no TLS in answer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dane::observation::{Connect, DepthEnd, DhObservation, InjectionObservation};

    /// `date -u -d 2026-01-01 +%s`
    const AT: Epoch = 1_767_225_600;

    fn version(version: &str, suites: &[&str]) -> VersionObservation {
        let suites = suites.iter().map(|s| (*s).to_owned()).collect();
        let (answer, order) = (HelloAnswer::Accepted, Some(Order::Server));
        VersionObservation { version: version.into(), answer, suites, complete: true, rest: None, order }
    }

    fn server() -> AddressObservation {
        let seen = DepthObservation {
            depth: Depth::Full,
            connections: 31,
            versions: vec![
                version("TLSv1.3", &["TLS_AES_256_GCM_SHA384"]),
                version("TLSv1.2", &["TLS_RSA_WITH_AES_128_CBC_SHA\u{1b}[2J", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]),
                VersionObservation { answer: HelloAnswer::Alert { alert: "protocol_version".into() }, ..version("TLSv1.1", &[]) },
            ],
            dh: vec![DhObservation {
                bits: 1024,
                known: Some("postfix-1024".into()),
                prime_sha256: String::new(),
                prime: None,
                generator: "02".into(),
                suite: String::new(),
            }],
            compression: Some(false),
            resumed: Some(true),
            client_renegotiations: Some(2),
            injection: Some(InjectionObservation { outcome: Injection::Answered, replies: Vec::new() }),
            ended: Some(DepthEnd { why: "rate-limited".into(), detail: "421 too\u{7} many".into() }),
            ..DepthObservation::default()
        };
        let mut server = AddressObservation::new("192.0.2.1".parse().unwrap(), 25, AT, Connect::Connected);
        server.depth = Some(Box::new(seen));
        server
    }

    #[test]
    fn all_of_it_in_few_columns() {
        let text = depth(&server(), AT, 6, &Style::plain(70));
        for expected in [
            "      TLS class    insufficient by ncsc-2025-05 (31 connections)",
            "ended early, rate-limited: 421",
            "      TLSv1.3      good 1 cipher suite, server's order",
            "        good         TLS_AES_256_GCM_SHA384",
            "        sufficient   TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "      TLSv1.1      refused (protocol_version)",
            "      DHE          1024 bits, postfix-1024",
            "compression: no, resumes: yes,",
            " clients renegotiate: limited 2 times",
            "a command sent before TLS: answered",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    }

    #[test]
    fn nothing_of_a_server_that_was_not_looked_at_in_depth() {
        let server = AddressObservation { depth: None, ..server() };
        assert_eq!(depth(&server, AT, 6, &Style::plain(80)), "");
        // Before there was a guideline nothing is rated.
        assert!(depth(&self::server(), 0, 6, &Style::plain(80)).contains("not rated"));
    }
}
