//! What a zone file or an operator may write as a TLSA record, and what a DNS answer may hold.
#![no_main]

use dane::tlsa::Tlsa;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let received = Tlsa::from_rdata(bytes);
    let _ = received.usability();
    assert_eq!(received.to_string().parse::<Tlsa>().expect("what we print, we read"), received);
    if let Ok(record) = String::from_utf8_lossy(bytes).parse::<Tlsa>() {
        assert_eq!(record.to_string().parse::<Tlsa>().expect("what we print, we read"), record);
    }
});
