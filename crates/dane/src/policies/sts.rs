//! MTA-STS: the TXT record that announces a policy, the policy, and which MX hosts it covers. (RFC 8461 sections 3.1, 3.2, 4.1)

use super::txt::{self, Found};
use serde::{Deserialize, Serialize};

/// How the record begins.
const VERSION: &str = "v=STSv1";

/// The longest time for which a policy may be kept, seconds. (RFC 8461 section 3.2)
pub const MAX_MAX_AGE: u32 = 31_557_600;

/// The record at `_mta-sts.<domain>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Changes whenever the policy does.
    pub id: String,
}

/// Why senders take a domain's record for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More than one.
    #[error("there are several records that begin with 'v=STSv1;'")]
    Several,
    /// It is meant to be one.
    #[error("it does not begin with 'v=STSv1;', in these very letters")]
    Version,
    /// Not of the form `name=value; name=value`.
    #[error("it is not a list of fields such as 'v=STSv1; id=20261128;'")]
    Syntax,
    /// No field `id`, or one that is not of up to 32 letters and digits.
    #[error("it has no id of 1 to 32 letters and digits")]
    Id,
}

/// Reads the TXT records at `_mta-sts.<domain>`. `None`: there is no such record, as far as senders are concerned, and none was meant.
#[must_use]
pub fn record(records: &[Vec<u8>]) -> Option<Result<Record, RecordError>> {
    match txt::find(records, VERSION, b"v=sts") {
        Found::Nothing => None,
        Found::Meant => Some(Err(RecordError::Version)),
        Found::One(record) => Some(read_record(record)),
        Found::Several => Some(Err(RecordError::Several)),
    }
}

fn read_record(record: &[u8]) -> Result<Record, RecordError> {
    let text = std::str::from_utf8(record).ok().filter(|t| t.is_ascii()).ok_or(RecordError::Syntax)?;
    let rest = text.strip_prefix(VERSION).ok_or(RecordError::Version)?;
    let fields = txt::fields(rest).ok_or(RecordError::Syntax)?;
    if !fields.iter().all(|field| txt::is_extension(field)) {
        return Err(if fields.iter().any(|f| f.starts_with("id=")) { RecordError::Syntax } else { RecordError::Id });
    }
    // R-081 rfc8461#3.2: of a field that is there twice the first counts; unknown fields are ignored.
    let id = fields.iter().find_map(|field| field.strip_prefix("id=")).ok_or(RecordError::Id)?;
    let good = id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if good { Ok(Record { id: id.to_owned() }) } else { Err(RecordError::Id) }
}

/// What senders do when the policy is not fulfilled. (RFC 8461 section 5)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They do not deliver.
    Enforce,
    /// They deliver and report.
    Testing,
    /// There is no policy (any more).
    None,
}

impl Mode {
    /// The word in the policy.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        }
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What senders do.
    pub mode: Mode,
    /// For how long they keep it, seconds.
    pub max_age: u32,
    /// Patterns of MX hosts, as they stand there.
    pub mx: Vec<String>,
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A line that is no field.
    #[error("line {0} is not of the form 'name: value'")]
    Line(usize),
    /// No version, or another one.
    #[error("it has no 'version: STSv1'")]
    Version,
    /// No mode, or an unknown one.
    #[error("it has no 'mode' that is enforce, testing or none")]
    Mode,
    /// No time, or one out of bounds.
    #[error("it has no 'max_age' from 0 to 31557600")]
    MaxAge,
    /// No pattern.
    #[error("it has no 'mx'")]
    NoMx,
    /// A pattern that no host can match.
    #[error("line {0}: an 'mx' is a host name, or '*.' and a domain, in ASCII")]
    Mx(usize),
}

