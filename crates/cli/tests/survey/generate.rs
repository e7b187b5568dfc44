//! `tlsa generate --host`: records from what a server shows.

use super::{BED, in_lab_with, lines, stderr, stdout};
use std::process::Output;

/// The options of whoever visits one host.
fn generate(host: &str) -> Output {
    let smtp_port = BED.lab.config().smtp_port.to_string();
    let visit = ["--allow-private", "--smtp-timeout", "4", "--connect-port", &smtp_port].map(str::to_owned);
    in_lab_with(&["tlsa", "generate", "--host", host, "--json"], &[&BED.dns_options()[..], &visit].concat())
}

#[test]
fn the_record_of_a_live_host_is_the_one_its_zone_publishes() {
    let made = generate("mx1.valid.nl");
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let published = in_lab_with(&["dns", "validate", "_25._tcp.mx1.valid.nl", "TLSA", "--json"], &BED.dns_options());
    let (made, published) = (lines(&made), lines(&published));
    let record = made[0]["zone_file"].as_str().unwrap().split("TLSA ").nth(1).unwrap().to_lowercase();
    assert_eq!(published[0]["answers"][0]["data"].as_str().unwrap().to_lowercase(), record);
    assert_eq!(made[0]["owner"], "_25._tcp.mx1.valid.nl.");
}

#[test]
fn addresses_that_differ_give_a_record_each() {
    let made = generate("mx1.per-address-differs.nl");
    assert_eq!(lines(&made).len(), 2, "{}", stderr(&made));
}

#[test]
fn a_host_that_shows_nothing_of_use_is_could_not_tell_and_says_why() {
    for (host, why) in [
        ("mx1.connection-refused.nl", "refused"),
        // The issuer's certificate, which comes second, must not be taken for the server's.
        ("mx1.garbage-certificate.nl", "certificate"),
        ("mx1.key-not-proven.nl", "key"),
    ] {
        let made = generate(host);
        assert_eq!(made.status.code(), Some(3), "{host}: {}", stdout(&made));
        assert!(stderr(&made).contains(why) && stdout(&made).is_empty(), "{host}: {}", stderr(&made));
    }
}
