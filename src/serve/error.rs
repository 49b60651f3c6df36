//! Why a server cannot start.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address that cannot be listened at.
    #[error("{address}: cannot listen here")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// An address that others can reach, without anything that keeps them out.
    #[error("{address}: others can reach this address, so a token is needed")]
    TokenNeeded {
        /// The address.
        address: SocketAddr,
    },
    /// A token that can be guessed.
    #[error(
        "a token of {found} characters can be guessed, expected at least {needed}: letters, digits, - . _ ~"
    )]
    WeakToken {
        /// Its usable characters.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Uploads that could be kept from nobody, or not at all.
    #[error("{}: no private folder for uploads can be made here", path.display())]
    Folder {
        /// Where it was to be.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// No randomness, no threads, no timers.
    #[error("the operating system does not give what a server needs")]
    System {
        /// Its reason.
        #[source]
        cause: std::io::Error,
    },
}
