//! TLS reporting: where a domain wants to be told of what senders experience. (RFC 8460 section 3)

use super::txt::{self, Found};

/// How the record begins.
const VERSION: &str = "v=TLSRPTv1";

/// The record at `_smtp._tls.<domain>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where reports go: `mailto:` and `https:` URIs, as they stand there. Others are left out.
    pub rua: Vec<String>,
}

/// Why senders do not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More than one.
    #[error("there are several records that begin with 'v=TLSRPTv1;'")]
    Several,
    /// It is meant to be one.
    #[error("it does not begin with 'v=TLSRPTv1;', in these very letters")]
    Version,
    /// Not of the form `name=value; name=value`.
    #[error("it is not a list of fields such as 'v=TLSRPTv1; rua=mailto:reports@example.com'")]
    Syntax,
    /// No field `rua`, or none of its addresses is of a kind that senders use.
    #[error("it names no address (rua) that is a mailto: or https: URI")]
    NoAddress,
}

/// Reads the TXT records at `_smtp._tls.<domain>`. `None`: there is no such record, as far as senders are concerned, and none was meant.
#[must_use]
pub fn record(records: &[Vec<u8>]) -> Option<Result<Record, RecordError>> {
    match txt::find(records, VERSION, b"v=tlsrpt") {
        Found::Nothing => None,
        Found::Meant => Some(Err(RecordError::Version)),
        Found::One(record) => Some(read(record)),
        Found::Several => Some(Err(RecordError::Several)),
    }
}

fn read(record: &[u8]) -> Result<Record, RecordError> {
    let text = std::str::from_utf8(record).ok().filter(|t| t.is_ascii()).ok_or(RecordError::Syntax)?;
    let rest = text.strip_prefix(VERSION).ok_or(RecordError::Version)?;
    let fields = txt::fields(rest).ok_or(RecordError::Syntax)?;
    if !fields.iter().all(|field| field.starts_with("rua=") || txt::is_extension(field)) {
        return Err(RecordError::Syntax);
    }
    // R-083 rfc8460#3: a list parted by commas, which an address must write %2C; so must it "!" and ";".
    let rua = fields.iter().find_map(|field| field.strip_prefix("rua=")).ok_or(RecordError::NoAddress)?;
    let uris = rua.split(',').map(|uri| uri.trim_matches([' ', '\t']));
    let rua: Vec<String> = uris.filter(|uri| is_usable(uri)).map(str::to_owned).collect();
    if rua.is_empty() { Err(RecordError::NoAddress) } else { Ok(Record { rua }) }
}

/// R-083 rfc8460#3: two schemes are supported; others are ignored.
fn is_usable(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let plain = uri.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'!' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{'..=b'}'));
    let address = rest.split('?').next().unwrap_or_default();
    let mailbox = address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let authority = rest.strip_prefix("//").and_then(|r| r.split('/').next()).is_some_and(|host| !host.is_empty());
    plain && ((scheme.eq_ignore_ascii_case("mailto") && mailbox) || (scheme.eq_ignore_ascii_case("https") && authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rua(records: &[&str]) -> Option<Result<Vec<String>, RecordError>> {
        let octets: Vec<Vec<u8>> = records.iter().map(|r| r.as_bytes().to_vec()).collect();
        record(&octets).map(|r| r.map(|r| r.rua))
    }

    #[test]
    fn r082_r083_records() {
        // R-082 rfc8460#3, R-083 rfc8460#3
        // The examples of RFC 8460 section 3.1.
        for (text, uri) in [
            ("v=TLSRPTv1;rua=mailto:reports@example.com", "mailto:reports@example.com"),
            ("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", "https://reporting.example.com/v1/tlsrpt"),
            ("v=TLSRPTv1; x=1; rua=ftp://x/y , mailto:a%2Cb@example.com; rua=mailto:second@example.com;", "mailto:a%2Cb@example.com"),
            ("v=TLSRPTv1; rua=https://example.com/r?a=b", "https://example.com/r?a=b"),
        ] {
            assert_eq!(rua(&[text]), Some(Ok(vec![uri.to_owned()])), "{text}");
        }
        let two = rua(&["v=TLSRPTv1; rua=mailto:a@example.com,https://example.com/", "v=spf1 -all"]).unwrap().unwrap();
        assert_eq!(two, ["mailto:a@example.com", "https://example.com/"]);
        for (records, why) in [
            (&["v=TLSRPTv1; rua=mailto:a@example.com", "v=TLSRPTv1; rua=mailto:b@example.com"][..], RecordError::Several),
            (&["v=TLSRPTv1"], RecordError::Syntax),
            (&["v=TLSRPTv1; rua"], RecordError::Syntax),
            (&["v=TLSRPTv1; x=1"], RecordError::NoAddress),
            (&["v=TLSRPTv1; rua=reports@example.com"], RecordError::NoAddress),
            (&["v=TLSRPTv1; rua=http://example.com/"], RecordError::NoAddress),
            (&["v=TLSRPTv1; rua=mailto:a!10m@example.com"], RecordError::NoAddress),
            (&["v=TLSRPTv1; rua=mailto:,https://"], RecordError::NoAddress),
            (&["v=tlsrptv1; rua=mailto:a@example.com"], RecordError::Version),
        ] {
            assert_eq!(rua(records), Some(Err(why)), "{records:?}");
        }
        assert_eq!(rua(&["v=spf1 -all"]), None);
        assert_eq!(rua(&[]), None);
    }
}
