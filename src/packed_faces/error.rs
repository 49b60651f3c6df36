//! What can be wrong with a packed folder as a whole, and with one video in it.

use std::io;
use std::path::PathBuf;

use crate::{atomic_file, npy};

/// The folder cannot be used. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be read, created or cleared.
    #[error("{}: cannot use the packed folder", path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        cause: io::Error,
    },
    /// An array of the folder cannot be read or written.
    #[error(transparent)]
    Array(#[from] npy::Error),
    /// The manifest cannot be written.
    #[error(transparent)]
    Write(#[from] atomic_file::Error),
    /// The manifest is no valid one.
    #[error("{}: expected the manifest of a packed test set: {reason}", path.display())]
    Manifest {
        /// The manifest's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest was written by a program with another format.
    #[error("{}: manifest version {found}, this program reads version {expected}", path.display())]
    Version {
        /// The manifest's file.
        path: PathBuf,
        /// The manifest's format version.
        found: u64,
        /// The version that this program reads.
        expected: u32,
    },
    /// The folder was packed with another setting.
    #[error(
        "{}: packed with {setting} {folder_has}, this run has {run_has}",
        path.display()
    )]
    Settings {
        /// The manifest's file.
        path: PathBuf,
        /// The setting's name.
        setting: &'static str,
        /// The value with which the folder was packed.
        folder_has: String,
        /// The value of this run.
        run_has: String,
    },
    /// The folder holds another video under this number.
    #[error(
        "{}: video {number} is {folder_has}, in this run {run_has}",
        path.display()
    )]
    OtherVideo {
        /// The manifest's file.
        path: PathBuf,
        /// Which video, from 1.
        number: usize,
        /// The video in the folder.
        folder_has: String,
        /// The video now.
        run_has: String,
    },
    /// The folder holds more videos than this run has.
    #[error(
        "{}: holds {folder_has} videos, this run has {run_has}",
        path.display()
    )]
    FewerVideos {
        /// The manifest's file.
        path: PathBuf,
        /// Videos in the folder.
        folder_has: usize,
        /// How many videos the test set has in this run.
        run_has: usize,
    },
    /// The folder holds arrays but no manifest.
    #[error(
        "{}: holds arrays without a manifest, which another program packed",
        path.display()
    )]
    NoManifest {
        /// The folder of packed faces.
        path: PathBuf,
    },
    /// Videos that no shard has packed.
    #[error("{}: {missing} of {of} videos are missing: {told}", path.display())]
    MissingVideos {
        /// The folder of packed faces.
        path: PathBuf,
        /// How many.
        missing: usize,
        /// How many there are.
        of: usize,
        /// Which ones.
        told: String,
    },
    /// The list of labels is empty.
    #[error("{}: expected the label of at least one video", path.display())]
    NoVideos {
        /// The list of labels, `target_list.npy`.
        path: PathBuf,
    },
    /// The list of labels holds a number that is no label.
    #[error("{}: video {number}: expected label 0 (real) or 1 (fake), found {found}", path.display())]
    Label {
        /// The list of labels, `target_list.npy`.
        path: PathBuf,
        /// Which video, from 1.
        number: usize,
        /// What stands there.
        found: i64,
    },
    /// The list of labels and the arrays beside it do not go together.
    #[error("{}: has the labels of {listed} videos, the arrays beside it end at number {last}", path.display())]
    ListLength {
        /// The list of labels, `target_list.npy`.
        path: PathBuf,
        /// Number of labels.
        listed: usize,
        /// Highest number among the arrays, 0 if there are none.
        last: usize,
    },
    /// The list of labels and the manifest do not go together.
    #[error("{}: expected labels of the {expected} videos in the manifest, found {found}", path.display())]
    ManifestLength {
        /// The list of labels, `target_list.npy`.
        path: PathBuf,
        /// Number of videos according to the manifest.
        expected: usize,
        /// Number of labels.
        found: usize,
    },
    /// The list of labels and the manifest contradict one another.
    #[error("{}: video {number} has another label in the manifest", path.display())]
    ManifestLabel {
        /// The list of labels, `target_list.npy`.
        path: PathBuf,
        /// Which video, from 1.
        number: usize,
    },
}

/// One packed video cannot be used; the others can. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum PackedVideoError {
    /// An array of the video is not there.
    #[error("{}: no such file, expected {expected}; pack the test set again to complete it", path.display())]
    MissingFile {
        /// The array file.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
    },
    /// The manifest has no entry for the video, so packing was stopped before it was done.
    #[error("{}: not packed yet, the manifest has no entry for it; pack the test set again to complete it", path.display())]
    NotPacked {
        /// The array of its faces.
        path: PathBuf,
    },
    /// An array of the video is damaged or of another kind.
    #[error(transparent)]
    Array(#[from] npy::Error),
    /// There is not one frame index per face.
    #[error("{}: expected {faces} frame indices, one per face, found {indices}", path.display())]
    IndexCount {
        /// The array of indices.
        path: PathBuf,
        /// Number of faces.
        faces: usize,
        /// Number of indices.
        indices: usize,
    },
    /// A frame index is negative.
    #[error("{}: face {face}: expected a frame index from 0, found {found}", path.display())]
    NegativeIndex {
        /// The array of indices.
        path: PathBuf,
        /// Which face, from 1.
        face: usize,
        /// What stands there.
        found: i64,
    },
    /// The array has another number of faces than the manifest says.
    #[error("{}: expected {expected} faces according to the manifest, found {found}", path.display())]
    FaceCount {
        /// The array of faces.
        path: PathBuf,
        /// Number of faces according to the manifest.
        expected: usize,
        /// Number of faces in the array.
        found: usize,
    },
}
