//! The names of a test bed: `TOKEN.SCENARIO.ZONE`, and what lies below.

use crate::name::Name;
use domain::base::name::ToLabelIter;

/// What the second zone of a scenario has after the token.
const SIDE: &str = "-side";

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

    /// The place of a mail address.
    #[must_use]
    pub fn of_address(address: &str, zone: &Name) -> Option<Self> {
        Self::of_host(address.rsplit_once('@')?.1, zone)
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
}
