//! Why weights cannot be averaged.

use crate::checkpoint::Mismatch;
use std::path::PathBuf;

/// Why weights cannot be averaged.
#[derive(Debug, thiserror::Error)]
pub enum AverageError {
    /// Fewer than two files.
    #[error("an average needs two weight files or more")]
    TooFew,
    /// Weights of another network.
    #[error("{}: holds {found}, {} holds {expected}; only weights of one network can be averaged", path.display(), first.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// Its network.
        found: String,
        /// The first file.
        first: PathBuf,
        /// The network of the first file.
        expected: String,
    },
    /// Tensors of other names or shapes.
    #[error("{}: holds another network than {}", path.display(), first.display())]
    OtherShapes {
        /// The file.
        path: PathBuf,
        /// The first file.
        first: PathBuf,
        /// All differences.
        #[source]
        cause: Box<Mismatch>,
    },
    /// A network that takes other images.
    #[error("{}: {key} is {found}, in {} it is {expected}; only weights for the same images can be averaged", path.display(), first.display())]
    OtherInput {
        /// The file.
        path: PathBuf,
        /// The metadata's key.
        key: &'static str,
        /// Its value in the file.
        found: String,
        /// The first file.
        first: PathBuf,
        /// Its value there.
        expected: String,
    },
}
