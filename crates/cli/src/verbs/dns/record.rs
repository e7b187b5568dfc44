//! One line of `danelaw dns scan`: all that came of one name. Written by hand, as a survey of millions of names would otherwise spend more
//! on its lines than on its queries.

use super::list::Item;
use domain::base::iana::Rtype;
use resolve::sweep::Plain;
use resolve::{Answer, Name, Reason, Security, push_data_text, push_name_text};
use std::ops::Range;

/// The answers to the questions about one name, as JSON.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    text: Vec<u8>,
    /// By the number of the question.
    places: Vec<(usize, Range<usize>)>,
    weakest: Option<Security>,
    at: i64,
}

impl Answers {
    /// Whether this question is answered.
    pub fn has(&self, question: usize) -> bool {
        self.places.iter().any(|(number, _)| *number == question)
    }

    /// Takes an answer from the resolver.
    pub fn put(&mut self, question: usize, answer: &Answer) {
        let reason = answer.reason.as_ref();
        let set = answer.rrset.as_ref();
        let entry = Entry {
            name: &answer.question.name,
            rtype: answer.question.rtype,
            status: answer.status,
            rcode: answer.rcode,
            code: reason.map(|reason| reason.code.code()).or(answer.failure.map(resolve::Failure::code)),
            at_name: reason.map(|reason| &reason.at_name),
            detail: reason.map(|reason| reason.detail.as_str()).filter(|d| !d.is_empty()).or(answer.failure_detail.as_deref()),
            alias_of: (!answer.aliases.is_empty()).then(|| answer.expanded()),
            ttl: set.map(|set| set.ttl).or(answer.negative_ttl),
        };
        self.write(question, &entry, set.into_iter().flat_map(|set| set.data.iter().map(|data| &data[..])), answer.at);
    }

    /// Takes a plain answer about `name`.
    pub fn put_plain(&mut self, question: usize, name: &Name, plain: &Plain<'_>, at: i64) {
        let reason: Option<&Reason> = plain.reason;
        let entry = Entry {
            name,
            rtype: plain.rtype,
            status: plain.status,
            rcode: plain.rcode,
            code: reason.map(|reason| reason.code.code()),
            at_name: reason.map(|reason| &reason.at_name),
            detail: reason.map(|reason| reason.detail.as_str()).filter(|detail| !detail.is_empty()),
            alias_of: None,
            ttl: plain.ttl,
        };
        self.write(question, &entry, plain.data.iter().copied(), at);
    }

    /// Takes over answers about something that other names have to do with, too, after all others.
    pub fn append(&mut self, others: &Self) {
        let (start, number) = (self.text.len(), self.next());
        self.text.extend_from_slice(&others.text);
        let moved = |(i, (_, place)): (usize, &(usize, Range<usize>))| (number + i, start + place.start..start + place.end);
        self.places.extend(others.places.iter().enumerate().map(moved));
        self.weakest = self.weakest.max_by_weakness(others.weakest);
        self.at = self.at.max(others.at);
    }

    /// The number of a question after all others.
    pub fn next(&self) -> usize {
        self.places.iter().map(|(number, _)| number + 1).max().unwrap_or(0)
    }

    fn write<'d>(&mut self, question: usize, entry: &Entry<'_>, data: impl Iterator<Item = &'d [u8]>, at: i64) {
        let start = self.text.len();
        entry.push(data, &mut self.text);
        self.places.push((question, start..self.text.len()));
        self.weakest = self.weakest.max_by_weakness(Some(entry.status));
        self.at = self.at.max(at);
    }

    /// Appends the record of a name as a line. `line` comes first: by it a run that was stopped knows what it has done. `stopped`: why there
    /// are no answers or not all of them, as a stable code and in words.
    pub fn push_line(&mut self, item: &Item, stopped: Option<&(&'static str, String)>, out: &mut Vec<u8>) {
        self.places.sort_by_key(|(number, _)| *number);
        let status = self.weakest.filter(|_| stopped.is_none()).unwrap_or(Security::Indeterminate);
        out.extend_from_slice(b"{\"line\":");
        push_number(item.line, out);
        push_key("name", out);
        push_string(item.text.as_bytes(), out);
        push_key("at", out);
        out.extend_from_slice(itoa::Buffer::new().format(self.at).as_bytes());
        push_key("status", out);
        push_string(word(status).as_bytes(), out);
        if let Some((code, detail)) = stopped {
            push_key("reason", out);
            push_string(code.as_bytes(), out);
            push_key("detail", out);
            push_string(detail.as_bytes(), out);
        }
        push_key("answers", out);
        out.push(b'[');
        for (i, (_, place)) in self.places.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(self.text.get(place.clone()).unwrap_or_default());
        }
        out.extend_from_slice(b"]}\n");
    }

    /// Forgets everything but its memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
        (self.weakest, self.at) = (None, 0);
    }
}

/// The answer to one question, without its records.
struct Entry<'a> {
    name: &'a Name,
    rtype: Rtype,
    status: Security,
    rcode: u16,
    code: Option<&'static str>,
    at_name: Option<&'a Name>,
    detail: Option<&'a str>,
    alias_of: Option<&'a Name>,
    ttl: Option<u32>,
}

