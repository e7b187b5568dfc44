//! CAA: which certification authorities may issue for a name. (RFC 8659)

use super::txt;

/// Property tags that are known: an unknown one that is critical forbids everything. (RFC 8659 section 4, RFC 9495, CA/Browser Forum)
const KNOWN: [&str; 7] = ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Whoever does not know the tag must not issue.
    pub critical: bool,
    /// The tag, lower case.
    pub tag: String,
    /// The value, as far as it is text.
    pub value: String,
}

impl Property {
    /// Reads a record in presentation form: `0 issue "ca.example.net"`. `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (flags, rest) = text.trim().split_once([' ', '\t'])?;
        let (tag, value) = rest.trim_start().split_once([' ', '\t'])?;
        let flags: u8 = flags.parse().ok()?;
        let good = !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric());
        let value = String::from_utf8_lossy(&txt::octets(value.trim_start())?).into_owned();
        good.then(|| Self { critical: flags & 0x80 != 0, tag: tag.to_ascii_lowercase(), value })
    }
}

/// Who may issue certificates for a host name. (RFC 8659 sections 3 and 4.2)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuers {
    /// Everybody: no record restricts it.
    Any,
    /// Those with these domains, lower case; empty: nobody.
    Only(Vec<String>),
}

/// What the relevant record set says of certificates for one name that is no wildcard. (R-140 rfc8659#4.2)
#[must_use]
pub fn issuers(properties: &[Property]) -> Issuers {
    if properties.iter().any(|p| p.critical && !KNOWN.contains(&p.tag.as_str())) {
        return Issuers::Only(Vec::new());
    }
    let issue: Vec<&Property> = properties.iter().filter(|p| p.tag == "issue").collect();
    if issue.is_empty() {
        return Issuers::Any;
    }
    Issuers::Only(issue.iter().filter_map(|p| issuer(&p.value)).collect())
}

/// The issuer's domain in a value such as `ca.example.net; account=230123`. `None`: nobody, also where the value is malformed.
fn issuer(value: &str) -> Option<String> {
    let domain = value.split(';').next()?.trim_matches([' ', '\t']);
    let label =
        |l: &str| !l.is_empty() && !l.starts_with('-') && !l.ends_with('-') && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    domain.split('.').all(label).then(|| domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(records: &[&str]) -> Issuers {
        issuers(&records.iter().map(|r| Property::parse(r).unwrap()).collect::<Vec<_>>())
    }

    /// R-140 rfc8659#4.2
    #[test]
    fn the_examples_of_rfc_8659() {
        let only = |domains: &[&str]| Issuers::Only(domains.iter().map(|d| (*d).to_owned()).collect());
        // Section 4.2.
        assert_eq!(who(&["0 issue \"ca1.example.net\"", "0 issue \"ca2.example.org\""]), only(&["ca1.example.net", "ca2.example.org"]));
        assert_eq!(who(&["0 issue \"ca1.example.net; account=230123\""]), only(&["ca1.example.net"]));
        assert_eq!(who(&["0 issue \";\""]), only(&[]));
        // "malformed": as if it named nobody.
        assert_eq!(who(&["0 issue \"%%%%%\""]), only(&[]));
        // Section 4.3: issuewild is about wildcards only; section 4.4: iodef restricts nothing.
        assert_eq!(who(&["0 issuewild \";\"", "0 iodef \"mailto:security@example.com\""]), Issuers::Any);
        // Section 4.1: critical and unknown.
        assert_eq!(who(&["0 issue \"ca1.example.net\"", "128 tbs \"Unknown\""]), only(&[]));
        assert_eq!(who(&["0 ISSUE CA1.Example.Net", "0 tbs \"Unknown\""]), only(&["ca1.example.net"]));
        assert_eq!(who(&[]), Issuers::Any);
    }

    #[test]
    fn what_is_no_record() {
        for bad in ["", "0 issue", "256 issue \"a\"", "0 is-sue \"a\"", "\\# 3 000501", "0 issue \"open"] {
            assert_eq!(Property::parse(bad), None, "{bad}");
        }
    }
}
