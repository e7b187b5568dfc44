//! One module per question asked of observations and verdicts. Pure: no input or output, no clock.
//!
//! [`Summary`] takes one domain after the other and can be merged with another, so that a survey can be shared out over machines.
//! [`Summary::tables`] gives the answers, which the `present` crate shows.
//!
//! Two views exist and every table says which it is in: what the published studies count, and what a sender does.
//! Three states exist for every server: right, wrong, and *not seen*; the last is never counted as either.
//!
//! P20: Lee et al., "A Longitudinal and Comprehensive Study of the DANE Ecosystem in Email" (2020).
//! P22: Lee et al., "Under the Hood of DANE Mismanagement in SMTP" (2022).
//! S4: "Using DNSSEC and DANE to protect email", slides on the top domains of the Web (tesmail.org, 2018).

mod adoption;
mod facts;
mod failures;
mod incorrect;
pub mod questions;
mod servers;
mod signing;
mod standing;
mod starttls;
pub mod study;
mod summary;
mod transport;
mod unseen;

pub use adoption::AdoptionRow;
pub use failures::FailureRow;
pub use incorrect::{IncorrectRow, Views};
pub use servers::WorstServer;
pub use signing::{Signing, SigningTable, ZoneSigning};
pub use standing::StandingRow;
pub use starttls::{StarttlsClass, StarttlsTable};
pub use summary::{Summary, Tables};
pub use transport::{DnssecTable, ParameterTable, PolicyTable, ProviderRow, SupportTable, TransportTables, TrustTable};
pub use unseen::UnseenRow;

use serde::{Deserialize, Serialize};

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

impl std::ops::AddAssign for Share {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.of += other.of;
    }
}

impl Share {
    /// So many of so many.
    #[must_use]
    pub fn new(count: u64, of: u64) -> Self {
        Self { count, of }
    }

    /// From 0 to 100; 0 of nothing.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn percent(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.count as f64 * 100.0 / self.of as f64 }
    }
}
