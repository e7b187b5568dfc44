//! What a zone file may be: every line names a domain, says why it names none, or is passed over.
#![no_main]

use archive::import::zone_file::{ZoneFile, is_zone_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut zone = ZoneFile::default();
    for line in text.lines() {
        is_zone_file(line);
        if let Some(Ok(name)) = zone.line(line) {
            assert!(!name.is_root());
        }
    }
});
