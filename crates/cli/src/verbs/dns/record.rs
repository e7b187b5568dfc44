//! One line of `danelaw dns scan`: all that came of one name.

use super::list::Item;
use resolve::{Answer, Name, Security};
use serde::Serialize;

/// The record of one name. `line` comes first: by it a run that was stopped knows what it has done.
#[derive(Serialize)]
pub struct Record<'a> {
    /// The line of the list.
    pub line: u64,
    /// What stands there.
    pub name: &'a str,
    /// When the last answer came, seconds since 1970.
    pub at: i64,
    /// The weakest status of all answers; indeterminate if there is none.
    pub status: Security,
    /// Why there are no answers, or not all of them: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// One for each question.
    pub answers: Vec<Entry<'a>>,
}

/// The answer to one question.
#[derive(Serialize)]
pub struct Entry<'a> {
    name: &'a Name,
    r#type: resolve_type::Type,
    status: Security,
    rcode: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_name: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias_of: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data: Vec<String>,
}

/// A record type that prints as its mnemonic.
mod resolve_type {
    use domain::base::iana::Rtype;
    use serde::{Serialize, Serializer};

    pub struct Type(pub Rtype);

    impl Serialize for Type {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&self.0)
        }
    }
}

impl<'a> Record<'a> {
    /// Of a name that was looked up.
    pub fn of(item: &'a Item, answers: &'a [std::sync::Arc<Answer>], stopped: Option<(&'static str, String)>) -> Self {
        let status = answers.iter().map(|answer| answer.status).max_by_key(|status| weakness(*status));
        let (reason, detail) = stopped.unzip();
        Self {
            line: item.line,
            name: &item.text,
            at: answers.iter().map(|answer| answer.at).max().unwrap_or(0),
            status: status.filter(|_| reason.is_none()).unwrap_or(Security::Indeterminate),
            reason,
            detail,
            answers: answers.iter().map(|answer| Entry::of(answer)).collect(),
        }
    }

    /// Appends it as a line.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing plain data to memory does not fail.
        let _ = serde_json::to_writer(&mut *out, self);
        out.push(b'\n');
    }
}

fn weakness(status: Security) -> u8 {
    match status {
        Security::Secure => 0,
        Security::Insecure => 1,
        Security::Indeterminate => 2,
        Security::Bogus => 3,
    }
}

impl<'a> Entry<'a> {
    fn of(answer: &'a Answer) -> Self {
        let reason = answer.reason.as_ref();
        let set = answer.rrset.as_ref();
        Self {
            name: &answer.question.name,
            r#type: resolve_type::Type(answer.question.rtype),
            status: answer.status,
            rcode: answer.rcode,
            reason: reason.map(|reason| reason.code.code()).or(answer.failure.map(resolve::Failure::code)),
            at_name: reason.map(|reason| &reason.at_name),
            detail: reason.map(|reason| reason.detail.as_str()).filter(|d| !d.is_empty()).or(answer.failure_detail.as_deref()),
            alias_of: (!answer.aliases.is_empty()).then(|| answer.expanded()),
            ttl: set.map(|set| set.ttl).or(answer.negative_ttl),
            data: answer.data_text(),
        }
    }
}
