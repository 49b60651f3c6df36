//! What can go wrong among processes that train together.

use std::fmt;

/// Environment variables that do not say who trains with whom.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// A variable that is needed because of another one.
    #[error("{name} is not set, but {because} is: expected {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// The one that is set.
        because: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A variable with a value that it cannot have.
    #[error("{name} is {value:?}: expected {expected}")]
    Value {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it should hold.
        expected: String,
    },
}

/// Why processes cannot train together, or not any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RanksError {
    /// They did not find one another.
    #[error("rank {rank} of {size}: no meeting at {address}: {cause}")]
    NoMeeting {
        /// This process's number.
        rank: usize,
        /// How many processes there should be.
        size: usize,
        /// Where they were to meet.
        address: String,
        /// What c10d says.
        cause: String,
    },
    /// A process has ended before the others.
    #[error("rank {rank} of {size} {why}; the others cannot go on without it")]
    Lost {
        /// The process's number, counted from 0.
        rank: usize,
        /// How many processes there were.
        size: usize,
        /// Why.
        why: Loss,
    },
    /// Something failed between the processes, all of which are there.
    #[error("rank {rank} of {size}: {cause}")]
    Broken {
        /// This process's number.
        rank: usize,
        /// How many processes there are.
        size: usize,
        /// What c10d says.
        cause: String,
    },
    /// The processes do not train the same.
    #[error("rank {rank} has {what} than rank 0: all processes must be given the same files and settings")]
    Differs {
        /// The first process that differs.
        rank: usize,
        /// In what.
        what: &'static str,
    },
}

/// How a process was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It has told of an error.
    Told(String),
    /// It is silent: killed, or its machine is gone.
    Silent,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Told(error) => write!(f, "has ended: {error}"),
            Loss::Silent => f.write_str("is gone (killed, or its machine is down)"),
        }
    }
}
