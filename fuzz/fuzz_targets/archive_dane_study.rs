//! What a line of other people's data may be. The first octet chooses: all the rest is the line, or it is the DNS response in a good one.
#![no_main]

use archive::import::dane_study::{Line, Parser, Reader};
use data_encoding::BASE64;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    if choice % 2 == 0 {
        let one = Parser::new().line(rest.trim_ascii());
        // The reader says the same of the same line, and numbers what it passes over.
        let lines: Vec<Line> = Reader::new(rest, &mut Parser::new()).collect();
        if !rest.contains(&b'\n') && !rest.trim_ascii().is_empty() {
            match (one, &lines[..]) {
                (Ok(row), [Line::Row(read)]) => assert_eq!(row, **read),
                (Err(reason), [Line::Bad(bad)]) => assert_eq!((reason, 1), (bad.reason, bad.number)),
                other => panic!("{other:?}"),
            }
        }
    } else {
        let line = format!(
            r#"{{"domain":"mx.example.","port":"25","time":"20191031 9","city":"x","tlsa":{{"dnssec":"Secure","record_raw":"{}"}},"starttls":{{"why_fail":"NoData"}}}}"#,
            BASE64.encode(rest)
        );
        if let Ok(row) = Parser::new().line(line.as_bytes()) {
            let tlsa = row.tlsa.expect("the line has a set");
            assert!(!tlsa.records.is_empty() && (tlsa.signed || tlsa.original_ttl.is_none()));
        }
    }
});
