//! TXT records from presentation form to octets, and the `name=value;` fields that records of policies are made of.

/// The octets of a TXT record given as a zone file has it: its strings one after the other, nothing between them.
///
/// `None`: it is not in that form (`\# 3 0301ff`, an open quotation mark).
#[must_use]
pub fn octets(text: &str) -> Option<Vec<u8>> {
    if text.starts_with("\\#") {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut quoted = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => out.push(escaped(&mut bytes)?),
            // R-081 rfc8461#3.1, R-082 rfc8460#3: strings are joined without a space.
            b' ' | b'\t' if !quoted => {}
            _ => out.push(byte),
        }
    }
    (!quoted).then_some(out)
}

/// What follows a backslash: three decimal digits, or one octet that stands for itself. (RFC 1035 section 5.1)
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, bytes.next()?, bytes.next()?];
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// What TXT records are to one who looks for the record of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// There is none, and none was meant.
    Nothing,
    /// One was meant, by a slip of the pen; SPF below a wildcard is another record.
    Meant,
    /// This is it.
    One(&'a [u8]),
    /// There are several.
    Several,
}

/// Looks for the record that begins with this version (`v=STSv1`) and `;`. `meant`: how one begins that was meant, in lower case.
pub(super) fn find<'a>(records: &'a [Vec<u8>], version: &str, meant: &[u8]) -> Found<'a> {
    // R-081 rfc8461#3.1, R-082 rfc8460#3: of several, those that do not begin like this are discarded; then there must be exactly one.
    let begins =
        |record: &&Vec<u8>| record.strip_prefix(version.as_bytes()).is_some_and(|rest| records.len() == 1 || rest.starts_with(b";"));
    let mut candidates = records.iter().filter(begins);
    match (candidates.next(), candidates.next()) {
        (Some(_), Some(_)) => Found::Several,
        (Some(one), None) => Found::One(one),
        (None, _) if records.iter().any(|record| is_meant(record, meant)) => Found::Meant,
        (None, _) => Found::Nothing,
    }
}

fn is_meant(record: &[u8], meant: &[u8]) -> bool {
    let mut head = record.iter().filter(|b| !b.is_ascii_whitespace()).map(u8::to_ascii_lowercase);
    meant.iter().all(|byte| head.next() == Some(*byte))
}

/// The fields of a record after its version: parted by `;`, white space around them dropped, one `;` allowed at the end.
///
/// `None` if a field is empty.
pub(super) fn fields(rest: &str) -> Option<Vec<&str>> {
    let wsp = |c: char| c == ' ' || c == '\t';
    let rest = rest.trim_matches(wsp).strip_prefix(';')?.trim_matches(wsp);
    let rest = rest.strip_suffix(';').unwrap_or(rest).trim_end_matches(wsp);
    let fields: Vec<&str> = rest.split(';').map(|field| field.trim_matches(wsp)).collect();
    fields.iter().all(|field| !field.is_empty()).then_some(fields)
}

/// Whether a field is an extension of the form that both documents give: a name of up to 32 characters, `=`, a value without `=`, `;` and
/// blanks.
pub(super) fn is_extension(field: &str) -> bool {
    let Some((name, value)) = field.split_once('=') else { return false };
    let plain = value.bytes().all(|b| matches!(b, 0x21..=0x3a | 0x3c | 0x3e..=0x7e));
    is_name(name) && !value.is_empty() && plain
}

/// Whether this is the name of a field.
pub(super) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    first && name.len() <= 32 && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::{fields, octets};

    #[test]
    fn zone_file_text_to_octets() {
        for (text, expected) in [
            (r#""v=STSv1; id=1""#, Some(&b"v=STSv1; id=1"[..])),
            // R-081 rfc8461#3.1: no space between strings.
            (r#""v=STSv1; i" "d=1;""#, Some(b"v=STSv1; id=1;")),
            (r#""a\"b\\c\059\255""#, Some(b"a\"b\\c;\xff")),
            ("bare words", Some(b"barewords")),
            (r#""open"#, None),
            (r#""\256""#, None),
            (r#""\2"#, None),
            ("\\# 2 0161", None),
            ("", Some(b"")),
        ] {
            assert_eq!(octets(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn fields_are_parted_by_semicolons() {
        assert_eq!(fields(" ; a=1 ;\tb=2 ; "), Some(vec!["a=1", "b=2"]));
        assert_eq!(fields(";a=1"), Some(vec!["a=1"]));
        for none in ["", ";", "; ;a=1", ";a=1;;", "a=1"] {
            assert_eq!(fields(none), None, "{none}");
        }
    }
}
