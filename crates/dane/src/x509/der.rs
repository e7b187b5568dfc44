//! Cuts tag-length-value elements out of bytes that claim to be DER. Accepts BER's long and indefinite lengths; never copies, never panics.

use crate::Epoch;

/// Universal and context tags in use.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[n] EXPLICIT` or constructed `[n] IMPLICIT`.
    pub(crate) const fn constructed(n: u8) -> u8 {
        0xa0 | n
    }
    /// Primitive `[n] IMPLICIT`.
    pub(crate) const fn primitive(n: u8) -> u8 {
        0x80 | n
    }
}

/// How deep indefinite lengths may be nested.
const MAX_NESTING: u8 = 16;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tlv<'a> {
    /// The first octet of the tag.
    pub(crate) tag: u8,
    /// The content.
    pub(crate) value: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
    /// Octets of tag and length.
    pub(crate) header: usize,
}

/// Reads elements one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Option<Tlv<'a>> {
        let tlv = cut(self.0, 0)?;
        self.0 = self.0.get(tlv.whole.len()..)?;
        Some(tlv)
    }

    /// The next element, if it has this tag; otherwise nothing is consumed.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Tlv<'a>> {
        if self.0.first() == Some(&tag) { self.any() } else { None }
    }

    /// The content of the next element, which has to have this tag.
    pub(crate) fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.optional(tag).map(|tlv| tlv.value)
    }

    /// A reader of the next element's content, which has to have this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.content(tag).map(Reader)
    }
}

fn cut(input: &[u8], nesting: u8) -> Option<Tlv<'_>> {
    let &tag = input.first()?;
    let mut at = 1;
    if tag & 0x1f == 0x1f {
        // A tag number of several octets.
        while input.get(at)? & 0x80 != 0 {
            at += 1;
            if at > 5 {
                return None;
            }
        }
        at += 1;
    }
    let &first = input.get(at)?;
    at += 1;
    let length = match first {
        0x80 => return cut_indefinite(input, tag, at, nesting),
        0..=0x7f => usize::from(first),
        _ => {
            let octets = input.get(at..at.checked_add(usize::from(first & 0x7f))?)?;
            at += octets.len();
            octets.iter().try_fold(0usize, |n, &o| n.checked_mul(256)?.checked_add(usize::from(o)))?
        }
    };
    let end = at.checked_add(length)?;
    Some(Tlv { tag, value: input.get(at..end)?, whole: input.get(..end)?, header: at })
}

fn cut_indefinite(input: &[u8], tag: u8, start: usize, nesting: u8) -> Option<Tlv<'_>> {
    if tag & 0x20 == 0 || nesting >= MAX_NESTING {
        return None;
    }
    let mut at = start;
    loop {
        let rest = input.get(at..)?;
        if rest.starts_with(&[0, 0]) {
            return Some(Tlv { tag, value: input.get(start..at)?, whole: input.get(..at + 2)?, header: start });
        }
        at += cut(rest, nesting + 1)?.whole.len();
    }
}

/// The content of a BIT STRING without its count of unused bits; `None` if bits are unused, which nothing that we read allows.
pub(crate) fn whole_bits(value: &[u8]) -> Option<&[u8]> {
    match value.split_first() {
        Some((0, bits)) => Some(bits),
        _ => None,
    }
}

/// Reads an object identifier as dotted decimal. `None` if it is malformed.
pub(crate) fn dotted(oid: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut arc: u64 = 0;
    for (i, &octet) in oid.iter().enumerate() {
        arc = arc.checked_mul(128)?.checked_add(u64::from(octet & 0x7f))?;
        if octet & 0x80 != 0 {
            if i + 1 == oid.len() {
                return None;
            }
            continue;
        }
        if text.is_empty() {
            let first = (arc / 40).min(2);
            text = format!("{first}.{}", arc - first * 40);
        } else {
            text.push('.');
            text.push_str(&arc.to_string());
        }
        arc = 0;
    }
    (!text.is_empty()).then_some(text)
}

/// Reads a time in one of the two forms that RFC 5280 section 4.1.2.5 allows: `YYMMDDHHMMSSZ`, `YYYYMMDDHHMMSSZ`.
pub(crate) fn time(tlv: &Tlv<'_>) -> Option<Epoch> {
    let digits = tlv.value.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to).map(|d| d.iter().fold(0i64, |n, &c| n * 10 + i64::from(c - b'0')));
    let (year, rest) = match (tlv.tag, digits.len()) {
        (tag::UTC_TIME, 12) => (number(0, 2).map(|y| if y < 50 { 2000 + y } else { 1900 + y })?, 2),
        (tag::GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
        _ => return None,
    };
    let part = |i: usize| number(rest + 2 * i, rest + 2 * i + 2);
    let (month, day, hour, minute, second) = (part(0)?, part(1)?, part(2)?, part(3)?, part(4)?);
    let in_range = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day) && hour < 24 && minute < 60 && second < 60;
    in_range.then(|| days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counting years from March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{Reader, Tlv, dotted, tag, time};

    #[test]
    fn lengths_of_every_form() {
        for (input, value, rest) in [
            (&[0x04, 1, 7, 9][..], &[7][..], &[9][..]),
            (&[0x04, 0x81, 1, 7], &[7], &[]),
            (&[0x04, 0x84, 0, 0, 0, 1, 7], &[7], &[]),
            (&[0x30, 0x80, 4, 1, 7, 0, 0, 9], &[4, 1, 7], &[9]),
            (&[0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0], &[0x30, 0x80, 0, 0], &[]),
        ] {
            let mut reader = Reader(input);
            assert_eq!(reader.any().map(|t| t.value), Some(value), "{input:02x?}");
            assert_eq!(reader.0, rest);
        }
        for bad in
            [&[][..], &[4], &[4, 2, 0], &[4, 0x80, 0, 0], &[0x30, 0x80, 4, 1, 7], &[4, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], &[0x1f, 0xff]]
        {
            assert_eq!(Reader(bad).any(), None, "{bad:02x?}");
        }
        let deep = [0x30, 0x80].repeat(10_000);
        assert_eq!(Reader(&deep).any(), None);
    }

    #[test]
    fn object_identifiers() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]).as_deref(), Some("1.2.840.113549"));
        assert_eq!(dotted(&[0x88, 0x37, 0x03]).as_deref(), Some("2.999.3"));
        assert_eq!(dotted(&[0x2a, 0x86]), None);
        assert_eq!(dotted(&[]), None);
    }

    #[test]
    fn times() {
        let utc = |value| time(&Tlv { tag: tag::UTC_TIME, value, whole: &[], header: 0 });
        let generalized = |value| time(&Tlv { tag: tag::GENERALIZED_TIME, value, whole: &[], header: 0 });
        // From `date -u -d … +%s`.
        assert_eq!(utc(b"700101000000Z"), Some(0));
        assert_eq!(utc(b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(utc(b"500101000000Z"), Some(-631_152_000));
        assert_eq!(generalized(b"20000229120000Z"), Some(951_825_600));
        assert_eq!(generalized(b"30150415232352Z"), Some(32_986_049_032));
        for bad in [
            &b"20010229120000Z"[..],
            b"20001301000000Z",
            b"20000100000000Z",
            b"20000101240000Z",
            b"20000101000000",
            b"2000010100000Z",
            b"20000101000000+0100",
        ] {
            assert_eq!(generalized(bad), None);
        }
        assert_eq!(utc(b"0001010000Z"), None);
    }
}
