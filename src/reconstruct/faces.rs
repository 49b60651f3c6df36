//! The faces of prepared sets, each in its aligned square.

use super::config::PreparedSet;
use crate::Result;
use crate::causes::with_causes;
use crate::face::aligned_square;
use crate::imaging::{Similarity, cut_square};
use crate::prepared_frames::{FrameFiles, PreparedVideos, VideoFolders};
use crate::training_pairs;
use crate::types::RgbImage;
use std::path::PathBuf;

/// A frame that got no counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The frame's file.
    pub path: PathBuf,
    /// Why there is none, as a sentence that names the file.
    pub reason: String,
}

/// The frames of a set.
pub struct SetFrames {
    /// The set's folder.
    pub folder: PathBuf,
    /// Frames with a landmark file, sorted by video, then by frame.
    pub frames: Vec<FrameFiles>,
    /// How many have none.
    pub without_landmarks: usize,
}

impl SetFrames {
    /// Lists the frames of a set.
    ///
    /// Fails when nothing is prepared, or a folder cannot be read.
    pub fn list(prepared: &PreparedSet) -> Result<SetFrames> {
        let PreparedSet { folder, set } = prepared;
        let mut frames = Vec::new();
        let videos = PreparedVideos::open(folder)?;
        for name in videos.names() {
            frames.extend(videos.frames(name)?);
        }
        if frames.is_empty() {
            let folder = VideoFolders::all_frames(folder);
            return Err(training_pairs::Error::NotPrepared { folder, set: set.clone() }.into());
        }
        let all = frames.len();
        frames.retain(FrameFiles::has_landmarks);
        Ok(SetFrames { folder: folder.clone(), without_landmarks: all - frames.len(), frames })
    }
}

/// A frame with the place of its face.
pub struct FaceFrame {
    /// The whole frame.
    pub image: RgbImage,
    /// From the aligned square to the frame.
    pub frame_from_square: Similarity,
}

impl FaceFrame {
    /// Reads a frame and aligns its largest face to a square of `side` pixels.
    ///
    /// Fails when a file cannot be read, or the landmarks are no face's.
    pub fn read(files: &FrameFiles, side: usize) -> Result<FaceFrame, Failure> {
        let failure = |reason: String| Failure { path: files.frame.clone(), reason };
        let frame_from_square = place(files, side)?;
        let image = files.read_frame().map_err(|error| failure(with_causes(&error)))?;
        Ok(FaceFrame { image, frame_from_square })
    }

    /// The aligned face, `side` x `side`.
    pub fn square(&self, side: usize) -> RgbImage {
        cut_square(&self.image, &self.frame_from_square, side)
    }
}

/// Where the largest face of a frame lies: the map from its aligned square.
pub fn place(files: &FrameFiles, side: usize) -> Result<Similarity, Failure> {
    let failure = |reason: String| Failure { path: files.frame.clone(), reason };
    let landmarks = files.read_landmarks().map_err(|error| failure(with_causes(&error)))?;
    // The first face is the largest, and a landmark file has one.
    aligned_square(&landmarks[0], side)
        .ok_or_else(|| failure(format!("{}: the landmarks are no face's", files.landmarks.display())))
}
