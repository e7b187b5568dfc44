//! `tlsa generate --host`: records from what a server shows.

use super::{in_lab, lines, stderr, stdout};

#[test]
fn the_record_of_a_live_host_is_the_one_its_zone_publishes() {
    let made = in_lab(&["tlsa", "generate", "--host", "mx1.valid.nl", "--json"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let published = in_lab_dns(&["dns", "validate", "_25._tcp.mx1.valid.nl", "TLSA", "--json"]);
    let (made, published) = (lines(&made), lines(&published));
    let record = made[0]["zone_file"].as_str().unwrap().split("TLSA ").nth(1).unwrap().to_lowercase();
    assert_eq!(published[0]["answers"][0]["data"].as_str().unwrap().to_lowercase(), record);
    assert_eq!(made[0]["owner"], "_25._tcp.mx1.valid.nl.");
}

#[test]
fn addresses_that_differ_give_a_record_each() {
    let made = in_lab(&["tlsa", "generate", "--host", "mx1.per-address-differs.nl", "--json"]);
    assert_eq!(lines(&made).len(), 2, "{}", stderr(&made));
}

#[test]
fn a_host_that_shows_nothing_is_could_not_tell() {
    let made = in_lab(&["tlsa", "generate", "--host", "mx1.connection-refused.nl"]);
    assert_eq!(made.status.code(), Some(3));
    assert!(stderr(&made).contains("refused") && stdout(&made).is_empty(), "{}", stderr(&made));
}

/// For verbs that visit no mail server.
fn in_lab_dns(arguments: &[&str]) -> std::process::Output {
    super::in_lab_with(arguments, &super::BED.dns_options())
}
