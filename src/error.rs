//! The error of the stages: it joins those of the components.

use crate::dataset::Compression;
use std::path::PathBuf;

/// Why a run could not go on. Bad inputs are not here: they are data in a stage's summary.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(transparent)]
    Dataset(#[from] crate::dataset::Error),
    #[error(transparent)]
    Checkpoint(#[from] crate::checkpoint::Error),
    #[error(transparent)]
    Model(#[from] crate::model::Error),
    #[error(transparent)]
    Face(#[from] crate::face::Error),
    #[error(transparent)]
    Video(#[from] crate::video::Error),
    #[error(transparent)]
    Imaging(#[from] crate::imaging::Error),
    #[error(transparent)]
    Packed(#[from] crate::packed::Error),
    #[error(transparent)]
    PackedVideo(#[from] crate::packed::VideoError),
    #[error(transparent)]
    Metrics(#[from] crate::metrics::Error),
    /// An input path that cannot be read.
    #[error("{}: {cause}", path.display())]
    Input { path: PathBuf, cause: std::io::Error },
    /// A place that cannot be written to.
    #[error("{}: cannot write here: {cause}", path.display())]
    Output { path: PathBuf, cause: std::io::Error },
    /// A folder without anything to score.
    #[error("{}: no photographs or videos in this folder", path.display())]
    EmptyFolder { path: PathBuf },
    /// Annotation of what has no pictures to draw on.
    #[error("--annotate draws on photographs and videos given with -i; test sets are not copied")]
    AnnotateNeedsFiles,
    /// An annotated copy that would replace what it is a copy of.
    #[error("{}: the annotated copy would replace this input; give --annotate another folder", path.display())]
    AnnotateOverInput { path: PathBuf },
    /// A packed folder that was made from other files than asked for.
    #[error("{}: was packed from {packed} videos, but {asked} was asked for: give the same -c, or pack into another folder with npy-pack -s and name it with --packed", folder.display())]
    PackedCompression { folder: PathBuf, packed: String, asked: Compression },
}

/// What stages return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
