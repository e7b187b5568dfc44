//! The names of a test bed: `TOKEN.SCENARIO.ZONE`, and what lies below.

use crate::name::Name;
use domain::base::name::ToLabelIter;

/// What the second zone of a scenario has after the token.
const SIDE: &str = "-side";

/// What the local part of an address that messages return to begins with; the scenario follows.
const BOUNCES: &str = "bounces-";
/// The scenario whose mail domain that address is in: one that everybody can deliver to.
const HOME: &str = "valid";

/// Where a name belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Which test.
    pub token: String,
    /// Which scenario.
    pub scenario: String,
}

impl Place {
    /// The place of a name of the test bed `zone`; `None` for its apex, its own hosts, and names elsewhere.
    #[must_use]
    pub fn of(name: &Name, zone: &Name) -> Option<Self> {
        if !name.ends_with(zone) {
            return None;
        }
        let above = name.label_count().checked_sub(zone.label_count() + 2)?;
        let mut labels = name.iter_labels().skip(above);
        let mut text = || labels.next().map(|label| label.to_string().to_ascii_lowercase());
        let (token, scenario) = (text()?, text()?);
        let token = token.strip_suffix(SIDE).unwrap_or(&token).to_owned();
        Some(Self { token, scenario })
    }

    /// The place of a host's name as text, with or without a final dot.
    #[must_use]
    pub fn of_host(host: &str, zone: &Name) -> Option<Self> {
        let name = Name::from_chars(format!("{}.", host.trim_end_matches('.')).chars()).ok()?;
        Self::of(&name, zone)
    }

    /// The place of a mail address that messages are sent to.
    #[must_use]
    pub fn of_address(address: &str, zone: &Name) -> Option<Self> {
        let (local, host) = address.rsplit_once('@')?;
        if local.to_ascii_lowercase().starts_with(BOUNCES) { None } else { Self::of_host(host, zone) }
    }

    /// The place that a message returns from to this address.
    #[must_use]
    pub fn of_bounce(address: &str, zone: &Name) -> Option<Self> {
        let (local, host) = address.rsplit_once('@')?;
        let scenario = local.to_ascii_lowercase().strip_prefix(BOUNCES)?.to_owned();
        let home = Self::of_host(host, zone).filter(|home| home.scenario == HOME)?;
        Some(Self { scenario, ..home })
    }

    /// Where a message for this place is to return to: its envelope's sender. A message that is refused for good comes back there, one that
    /// waits does not, which nothing else tells apart.
    #[must_use]
    pub fn bounces(&self, zone: &Name) -> String {
        format!("{BOUNCES}{}@{}.{HOME}.{zone}", self.scenario, self.token)
    }

    /// Its zone: the mail domain of nearly all scenarios. `None` if that is too long for a name.
    #[must_use]
    pub fn zone(&self, zone: &Name) -> Option<Name> {
        self.named("", zone)
    }

    /// Its second zone.
    #[must_use]
    pub fn side(&self, zone: &Name) -> Option<Name> {
        self.named(SIDE, zone)
    }

    fn named(&self, suffix: &str, zone: &Name) -> Option<Name> {
        Name::from_chars(format!("{}{suffix}.{}.{}", self.token, self.scenario, zone.fmt_with_dot()).chars()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::name::Name;

    fn name(text: &str) -> Name {
        Name::from_chars(text.chars()).unwrap()
    }

    #[test]
    fn names_are_told_apart() {
        let zone = name("dane-test.example.");
        let place = Place { token: "k7".into(), scenario: "valid".into() };
        for text in ["k7.valid.dane-test.example.", "_25._tcp.MX1.K7.Valid.dane-test.example.", "mx1.k7-side.valid.dane-test.example."] {
            assert_eq!(Place::of(&name(text), &zone), Some(place.clone()), "{text}");
        }
        for text in ["dane-test.example.", "valid.dane-test.example.", "k7.valid.other.example.", "."] {
            assert_eq!(Place::of(&name(text), &zone), None, "{text}");
        }
        assert_eq!(place.zone(&zone), Some(name("k7.valid.dane-test.example.")));
        assert_eq!(place.side(&zone), Some(name("k7-side.valid.dane-test.example.")));
    }

    #[test]
    fn messages_return_to_an_address_of_their_own() {
        let zone = name("dane-test.example.");
        let place = Place { token: "k7".into(), scenario: "tlsa-wrong-data".into() };
        let address = place.bounces(&zone);
        assert_eq!(address, "bounces-tlsa-wrong-data@k7.valid.dane-test.example");
        assert_eq!((Place::of_bounce(&address, &zone), Place::of_address(&address, &zone)), (Some(place), None));
        for other in ["test@k7.valid.dane-test.example", "bounces-x@k7.starttls-refused.dane-test.example", "bounces-x@elsewhere.example"] {
            assert_eq!(Place::of_bounce(other, &zone), None, "{other}");
        }
    }
}
