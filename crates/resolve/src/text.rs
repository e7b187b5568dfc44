//! Record data in presentation form.

use bytes::Bytes;
use domain::base::iana::Rtype;
use domain::base::name::ParsedName;
use domain::base::rdata::ParseAnyRecordData;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;
use std::fmt::Write as _;

/// Wire form to presentation form; to that of RFC 3597 (`\# 2 0301`) if the type is unknown or the data is not what the type wants.
// R-047 rfc3597#5, R-128 rfc3597#5
pub fn data(rtype: Rtype, wire: &Bytes) -> String {
    if rtype == Rtype::TLSA {
        // Numbers and lower-case hexadecimal, in one piece. (RFC 6698 section 2.2)
        return tlsa(wire).unwrap_or_else(|| unknown(wire));
    }
    let mut parser = Parser::from_ref(wire);
    let known = AllRecordData::<Bytes, ParsedName<Bytes>>::parse_any_rdata(rtype, &mut parser);
    match known {
        Ok(data) if parser.remaining() == 0 && !matches!(data, AllRecordData::Unknown(_)) => {
            data.display_zonefile(DisplayKind::Simple).to_string()
        }
        _ => unknown(wire),
    }
}

fn tlsa(wire: &[u8]) -> Option<String> {
    let (numbers, association) = wire.split_first_chunk::<3>()?;
    let [usage, selector, matching] = numbers;
    // Without association data there is no presentation form that could be read back.
    (!association.is_empty()).then(|| format!("{usage} {selector} {matching} {}", hex(association)))
}

fn unknown(wire: &[u8]) -> String {
    format!("\\# {} {}", wire.len(), hex(wire)).trim_end().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(rtype: Rtype, wire: &'static [u8]) -> String {
        data(rtype, &Bytes::from_static(wire))
    }

    /// R-047 rfc3597#5, R-128: the forms that zone files have.
    #[test]
    fn known_unknown_and_broken_data() {
        assert_eq!(show(Rtype::A, &[192, 0, 2, 1]), "192.0.2.1");
        assert_eq!(show(Rtype::MX, b"\x00\x0a\x02mx\x00"), "10 mx.");
        assert_eq!(show(Rtype::TLSA, &[3, 1, 1, 0xAB, 0xCD]), "3 1 1 abcd");
        assert_eq!(show(Rtype::from_int(65500), &[1, 2, 0xfe]), "\\# 3 0102fe");
        assert_eq!(show(Rtype::A, &[192, 0, 2]), "\\# 3 c00002");
        assert_eq!(show(Rtype::MX, b"\x00\x0a\x02mx"), "\\# 5 000a026d78");
        assert_eq!(show(Rtype::TLSA, &[3, 1]), "\\# 2 0301");
        assert_eq!(show(Rtype::from_int(65500), &[]), "\\# 0");
    }
}
