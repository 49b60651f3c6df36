//! What a server is asked to do.

use super::{ServeError, Token};
use crate::infer;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The port that is listened on where none is named. It has no meaning to others.
pub const DEFAULT_PORT: u16 = 8517;

/// Where temporary files may be large and need not fit into memory, as `file-hierarchy(7)` has it.
const LARGE_TEMPORARY: &str = "/var/tmp";

/// The configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// How files are scored. Its source is replaced by each upload.
    pub scoring: infer::Config,
    /// Where it listens; port 0: any free one.
    pub address: SocketAddr,
    /// What a visitor must know; needed where the address is no loopback address.
    pub token: Option<Token>,
    /// Names by which the server may be called besides its addresses, `localhost` and the machine's own name.
    pub names: Vec<String>,
    /// The folder in which the private folder for uploads is made.
    pub folder: PathBuf,
    /// What visitors may cost.
    pub limits: ServeLimits,
}

/// What visitors may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Bytes of a file.
    pub file: u64,
    /// Bytes of all uploads that are not scored yet.
    pub disk: u64,
    /// Files that are uploaded, wait or are scored at the same time.
    pub waiting: usize,
    /// Results that are kept; the oldest goes first.
    pub kept: usize,
    /// Seconds that an upload may take.
    pub seconds: u64,
}

impl Default for ServeLimits {
    /// 4 GiB a file, 16 GiB for all, 100 files, 100 results, an hour.
    fn default() -> Self {
        ServeLimits { file: 4 << 30, disk: 16 << 30, waiting: 100, kept: 100, seconds: 3600 }
    }
}

impl Config {
    /// A server for this machine alone, on its usual port.
    pub fn new(scoring: infer::Config) -> Self {
        let large = PathBuf::from(LARGE_TEMPORARY);
        // Who sets TMPDIR has a reason. The usual folder for short files often lies in memory.
        let own = std::env::var_os("TMPDIR").is_some();
        Config {
            scoring,
            address: (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
            token: None,
            names: Vec::new(),
            folder: if large.is_dir() && !own { large } else { std::env::temp_dir() },
            limits: ServeLimits::default(),
        }
    }

    /// What can be refused before anything is opened.
    pub(super) fn check(&self) -> Result<(), ServeError> {
        if !self.address.ip().is_loopback() && self.token.is_none() {
            return Err(ServeError::TokenNeeded { address: self.address });
        }
        Ok(())
    }
}
