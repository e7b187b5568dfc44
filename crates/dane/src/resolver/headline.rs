//! The verdict in one sentence.

use super::{ResolverFinding, ServerReport, Standing, Trouble};
use crate::cause::Weight;

pub(super) fn headline(standing: Standing, servers: &[ServerReport], findings: &[ResolverFinding]) -> String {
    let first = findings.first().map(|f| f.trouble);
    match standing {
        Standing::Works => {
            let who = match servers {
                [one] => format!("The name server {} validates", one.server.ip()),
                many => format!("All {} name servers validate", many.len()),
            };
            let through = if servers.iter().all(|s| s.tlsa == Some(true) && s.long == Some(true)) {
                ", and TLSA records and long answers get through: mail servers on this machine can do DANE"
            } else {
                ": as far as could be seen, mail servers on this machine can do DANE"
            };
            let but = if findings.iter().any(|f| f.weight == Weight::Warning) { "; see what is doubtful" } else { "" };
            format!("{who}{through}{but}.")
        }
        Standing::Fails => format!("Mail servers on this machine cannot rely on DANE: {}.", first.map_or("", wrong)),
        Standing::CouldNotTell => {
            let why = if servers.iter().any(|s| s.answers) { "a part of it has no clear answer" } else { "no name server answers" };
            format!("Whether mail servers on this machine can do DANE could not be told: {why}.")
        }
    }
}

/// What the gravest finding comes to.
fn wrong(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::NoDnssec => "the resolver leaves out signatures, so TLSA records count for nothing",
        Trouble::NotValidating => "the resolver does not validate, so TLSA records count for nothing",
        Trouble::AdWithheld => "the resolver does not say that it has validated, so TLSA records count for nothing",
        Trouble::ServersDiffer => "not every resolver validates",
        Trouble::TlsaFiltered => "TLSA records do not get through, so mail to hosts that have them waits",
        Trouble::TcpRefused | Trouble::LongLost | Trouble::TruncationHidden => "long answers do not get through",
        Trouble::Remote => "the resolver is across the Internet, where anybody on the way can forge its answers",
        _ => "see the findings",
    }
}
