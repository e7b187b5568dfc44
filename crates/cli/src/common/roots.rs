//! Trusted roots of the Web: what usages 0 and 1, MTA-STS and plain PKIX rest on.

use crate::common::file;
use crate::exit::UsageError;
use aws_lc_rs::digest::{Context, SHA256};
use dane::Epoch;
use dane::observation::CertificateBytes;
use data_encoding::HEXLOWER;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The words that mean Mozilla's list of the day, and none.
const MOZILLA: &str = "mozilla";
const NONE: &str = "none";

/// Where trusted roots come from.
#[derive(Clone, Debug, clap::Args)]
pub struct RootsOption {
    /// Trusted roots, for MTA-STS, for certificates without DANE, and for what the studies count of usages 0 and 1 (paper_valid): a PEM file; 'mozilla': Mozilla's list of the day that is judged, 2015 to the day this program was made; 'none': nothing is said of these
    #[arg(long, value_name = "FILE|mozilla|none", default_value = MOZILLA)]
    roots: PathBuf,
}

/// Whom one trusts, and when.
pub enum Trust {
    /// Always the same roots; without any nothing is judged that needs them.
    Always(Arc<[CertificateBytes]>),
    /// Mozilla's list of the day; the last one that was wanted is at hand.
    Mozilla(Mutex<Option<roots::Store>>),
}

impl RootsOption {
    /// Whom to trust.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn trust(&self) -> Result<Trust, UsageError> {
        Ok(match self.roots.as_path() {
            path if path == Path::new(MOZILLA) => Trust::mozilla(),
            path if path == Path::new(NONE) => Trust::Always(Arc::default()),
            path => Trust::Always(file::certificates(path)?.into()),
        })
    }
}

impl Trust {
    /// Mozilla's list of the day.
    #[must_use]
    pub fn mozilla() -> Self {
        Trust::Mozilla(Mutex::default())
    }

    /// What these roots are called in the archive: the day of Mozilla's list, or `sha256:` and the digest of what a file holds. `None`: there
    /// are none.
    #[must_use]
    pub fn release(&self, moment: Epoch) -> Option<String> {
        match self {
            Trust::Always(roots) if roots.is_empty() => None,
            Trust::Always(roots) => {
                let mut hash = Context::new(&SHA256);
                roots.iter().for_each(|root| hash.update(&root.0));
                Some(format!("sha256:{}", HEXLOWER.encode(hash.finish().as_ref())))
            }
            Trust::Mozilla(_) => Some(roots::at(moment).release.to_owned()),
        }
    }

    /// The roots of this moment.
    #[must_use]
    pub fn at(&self, moment: Epoch) -> Arc<[CertificateBytes]> {
        match self {
            Trust::Always(roots) => Arc::clone(roots),
            Trust::Mozilla(last) => Self::of_day(last, moment, |store| Arc::clone(&store.certificates)),
        }
    }

    /// The time around this moment in which they are the same: from, and until before.
    #[must_use]
    pub fn holds(&self, moment: Epoch) -> Range<Epoch> {
        match self {
            Trust::Always(_) => Epoch::MIN..Epoch::MAX,
            Trust::Mozilla(last) => Self::of_day(last, moment, |store| {
                // Before the first list, that one serves.
                let since = if moment < store.since { Epoch::MIN } else { store.since };
                since..store.until.unwrap_or(Epoch::MAX)
            }),
        }
    }

    fn of_day<T>(last: &Mutex<Option<roots::Store>>, moment: Epoch, get: impl Fn(&roots::Store) -> T) -> T {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let store = last.take().filter(|store| store.covers(moment)).unwrap_or_else(|| roots::at(moment));
        get(last.insert(store))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_that_of_the_day() {
        let trust = Trust::mozilla();
        // 2018-07-01, 2024-01-01, and back.
        for moment in [1_530_403_200, 1_704_067_200, 1_704_067_201, 1_530_403_200] {
            assert_eq!(trust.at(moment), roots::at(moment).certificates);
        }
        assert_ne!(trust.at(1_530_403_200), trust.at(1_704_067_200));
        assert!(Trust::Always(Arc::default()).at(0).is_empty());
    }

    #[test]
    fn a_list_holds_until_the_next() {
        let trust = Trust::mozilla();
        // 2018-07-01, 2024-01-01, and before the first and after the last list.
        for moment in [1_530_403_200, 1_704_067_200, 0, 32_503_680_000] {
            let holds = trust.holds(moment);
            assert!(holds.contains(&moment));
            let same = |moment| trust.at(moment) == roots::at(moment).certificates && trust.holds(moment) == holds;
            assert!(same(holds.end - 1) || holds.end == Epoch::MAX);
            assert!(holds.end == Epoch::MAX || trust.holds(holds.end).start == holds.end);
        }
    }
}
