//! Record data in presentation form.

use bytes::Bytes;
use domain::base::iana::Rtype;
use domain::base::name::ParsedName;
use domain::base::rdata::{ParseAnyRecordData, UnknownRecordData};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;

/// Wire form to presentation form; to that of RFC 3597 (`\# 2 0301`) if the type is unknown or the data is not what the type wants.
pub fn data(rtype: Rtype, wire: &Bytes) -> String {
    let mut parser = Parser::from_ref(wire);
    let known = AllRecordData::<Bytes, ParsedName<Bytes>>::parse_any_rdata(rtype, &mut parser);
    match known {
        Ok(data) if parser.remaining() == 0 && !matches!(data, AllRecordData::Unknown(_)) => data.to_string(),
        _ => UnknownRecordData::from_octets(rtype, wire.clone()).map_or_else(|_| String::new(), |data| data.to_string()),
    }
}