/// Reads a policy.
///
/// # Errors
/// The first rule of RFC 8461 section 3.2 that it breaks. Blank lines are passed over, as senders do.
pub fn policy(text: &str) -> Result<Policy, PolicyError> {
    let (mut version, mut mode, mut max_age, mut mx) = (None, None, None, Vec::new());
    for (number, line) in text.split('\n').enumerate().map(|(i, line)| (i.saturating_add(1), line)) {
        let line = line.strip_suffix('\r').unwrap_or(line).trim_end_matches([' ', '\t']);
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(PolicyError::Line(number))?;
        let value = value.trim_start_matches([' ', '\t']);
        if !txt::is_name(name) || value.is_empty() || value.chars().any(|c| c.is_ascii_control()) {
            return Err(PolicyError::Line(number));
        }
        match name {
            // R-081 rfc8461#3.2: of those that are there twice the first counts.
            "version" => drop(version.get_or_insert(value)),
            "mode" => drop(mode.get_or_insert(value)),
            "max_age" => drop(max_age.get_or_insert(value)),
            "mx" if is_pattern(value) => mx.push(value.to_owned()),
            "mx" => return Err(PolicyError::Mx(number)),
            // R-081 rfc8461#3.2: unknown fields are ignored.
            _ => {}
        }
    }
    if version != Some("STSv1") {
        return Err(PolicyError::Version);
    }
    let mode = match mode {
        Some("enforce") => Mode::Enforce,
        Some("testing") => Mode::Testing,
        Some("none") => Mode::None,
        _ => return Err(PolicyError::Mode),
    };
    let max_age = max_age.and_then(read_max_age).ok_or(PolicyError::MaxAge)?;
    if mx.is_empty() && mode != Mode::None {
        return Err(PolicyError::NoMx);
    }
    Ok(Policy { mode, max_age, mx })
}

/// R-081 rfc8461#3.2: up to ten digits, and a year at most.
fn read_max_age(value: &str) -> Option<u32> {
    let digits = (1..=10).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|seconds| digits && *seconds <= MAX_MAX_AGE)
}

/// R-081 rfc8461#3.2: a domain of RFC 5321 section 4.1.2, perhaps with `*.` before it.
fn is_pattern(value: &str) -> bool {
    let domain = value.strip_prefix("*.").unwrap_or(value);
    let label = |l: &str| {
        let inner = l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (1..=63).contains(&l.len()) && inner && !l.starts_with('-') && !l.ends_with('-')
    };
    domain.len() <= 253 && domain.split('.').all(label)
}

