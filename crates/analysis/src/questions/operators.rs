//! Who runs a host.

use crate::study::Study;
use archive::states::model::{Id, MxSetId};
use dane::name::parse_domain;
use dane::suffix;
use std::collections::HashMap;

/// The registrable domain of a host's name, by what registries delegate ([`dane::suffix`] dates the list): whose mail server it is. A name that has
/// none stands for itself.
#[must_use]
pub fn operator(host: &str) -> String {
    let found = parse_domain(host).ok().and_then(|name| suffix::operator(&name));
    found.map_or_else(|| host.to_owned(), |name| name.to_string().to_ascii_lowercase())
}

/// Operators by number, each host asked for once.
#[derive(Debug, Default)]
pub struct Operators {
    by_host: HashMap<Box<str>, u32>,
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Operators {
    /// The number of a host's operator.
    pub fn of(&mut self, host: &str) -> u32 {
        if let Some(number) = self.by_host.get(host) {
            return *number;
        }
        let name = operator(host);
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(name.clone()).or_insert(next);
        if number == next {
            self.names.push(name);
        }
        self.by_host.insert(host.into(), number);
        number
    }

    /// The operator of a domain's mail: that of its preferred host, and of hosts of equal preference the first by name. `None`: it takes no mail.
    pub fn of_mail(&mut self, study: &Study<'_>, set: MxSetId) -> Option<u32> {
        let (_, host) = study.content.mx_sets.get(set.index())?.hosts.first()?;
        Some(self.of(host))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }
}