impl Entry<'_> {
    fn push<'d>(&self, data: impl Iterator<Item = &'d [u8]>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"name\":");
        push_text(|out| push_name_text(self.name, out), out);
        push_key("type", out);
        push_string(self.rtype.to_string().as_bytes(), out);
        push_key("status", out);
        push_string(word(self.status).as_bytes(), out);
        push_key("rcode", out);
        push_number(self.rcode.into(), out);
        for (key, value) in [("reason", self.code), ("detail", self.detail)] {
            if let Some(value) = value {
                push_key(key, out);
                push_string(value.as_bytes(), out);
            }
            if key == "reason"
                && let Some(name) = self.at_name
            {
                push_key("at_name", out);
                push_text(|out| push_name_text(name, out), out);
            }
        }
        if let Some(name) = self.alias_of {
            push_key("alias_of", out);
            push_text(|out| push_name_text(name, out), out);
        }
        if let Some(ttl) = self.ttl {
            push_key("ttl", out);
            push_number(ttl.into(), out);
        }
        let mut first = true;
        for record in data {
            if std::mem::take(&mut first) {
                push_key("data", out);
                out.push(b'[');
            } else {
                out.push(b',');
            }
            push_text(|out| push_data_text(self.rtype, record, out), out);
        }
        out.extend_from_slice(if first { b"}" } else { b"]}" });
    }
}

trait Weakness {
    fn max_by_weakness(self, other: Self) -> Self;
}

impl Weakness for Option<Security> {
    fn max_by_weakness(self, other: Self) -> Self {
        let weakness = |status: Option<Security>| match status {
            None => 0,
            Some(Security::Secure) => 1,
            Some(Security::Insecure) => 2,
            Some(Security::Indeterminate) => 3,
            Some(Security::Bogus) => 4,
        };
        if weakness(other) > weakness(self) { other } else { self }
    }
}

fn word(status: Security) -> &'static str {
    match status {
        Security::Secure => "secure",
        Security::Insecure => "insecure",
        Security::Indeterminate => "indeterminate",
        Security::Bogus => "bogus",
    }
}

/// A comma and a key.
fn push_key(key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

fn push_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A string that `write` appends as it is.
fn push_text(write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    write(out);
    if out.get(start..).is_some_and(|text| text.iter().any(|octet| is_special(*octet))) {
        let text = out.split_off(start);
        out.pop();
        push_string(&text, out);
    } else {
        out.push(b'"');
    }
}

fn is_special(octet: u8) -> bool {
    octet < 0x20 || matches!(octet, b'"' | b'\\') || octet >= 0x7f
}

/// A string, which should be UTF-8.
fn push_string(text: &[u8], out: &mut Vec<u8>) {
    if text.iter().any(|octet| is_special(*octet)) {
        // Writing plain data to memory does not fail.
        let _ = serde_json::to_writer(out, &String::from_utf8_lossy(text));
    } else {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(answers: &mut Answers, stopped: Option<(&'static str, String)>) -> Value {
        let mut out = Vec::new();
        answers.push_line(&Item { line: 7, text: "ex\"ample\u{e9}.nl".into() }, stopped.as_ref(), &mut out);
        assert_eq!(out.pop(), Some(b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_record_is_json_in_the_order_of_the_questions() {
        let name: Name = r"a\.b.nl".parse().unwrap();
        let plain = |rtype, status, data| Plain { rtype, status, reason: None, rcode: 0, ttl: Some(60), data };
        let mut answers = Answers::default();
        let servers = [&b"\x04x\"\\\x00\x00"[..], &b"\x00"[..]];
        answers.put_plain(1, &name, &plain(Rtype::NS, Security::Secure, &servers), 5);
        answers.put_plain(0, &name, &plain(Rtype::MX, Security::Insecure, &[]), 4);
        let mut host = Answers::default();
        host.put_plain(0, &name, &plain(Rtype::A, Security::Secure, &[&[192, 0, 2, 1]]), 9);
        answers.append(&host);
        assert_eq!((answers.has(1), answers.has(3), answers.next()), (true, false, 3));
        let expected = json!({"line": 7, "name": "ex\"ample\u{e9}.nl", "at": 9, "status": "insecure", "answers": [
            {"name": "a\\.b.nl", "type": "MX", "status": "insecure", "rcode": 0, "ttl": 60},
            {"name": "a\\.b.nl", "type": "NS", "status": "secure", "rcode": 0, "ttl": 60, "data": ["x\"\\\\\\000.", "."]},
            {"name": "a\\.b.nl", "type": "A", "status": "secure", "rcode": 0, "ttl": 60, "data": ["192.0.2.1"]}]});
        assert_eq!(read(&mut answers, None), expected);
        let stopped = read(&mut answers, Some(("deadline", "a\nb".into())));
        assert_eq!(
            (&stopped["status"], &stopped["reason"], &stopped["detail"]),
            (&json!("indeterminate"), &json!("deadline"), &json!("a\nb"))
        );
    }

    #[test]
    fn nothing_is_indeterminate() {
        assert_eq!(read(&mut Answers::default(), None)["status"], json!("indeterminate"));
    }
}
