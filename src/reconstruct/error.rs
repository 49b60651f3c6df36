//! Why a run cannot go on.

use crate::model::autoencoder::DesignError;
use std::path::PathBuf;

/// Why no counterparts can be made.
#[derive(Debug, thiserror::Error)]
pub enum ReconstructError {
    /// A name that is none of a folder.
    #[error("{name:?} cannot be the name of counterparts: expected that of a folder")]
    Name {
        /// The name.
        name: String,
    },
    /// A design that cannot be built.
    #[error("the autoencoder's design")]
    Design(#[from] DesignError),
    /// No frame has usable landmarks.
    #[error("none of {frames} frames shows a face that can be learned{}", first.as_ref().map(|first| format!("; first {first}")).unwrap_or_default())]
    NoFaces {
        /// Frames looked at.
        frames: usize,
        /// Why the first frame that has landmarks gives none.
        first: Option<String>,
    },
    /// A folder with counterparts that are none of this program's.
    #[error("{}: counterparts by another program are here, which are left alone; choose another name", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// Counterparts of this name were made otherwise.
    #[error("{}: {what} was {before} when this network was trained, and is {now} now", path.display())]
    OtherSettings {
        /// The network's file.
        path: PathBuf,
        /// The setting's name.
        what: &'static str,
        /// The value with which it was trained.
        before: String,
        /// The value asked for now.
        now: String,
    },
    /// Two sets have counterparts of one name by different networks.
    #[error("{} and {} are different networks under one name", one.display(), other.display())]
    OtherNetwork {
        /// One set's network.
        one: PathBuf,
        /// The other's.
        other: PathBuf,
    },
    /// A network's file without what is known of every one of ours.
    #[error("{}: its metadata lack {what}: not written by `reconstruct`, or damaged", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// A loss that is no number.
    #[error("step {step}: the loss is not finite; nothing is kept of this training since the last save")]
    NotFinite {
        /// The step, counted from 1.
        step: usize,
    },
}
