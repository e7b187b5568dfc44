//! Mozilla's root certificates, of any day since 2015: who trusts public CAs trusted these then.
//!
//! The data come from the releases of certifi, which are Mozilla's list for TLS servers on their day; `cargo xtask roots` makes the file
//! anew. What a certificate may be used for beyond that (name constraints, dates of distrust) is not in it.

use dane::Epoch;
use dane::observation::CertificateBytes;
use data_encoding::BASE64;
use std::sync::Arc;

/// One line a release: `release`, its version, its day as seconds since 1970. One line a root: `root`, the numbers of the releases that have it
/// (`0-12,15-20`), its DER in base64.
const DATA: &str = include_str!("../data/mozilla.txt");

/// The list of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Version of the release: its day, `2026.10.18`.
    pub release: &'static str,
    /// When it was released.
    pub since: Epoch,
    /// When the next one was released; the last known one has none.
    pub until: Option<Epoch>,
    /// The roots.
    pub certificates: Arc<[CertificateBytes]>,
}

impl Store {
    /// Whether this is the list of this moment, too.
    #[must_use]
    pub fn covers(&self, moment: Epoch) -> bool {
        self.since <= moment && self.until.is_none_or(|until| moment < until)
    }
}

/// The list of this moment: of the last release before it, or of the first one if there is none.
#[must_use]
pub fn at(moment: Epoch) -> Store {
    let releases: Vec<(&str, Epoch)> = DATA.lines().filter_map(release).collect();
    let number = releases.partition_point(|(_, since)| *since <= moment).saturating_sub(1);
    let (release, since) = releases.get(number).copied().unwrap_or(("none", 0));
    let until = releases.get(number + 1).map(|(_, next)| *next);
    Store { release, since, until, certificates: DATA.lines().filter_map(|line| root(line, number)).collect() }
}

fn release(line: &str) -> Option<(&str, Epoch)> {
    let mut words = line.strip_prefix("release ")?.split(' ');
    Some((words.next()?, words.next()?.parse().ok()?))
}

/// The root of this line, if the release has it.
fn root(line: &str, release: usize) -> Option<CertificateBytes> {
    let (releases, der) = line.strip_prefix("root ")?.split_once(' ')?;
    let has = |range: &str| {
        let (first, last) = range.split_once('-')?;
        Some((first.parse().ok()?..=last.parse().ok()?).contains(&release))
    };
    releases
        .split(',')
        .any(|range| has(range) == Some(true))
        .then(|| BASE64.decode(der.as_bytes()).ok())?
        .map(|der| CertificateBytes(der.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dane::cert::Certificate;

    /// Whether the list of this moment has a root with this in its subject.
    fn has(moment: Epoch, name: &str) -> bool {
        at(moment).certificates.iter().any(|c| Certificate::parse(&c.0).unwrap().subject().contains(name))
    }

    /// Days that everybody can look up: Mozilla took ISRG Root X1 in 2016 (NSS 3.26), ISRG Root X2 in 2022; it removed StartCom in 2017
    /// (NSS 3.34), DST Root CA X3 after its end in 2021, and Symantec's last roots in 2020 and 2021.
    #[test]
    fn the_roots_of_a_day_are_those_of_that_day() {
        const Y2015: Epoch = 1_435_708_800;
        const Y2018: Epoch = 1_530_403_200;
        const Y2020: Epoch = 1_577_836_800;
        const Y2024: Epoch = 1_704_067_200;
        assert!(!has(Y2015, "ISRG Root X1") && has(Y2018, "ISRG Root X1") && has(Y2024, "ISRG Root X1"));
        assert!(!has(Y2020, "ISRG Root X2") && has(Y2024, "ISRG Root X2"));
        assert!(has(Y2015, "StartCom") && !has(Y2018, "StartCom"));
        assert!(has(Y2020, "DST Root CA X3") && !has(Y2024, "DST Root CA X3"));
        assert!(has(Y2015, "VeriSign") && !has(Y2024, "VeriSign"));
    }

    #[test]
    fn every_list_is_whole() {
        for line in DATA.lines() {
            assert!(line.starts_with('#') || release(line).is_some() || line.starts_with("root "), "{line}");
        }
        let releases: Vec<_> = DATA.lines().filter_map(release).collect();
        assert!(releases.len() > 50 && releases.is_sorted_by_key(|(_, since)| *since));
        for (place, (version, since)) in releases.iter().copied().enumerate() {
            // Of several on one day the last counts.
            if releases.get(place + 1).is_some_and(|(_, next)| *next == since) {
                continue;
            }
            let store = at(since);
            assert_eq!((store.release, store.since, store.covers(since)), (version, since, true));
            assert!((100..250).contains(&store.certificates.len()), "{version}: {}", store.certificates.len());
            assert!(store.certificates.iter().all(|c| Certificate::parse(&c.0).is_ok()), "{version}");
        }
        assert_eq!(at(0).release, at(1_400_000_000).release, "before the first");
    }
}
