//! Text for a person to type.

use super::change::Change;
use dane::name::fqdn;
use std::fmt::Write as _;

/// The change as lines for `nsupdate`, with the conditions that [`super::Update`] sends.
pub(crate) fn nsupdate(change: &Change) -> String {
    let owner = fqdn(&change.owner);
    let mut text = String::new();
    if change.from.is_empty() {
        let _ = write!(text, "prereq nxrrset {owner} IN TLSA\nprereq nxrrset {owner} IN CNAME\n");
    }
    for record in change.from.texts() {
        let _ = writeln!(text, "prereq yxrrset {owner} IN TLSA {record}");
    }
    let _ = writeln!(text, "update delete {owner} TLSA");
    for line in change.lines() {
        let _ = writeln!(text, "update add {line}");
    }
    text + "send\n"
}

/// What to type, for those who edit a zone file and for those who have nsupdate.
pub(crate) fn instructions(change: &Change) -> String {
    let owner = fqdn(&change.owner);
    let mut text = format!("; TLSA records of {owner}\n");
    let gone: Vec<String> = change.from.texts().filter(|text| !change.to.texts().any(|new| new == *text)).collect();
    if change.to.is_empty() {
        let _ = writeln!(text, "; Let the zone have none:");
    } else {
        let _ = writeln!(text, "; Let the zone have exactly these, and raise the serial of its SOA record:");
    }
    for line in change.lines() {
        let _ = writeln!(text, "{line}");
    }
    for record in gone {
        let _ = writeln!(text, "; remove: TLSA {record}");
    }
    let _ = write!(text, "\n; Or by nsupdate, which changes nothing if the records are no longer what they were:\n{}", nsupdate(change));
    text
}