/// Whether a pattern covers an MX host (without final dot).
///
/// R-081 rfc8461#4.1: `*` stands for exactly one label, the leftmost.
#[must_use]
pub fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[&str]) -> Option<Result<String, RecordError>> {
        let octets: Vec<Vec<u8>> = records.iter().map(|r| r.as_bytes().to_vec()).collect();
        record(&octets).map(|r| r.map(|r| r.id))
    }

    #[test]
    fn r081_records() {
        // The example of RFC 8461 section 3.1.
        assert_eq!(read(&["v=STSv1; id=20160831085700Z;"]), Some(Ok("20160831085700Z".into())));
        for good in ["v=STSv1;id=1", "v=STSv1 ; id=1 ; ", "v=STSv1; x.y-z=\"a:b\"; id=1", "v=STSv1; id=1; id=second"] {
            assert_eq!(read(&[good]), Some(Ok("1".into())), "{good}");
        }
        for (records, why) in [
            (&["v=STSv1; id=1", "v=STSv1; id=2"][..], RecordError::Several),
            (&["v=STSv1; id=1;;"], RecordError::Syntax),
            (&["v=STSv1; id=1; a=b=c"], RecordError::Syntax),
            (&["v=STSv1; id=1; \u{e9}=1"], RecordError::Syntax),
            (&["v=STSv1"], RecordError::Syntax),
            (&["v=STSv1; mode"], RecordError::Id),
            (&["v=STSv1; x=1"], RecordError::Id),
            (&["v=STSv1; id=2026-11-28"], RecordError::Id),
            (&["v=STSv1; id=; x=1"], RecordError::Syntax),
            (&["v=STSv1; id=123456789012345678901234567890123"], RecordError::Id),
            (&["v=stsv1; id=1"], RecordError::Version),
            (&["v = STSv1; id=1", "v=spf1 -all"], RecordError::Version),
            (&["v=STSv1", "x"], RecordError::Version),
        ] {
            assert_eq!(read(records), Some(Err(why)), "{records:?}");
        }
        // R-081 rfc8461#3.1: what does not begin so is discarded.
        assert_eq!(read(&["v=spf1 -all", "v=STSv1; id=1", "v=STSv10; id=2"]), Some(Ok("1".into())));
        for none in [&[][..], &["v=spf1 -all"], &["hello", "v=DMARC1"]] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }

    const EXAMPLE: &str =
        "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n";

    #[test]
    fn r081_the_example_of_the_document() {
        let mx = ["mail.example.com", "*.example.net", "backupmx.example.com"].map(str::to_owned).to_vec();
        assert_eq!(policy(EXAMPLE), Ok(Policy { mode: Mode::Enforce, max_age: 604_800, mx }));
        assert_eq!(policy(&EXAMPLE.replace("\r\n", "\n")), policy(EXAMPLE));
        assert_eq!(policy(EXAMPLE.trim_end()), policy(EXAMPLE));
    }

    #[test]
    fn r081_policies() {
        let none = "version: STSv1\nmode: none\nmax_age: 0\n";
        assert_eq!(policy(none), Ok(Policy { mode: Mode::None, max_age: 0, mx: vec![] }));
        let with = |line: &str| policy(&format!("version: STSv1\nmode: testing\nmx: a.example\nmax_age: 31557600\n{line}\n"));
        // Unknown fields, and all but the first of those that are there once.
        for ignored in ["x-note: Grüße, Welt", "mode: enforce", "version: STSv2", "max_age: 99999999999", "", "mx_hint:\tx  "] {
            let read = with(ignored).unwrap();
            assert_eq!((read.mode, read.max_age, read.mx.len()), (Mode::Testing, MAX_MAX_AGE, 1), "{ignored}");
        }
        for (line, why) in [
            ("mode", PolicyError::Line(5)),
            ("-x: y", PolicyError::Line(5)),
            ("x:", PolicyError::Line(5)),
            ("x: a\u{7}b", PolicyError::Line(5)),
            ("x: a\rb", PolicyError::Line(5)),
            ("mx: *.*.example", PolicyError::Mx(5)),
            ("mx: m*.example", PolicyError::Mx(5)),
            ("mx: mail.example.", PolicyError::Mx(5)),
            ("mx: bücher.example", PolicyError::Mx(5)),
            ("mx: a.example, b.example", PolicyError::Mx(5)),
        ] {
            assert_eq!(with(line), Err(why), "{line}");
        }
        for (from, to, why) in [
            ("STSv1", "STSv2", PolicyError::Version),
            ("version: STSv1\r\n", "", PolicyError::Version),
            ("enforce", "Enforce", PolicyError::Mode),
            ("mode: enforce\r\n", "", PolicyError::Mode),
            ("604800", "31557601", PolicyError::MaxAge),
            ("604800", "-1", PolicyError::MaxAge),
            ("604800", "00000000001", PolicyError::MaxAge),
            ("604800", "1 week", PolicyError::MaxAge),
            ("mx:", "mxs:", PolicyError::NoMx),
        ] {
            assert_eq!(policy(&EXAMPLE.replace(from, to)), Err(why), "{from} → {to}");
        }
        assert_eq!(policy("<!DOCTYPE html>"), Err(PolicyError::Line(1)));
        assert_eq!(policy(""), Err(PolicyError::Version));
    }

    #[test]
    fn r081_patterns() {
        // The examples of RFC 8461 section 4.1.
        assert!(covers("*.example.com", "mail.example.com"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.example.com", "foo.bar.example.com"));
        assert!(covers("Mail.example.com", "mail.EXAMPLE.com"));
        assert!(!covers("mail.example.com", "mail.example.com.evil.org"));
        assert!(!covers("*.example.com", ".example.com"));
    }
}
