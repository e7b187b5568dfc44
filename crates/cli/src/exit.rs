//! Exit codes: a contract. 0 good, 1 bad, 2 usage or input error, 3 could not tell; over several items the first of 2, 1, 3, 0.

use std::process::ExitCode;

/// What became of one item, or of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The verdict is positive.
    Good,
    /// The verdict is negative.
    Bad,
    /// What we were given cannot be used.
    Usage,
    /// Unusable or indeterminate: could not tell.
    Unknown,
}

impl Exit {
    fn rank(self) -> u8 {
        match self {
            Exit::Good => 0,
            Exit::Unknown => 1,
            Exit::Bad => 2,
            Exit::Usage => 3,
        }
    }

    /// The exit of a run over several items.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Good => 0,
            Exit::Bad => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
        })
    }
}

/// One line for the user: what, where, remedy. Always exit 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

impl UsageError {
    /// An error from anything that prints.
    pub fn new(message: impl std::fmt::Display) -> Self {
        Self(message.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::{Bad, Good, Unknown, Usage};

    #[test]
    fn the_first_of_2_1_3_0_wins() {
        assert_eq!(Good.worst(Unknown), Unknown);
        assert_eq!(Unknown.worst(Bad), Bad);
        assert_eq!(Bad.worst(Unknown), Bad);
        assert_eq!(Bad.worst(Usage), Usage);
        assert_eq!(Usage.worst(Good), Usage);
    }
}
