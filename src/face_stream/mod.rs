//! The faces of many inputs as one stream of events, whether they come from videos or from a packed test set.
//!
//! For each input, in order, there are its frames, each with the crops of its faces, and then its end, which says what
//! became of it. Whoever scores, packs or perturbs faces consumes this stream and need not know its source.
//!
//! The face detector gets as many frames at once as it likes best, of one video or of several: a folder of photographs
//! is not looked at one by one. A bad input ends with its reason, and the next one goes on. Memory is bounded whatever
//! the length of a video or a list: a batch of frames and the crops of one of them wait here, a few frames per video in
//! the decoders.

mod crops;
mod packed;
mod videos;
mod watch;

pub use watch::{FramePlans, OnFrame, Seen};

use crate::face::{Error, FaceCrop, FaceDetector};
use crate::media::Decodings;
use crate::packed_faces::PackedVideo;
use crate::persons::FaceLooks;
use crate::progress::Cancel;
use crate::types::VideoStatus;

/// Files of single crops that may be under way.
const CROP_FILES: usize = 8;

/// The face crops of one frame.
#[derive(Clone, Debug)]
pub struct FrameFaces {
    /// Index of the frame in its video, from 0.
    pub frame: usize,
    /// In the face detector's order; may be empty.
    pub crops: Vec<FaceCrop>,
    /// For each crop its preliminary person, where persons are followed; else empty.
    pub persons: Vec<usize>,
}

/// What became of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct InputEnd {
    /// How the reading went.
    pub status: VideoStatus,
    /// How many frames were to be looked at: of a short video all, not as many as were asked for.
    pub frames_wanted: usize,
    /// How many frames were looked at.
    pub frames_decoded: usize,
    /// How many of these show a face.
    pub frames_with_face: usize,
    /// How many faces stand for the input: those that were handed on, or none where they cannot be trusted because a
    /// packed array broke off.
    pub faces: usize,
    /// What went wrong, in words for people; `None` if nothing did.
    pub note: Option<String>,
    /// What should be known although nothing went wrong, in words for people.
    pub remarks: Vec<String>,
    /// What persons are made of, where they are followed.
    pub seen: Option<Box<Seen>>,
}

/// What comes out of a list of inputs, in their order. `input` is a position in that list, from 0.
#[derive(Clone, Debug)]
pub enum FaceEvent {
    /// The faces of a frame. Faces of the same frame may come in several events, one after the other.
    Frame {
        /// Which input the frame belongs to.
        input: usize,
        /// The frame and its faces.
        faces: FrameFaces,
    },
    /// An input is through: all its frames came before.
    End {
        /// Which input it was.
        input: usize,
        /// What became of it.
        end: InputEnd,
    },
}

/// The events of all inputs, one input after the other.
///
/// A request to cancel is obeyed between frames: the current input is dropped without an end, and those whose frames
/// are all in are finished. An error, which is the face detector's, is the last thing that comes.
pub struct FaceStream<'a> {
    events: Box<dyn Iterator<Item = Result<FaceEvent, Error>> + Send + 'a>,
}

impl<'a> FaceStream<'a> {
    /// Finds and cuts out the faces of all frames as they are decoded.
    pub fn from_videos(
        mut decodings: Decodings,
        face_detector: Box<dyn FaceDetector + 'a>,
        cancel: &'a Cancel,
    ) -> Self {
        decodings.fill_batches_of(face_detector.preferred_batch());
        let faces = videos::VideoFaces::new(decodings.into_events(cancel), face_detector, cancel);
        FaceStream { events: Box::new(faces) }
    }

    /// [`FaceStream::from_videos`] that hands on all faces that are large enough to be judged, not only those that the
    /// published score counts, and notes down what persons are made of. Of the frames that a plan has between those that
    /// it wants, only those that begin a new scene are searched for faces.
    pub fn of_persons(
        mut decodings: Decodings,
        face_detector: Box<dyn FaceDetector + 'a>,
        (plans, looks, on_frame): (FramePlans, Box<dyn FaceLooks + 'a>, OnFrame<'a>),
        cancel: &'a Cancel,
    ) -> Self {
        decodings.fill_batches_of(face_detector.preferred_batch());
        let watch = watch::Watch::new(plans, looks, on_frame);
        let faces = videos::VideoFaces::new(decodings.into_events(cancel), face_detector, cancel);
        FaceStream { events: Box::new(faces.watched_by(watch)) }
    }

    /// Reads faces that were cut out before, each into a file of its own. `videos`: of each video the numbers of the frames
    /// that its files show, whose files `decodings` gives one after the other, each as a photograph.
    pub fn from_crop_files(mut decodings: Decodings, videos: Vec<Vec<usize>>, cancel: &'a Cancel) -> Self {
        decodings.fill_batches_of(CROP_FILES);
        let crops = crops::CropFiles::new(decodings.into_events(cancel), videos);
        FaceStream { events: Box::new(crops) }
    }

    /// Reads faces that were cut out before. Of frames without a face there are no events.
    pub fn from_packed(videos: Vec<PackedVideo>, cancel: &'a Cancel) -> Self {
        FaceStream { events: Box::new(packed::PackedFaces::new(videos, cancel)) }
    }
}

impl Iterator for FaceStream<'_> {
    type Item = Result<FaceEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.events.next()
    }
}

#[cfg(test)]
mod tests;
