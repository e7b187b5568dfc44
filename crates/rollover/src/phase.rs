//! The phases of one key's life, and the steps between them. A step consumes the phase and a proof; without the proof it cannot be written.
//!
//! ```text
//!             Made             Everywhere            Settled + Sound
//! Preparing ────────► Publishing ────────► Settling ────────────────► Ready ◄──┐ steady: a renewal may
//!     ▲                  ▲  ▲  ▲               │ Disagreement           │ │     │ take the next key at
//!     │                  │  │  └───────────────┘                        │ │     │ any moment
//!     │ Withdrawn        │  └───────────────────────────────────────────┘ │     │
//!     │                  │           Disagreement             Appeared    ▼     │ Absent
//! Withdrawing ◄────── Retiring ◄──────────────────────────────────── Switching ─┘
//!              Retired   │  ▲              Switched                  │    ▲
//!              + Sound   │  └── (records of both keys are published) ┘    │
//!                        └────────────────────────────────────────────────┘ Appeared (the old key)
//! ```
//! *Disagreement* leads from Settling, Ready, Switching and Retiring back to Publishing, where the current key is the goal again: its
//! record is in every set that is held. (R-106)

use crate::key::Key;
use crate::proof::{Absent, Appeared, Consent, Disagreement, Everywhere, Made, Retired, Settled, Sound, Switched, Withdrawn};
use serde::{Deserialize, Serialize};

macro_rules! phases {
    ($($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident $(, $(#[$second_doc:meta])* $second:ident)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name {
                $(#[$first_doc])*
                pub $first: Key,
                $($(#[$second_doc])* pub $second: Key,)?
            }
        )*

        /// Where a key's life stands.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "phase", rename_all = "lowercase")]
        pub enum Phase {
            $($(#[$doc])* $name($name),)*
        }

        $(impl From<$name> for Phase {
            fn from(phase: $name) -> Self {
                Self::$name(phase)
            }
        })*
    };
}

phases! {
    /// There is no next key yet.
    Preparing {
        /// In use.
        current
    }
    /// The next key's record is on its way to the authoritative servers.
    Publishing {
        /// In use.
        current,
        /// To come.
        next
    }
    /// Every server has it; caches may not.
    Settling {
        /// In use.
        current,
        /// To come.
        next
    }
    /// Everybody has it: the steady state. The next key may be deployed at any moment.
    Ready {
        /// In use.
        current,
        /// To come.
        next
    }
    /// Some address shows the next key.
    Switching {
        /// In use until now.
        current,
        /// In use from now on.
        next
    }
    /// Every address shows the new key; the old one's record stays until nobody can need it.
    Retiring {
        /// No more in use.
        old,
        /// In use.
        current
    }
    /// The old key's record is on its way out.
    Withdrawing {
        /// No more in use.
        old,
        /// In use.
        current
    }
}

impl Preparing {
    /// The next key exists, so its record can be published.
    #[must_use]
    pub fn made(self, next: Key, _: Made) -> Publishing {
        Publishing { current: self.current, next }
    }
}

impl Publishing {
    /// R-092: time begins to run.
    #[must_use]
    pub fn seen(self, _: Everywhere) -> Settling {
        Settling { current: self.current, next: self.next }
    }

    /// R-105: the operator wants the next key now.
    #[must_use]
    pub fn forced(self, _: Consent, _: Appeared) -> Switching {
        Switching { current: self.current, next: self.next }
    }
}

impl Settling {
    /// R-091: deploying is allowed from here on.
    #[must_use]
    pub fn settled(self, _: Settled, _: Sound) -> Ready {
        Ready { current: self.current, next: self.next }
    }

    /// R-106
    #[must_use]
    pub fn lost(self, _: Disagreement) -> Publishing {
        Publishing { current: self.current, next: self.next }
    }

    /// R-105: the operator wants the next key now.
    #[must_use]
    pub fn forced(self, _: Consent, _: Appeared) -> Switching {
        Switching { current: self.current, next: self.next }
    }
}

impl Ready {
    /// Somebody deploys.
    #[must_use]
    pub fn appeared(self, _: Appeared) -> Switching {
        Switching { current: self.current, next: self.next }
    }

    /// R-106
    #[must_use]
    pub fn lost(self, _: Disagreement) -> Publishing {
        Publishing { current: self.current, next: self.next }
    }
}

impl Switching {
    /// All have it.
    #[must_use]
    pub fn switched(self, _: Switched) -> Retiring {
        Retiring { old: self.current, current: self.next }
    }

    /// Somebody went back.
    #[must_use]
    pub fn undone(self, _: Absent) -> Ready {
        Ready { current: self.current, next: self.next }
    }

    /// R-106
    #[must_use]
    pub fn lost(self, _: Disagreement) -> Publishing {
        Publishing { current: self.current, next: self.next }
    }
}

impl Retiring {
    /// R-093
    #[must_use]
    pub fn retired(self, _: Retired, _: Sound) -> Withdrawing {
        Withdrawing { old: self.old, current: self.current }
    }

    /// R-105: a key that others have is withdrawn as soon as no server shows it.
    #[must_use]
    pub fn dropped(self, _: Absent) -> Withdrawing {
        Withdrawing { old: self.old, current: self.current }
    }

    /// The old key is shown again.
    #[must_use]
    pub fn returned(self, _: Appeared) -> Switching {
        Switching { current: self.old, next: self.current }
    }

    /// R-106
    #[must_use]
    pub fn lost(self, _: Disagreement) -> Publishing {
        Publishing { current: self.old, next: self.current }
    }
}

impl Withdrawing {
    /// Done; the next life begins.
    #[must_use]
    pub fn withdrawn(self, _: Withdrawn) -> Preparing {
        Preparing { current: self.current }
    }
}

impl Phase {
    /// The keys whose records belong into the RRset, the one in use first.
    #[must_use]
    pub fn keys(&self) -> Vec<&Key> {
        match self {
            Self::Preparing(Preparing { current }) | Self::Withdrawing(Withdrawing { current, .. }) => vec![current],
            Self::Publishing(Publishing { current, next })
            | Self::Settling(Settling { current, next })
            | Self::Ready(Ready { current, next })
            | Self::Switching(Switching { current, next }) => vec![current, next],
            Self::Retiring(Retiring { old, current }) => vec![current, old],
        }
    }

    /// One word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Preparing(_) => "preparing",
            Self::Publishing(_) => "publishing",
            Self::Settling(_) => "settling",
            Self::Ready(_) => "ready",
            Self::Switching(_) => "switching",
            Self::Retiring(_) => "retiring",
            Self::Withdrawing(_) => "withdrawing",
        }
    }
}
