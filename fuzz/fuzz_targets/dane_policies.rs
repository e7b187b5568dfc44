//! What a zone or a policy host may say besides DANE: TXT records of MTA-STS and TLS reporting, policies, CAA.
#![no_main]

use dane::policies::caa::{self, Property};
use dane::policies::{octets, sts, tlsrpt};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    // Each line a record, as octets and in presentation form.
    let records: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').take(4).map(<[u8]>::to_vec).collect();
    let shown: Vec<Vec<u8>> = text.lines().take(4).filter_map(octets).collect();
    for records in [&records, &shown] {
        if let Some(Ok(record)) = sts::record(records) {
            assert!((1..=32).contains(&record.id.len()));
            // What is good alone is good beside other records.
            let other = [&records[..], &[b"v=spf1 -all".to_vec()]].concat();
            let begins = records.iter().filter(|r| r.starts_with(b"v=STSv1;")).count();
            assert_eq!(sts::record(&other).is_some_and(|r| r.is_ok()), begins == 1);
        }
        if let Some(Ok(record)) = tlsrpt::record(records) {
            assert!(!record.rua.is_empty());
        }
    }
    if let Ok(policy) = sts::policy(&text) {
        assert!(policy.max_age <= sts::MAX_MAX_AGE && (policy.mode == sts::Mode::None || !policy.mx.is_empty()));
        for pattern in &policy.mx {
            assert_eq!(sts::covers(pattern, &pattern.replacen('*', "mail", 1)), true, "{pattern}");
        }
        // CRLF and LF are the same.
        assert_eq!(sts::policy(&text.replace("\r\n", "\n").replace('\n', "\r\n")), Ok(policy));
    }
    let properties: Vec<Property> = text.lines().take(8).filter_map(Property::parse).collect();
    let _ = caa::issuers(&properties);
});
