//! What `check` tells Nagios, Icinga and their kin.

use crate::text::{clean, time};
use dane::cause::{Party, Weight};
use dane::judge::Forecast;
use dane::resolver::{self, ResolverVerdict};
use dane::verdict::{Standing, Verdict};

/// The states of a service in Nagios. Not the exit codes of danelaw: there 2 is the user's mistake, here the domain's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nagios {
    /// As it should be.
    Ok,
    /// Somebody should look at it.
    Warning,
    /// Mail is in danger.
    Critical,
    /// Could not be told, also for a command line that cannot be used.
    Unknown,
}

impl Nagios {
    /// The state of one domain. What will go wrong soon is a warning.
    #[must_use]
    pub fn of(verdict: &Verdict, outlook: &[Forecast]) -> Self {
        match verdict.standing {
            Standing::Broken | Standing::Undeliverable => Nagios::Critical,
            Standing::CouldNotTell => Nagios::Unknown,
            Standing::Partial | Standing::Unprotected => Nagios::Warning,
            Standing::Protected if !outlook.is_empty() => Nagios::Warning,
            // What is odd with the machine that asks is no reason to wake the domain's operator.
            Standing::Protected if verdict.findings.iter().any(|f| f.weight >= Weight::Warning && f.party == Party::Domain) => {
                Nagios::Warning
            }
            Standing::Protected | Standing::NoMail => Nagios::Ok,
        }
    }

    /// The state of a machine's resolvers.
    #[must_use]
    pub fn of_resolvers(verdict: &ResolverVerdict) -> Self {
        match verdict.standing {
            resolver::Standing::Fails => Nagios::Critical,
            resolver::Standing::CouldNotTell => Nagios::Unknown,
            resolver::Standing::Works if verdict.findings.iter().any(|f| f.weight == Weight::Warning) => Nagios::Warning,
            resolver::Standing::Works => Nagios::Ok,
        }
    }

    /// The exit code of a plugin.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Nagios::Ok => 0,
            Nagios::Warning => 1,
            Nagios::Critical => 2,
            Nagios::Unknown => 3,
        }
    }

    /// The state of several domains: critical before warning before unknown.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let order = [Nagios::Critical, Nagios::Warning, Nagios::Unknown];
        order.into_iter().find(|state| [self, other].contains(state)).unwrap_or(Nagios::Ok)
    }

    /// One line: the state and why.
    #[must_use]
    pub fn line(self, why: &str) -> String {
        let word = match self {
            Nagios::Ok => "OK",
            Nagios::Warning => "WARNING",
            Nagios::Critical => "CRITICAL",
            Nagios::Unknown => "UNKNOWN",
        };
        // The bar begins performance data, so the text may not have one.
        format!("DANE {word} - {}", clean(why).replace('|', "/"))
    }
}

/// One line on a domain, with performance data.
#[must_use]
pub fn nagios(verdict: &Verdict, outlook: &[Forecast]) -> String {
    let count = |weight| verdict.findings.iter().filter(|f| f.weight == weight).count();
    let servers: Vec<_> = verdict.hosts.iter().flat_map(|h| &h.servers).collect();
    let deliver = servers.iter().filter(|s| s.rfc_delivers == Some(true)).count();
    let soon = outlook.first().map(|f| format!(" From {}: {}", time(f.at), f.sentence)).unwrap_or_default();
    format!(
        "{} | hosts={} servers={} delivering={deliver} errors={} warnings={} unseen={}",
        Nagios::of(verdict, outlook).line(&format!("{}{soon}", verdict.headline)),
        verdict.hosts.len(),
        servers.len(),
        count(Weight::Error),
        count(Weight::Warning),
        count(Weight::Unknown),
    )
}

#[cfg(test)]
mod tests {
    use super::Nagios::{Critical, Ok, Unknown, Warning};

    #[test]
    fn the_gravest_state_counts() {
        assert_eq!([Ok.worst(Unknown), Unknown.worst(Warning), Critical.worst(Unknown), Ok.worst(Ok)], [Unknown, Warning, Critical, Ok]);
        assert_eq!(Critical.line("a|b"), "DANE CRITICAL - a/b");
    }
}
