//! The error of the stages: it joins those of the components.

use crate::datasets::Compression;
use std::path::PathBuf;

/// Why a run could not go on. Bad inputs are not here: they are data in a stage's summary.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A data set that cannot be listed.
    #[error(transparent)]
    Dataset(#[from] crate::datasets::Error),
    /// A weight file that cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] crate::checkpoint::Error),
    /// Weights that do not fit, or a device that is not there.
    #[error(transparent)]
    Model(#[from] crate::model::Error),
    /// A face detector that cannot be used.
    #[error(transparent)]
    Face(#[from] crate::face::Error),
    /// A video or photograph that cannot be read.
    #[error(transparent)]
    Media(#[from] crate::media::Error),
    /// A video that cannot be written.
    #[error(transparent)]
    VideoWrite(#[from] crate::video::WriteError),
    /// A frame or image that cannot be read or written.
    #[error(transparent)]
    Imaging(#[from] crate::imaging::Error),
    /// A training pair that could not be made.
    #[error(transparent)]
    Blending(#[from] crate::blending::Error),
    /// A packed folder that cannot be used.
    #[error(transparent)]
    Packed(#[from] crate::packed_faces::Error),
    /// A packed video that cannot be used.
    #[error(transparent)]
    PackedVideo(#[from] crate::packed_faces::PackedVideoError),
    /// A prepared set that cannot be used.
    #[error(transparent)]
    Prepared(#[from] crate::prepared_frames::Error),
    /// Samples that cannot be made.
    #[error(transparent)]
    Samples(#[from] crate::training_pairs::Error),
    /// A training run that cannot start or go on.
    #[error(transparent)]
    Train(Box<crate::train::TrainError>),
    /// Weights that cannot be averaged.
    #[error(transparent)]
    Average(#[from] crate::average::AverageError),
    /// Counterparts that cannot be made.
    #[error(transparent)]
    Reconstruct(#[from] crate::reconstruct::ReconstructError),
    /// A prepared set that was made with other settings than asked for.
    #[error("{}: {what} was {before} when this set was prepared, and is {now} now", path.display())]
    PreparedSettings {
        /// The record of the set.
        path: PathBuf,
        /// The setting's name.
        what: &'static str,
        /// The value with which the set was prepared.
        before: String,
        /// The value asked for now.
        now: String,
    },
    /// Scores of which no metric can be computed.
    #[error(transparent)]
    Metrics(#[from] crate::metrics::Error),
    /// An input path that cannot be read.
    #[error(transparent)]
    Input(#[from] crate::file_error::FileError),
    /// A place that cannot be written to.
    #[error("{}: cannot write here", path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// A measure of forgeries told from real videos, of files that nobody labelled.
    #[error("robustness is measured on labelled sets")]
    RobustnessNeedsLabels,
    /// No video of a set gives a face.
    #[error("no video gives a face, first {first}")]
    NothingToPerturb {
        /// The first video and why it gives none.
        first: String,
    },
    /// Annotation of what has no images to draw on.
    #[error("annotated copies are made of photographs and videos; test sets are not copied")]
    AnnotateNeedsFiles,
    /// An annotated copy that would replace what it is a copy of.
    #[error("{}: the annotated copy would replace this input", path.display())]
    AnnotateOverInput {
        /// The input's file.
        path: PathBuf,
    },
    /// A calibration that a wish to stop has cut short.
    #[error("interrupted: nothing is written")]
    CalibrateInterrupted,
    /// Scores that no border between real and fake can be fitted to.
    #[error("the {scored} tell nothing: both classes are needed, and fakes must tend to score higher")]
    NothingToCalibrate {
        /// What was scored.
        scored: &'static str,
    },
    /// A server that cannot start.
    #[error(transparent)]
    Serve(#[from] crate::serve::ServeError),
    /// An annotated copy that a wish to stop has cut short.
    #[error("the run was interrupted")]
    AnnotateInterrupted,
    /// A network that DeepfakeBench's names cannot be given to.
    #[error("{}: cannot be written for DeepfakeBench", path.display())]
    NotForBenchmark {
        /// The weight file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: crate::model::BenchmarkError,
    },
    /// None of the inputs is in the table of labels.
    #[error("{}: none of the inputs is in this table; names in it count from its folder", table.display())]
    NothingLabelled {
        /// The table.
        table: PathBuf,
    },
    /// A file that is no result, or no longer the one that was written.
    #[error(transparent)]
    ResultFile(#[from] crate::infer::evidence::ResultFileError),
    /// Records that cannot be joined.
    #[error(transparent)]
    Merge(#[from] crate::infer::merge::MergeError),
    /// Results that cannot be compared.
    #[error(transparent)]
    Compare(#[from] crate::compare::CompareError),
    /// A result that cannot be told in JSON.
    #[error("a result cannot be told in JSON")]
    ResultAsJson {
        /// Why not.
        #[source]
        cause: serde_json::Error,
    },
    /// A result whose scores are those of other weights than are to be calibrated.
    #[error("{}: its scores are those of another weight file than {}", result.display(), weights.display())]
    ResultOfOtherWeights {
        /// The result.
        result: PathBuf,
        /// The weights.
        weights: PathBuf,
    },
    /// A result of files without labels.
    #[error("{}: no labels in this result", result.display())]
    ResultWithoutLabels {
        /// The result.
        result: PathBuf,
    },
    /// A packed folder that was made from other files than asked for.
    #[error("{}: was packed from {packed} videos, but {asked} was asked for", folder.display())]
    PackedCompression {
        /// The packed folder.
        folder: PathBuf,
        /// What it was packed from.
        packed: String,
        /// What was asked for.
        asked: Compression,
    },
}

/// What stages return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a stage's loop over videos ended early.
pub(crate) enum Ended {
    /// A wish to stop: what is done stays done.
    Interrupted,
    /// The run cannot go on.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Ended::Failed(error.into())
    }
}
