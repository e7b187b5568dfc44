//! Forms. (application/x-www-form-urlencoded)

/// Fields of a form.
const FIELDS: usize = 8;

/// The fields of a form, decoded; those beyond the eighth are ignored.
#[must_use]
pub fn form(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    text.split('&').take(FIELDS).filter_map(|pair| pair.split_once('=')).map(|(n, v)| (decoded(n), decoded(v))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, pair) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_whatever_is_in_them() {
        let fields = form(b"what=192.0.2.0%2F24&contact=a+b%40c%zz%4&x&=&%ff=1");
        let expected = [("what", "192.0.2.0/24"), ("contact", "a b@c%zz%4"), ("", ""), ("\u{fffd}", "1")];
        assert_eq!(fields, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(form(&b"a=1&".repeat(100)).len(), FIELDS);
    }
}
