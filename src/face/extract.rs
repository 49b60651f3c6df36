//! Videos and pictures to face crops: the part that packing and scoring share.
//!
//! The face detector gets as many pictures at once as it likes best, of one video or of several: a folder of photographs
//! is not looked at one by one.

use super::{Error, FaceCrop, FaceDetector, crop_faces};
use crate::types::{Frame, RgbImage, VideoStatus};
use crate::video::{DecodeReport, Event};

/// The face crops of one frame; may be empty.
#[derive(Clone, Debug)]
pub struct FrameFaces {
    /// Position of the frame in its video.
    pub frame: usize,
    /// In the detector's order.
    pub faces: Vec<FaceCrop>,
}

/// What became of one video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// In one word.
    pub status: VideoStatus,
    /// Frames asked for (equal indices of short videos counted once); 0 where the video did not open.
    pub frames_wanted: usize,
    /// Frames decoded.
    pub frames_decoded: usize,
    /// Frames with a face.
    pub frames_with_face: usize,
    /// Faces in all.
    pub faces: usize,
    /// What went wrong, for people.
    pub note: Option<String>,
}

/// What comes out of a list of videos, in their order.
#[derive(Clone, Debug)]
pub enum Extracted {
    /// A frame was looked at.
    Faces {
        /// Which video, as its events say.
        video: usize,
        /// What was found.
        found: FrameFaces,
    },
    /// A video is through: all its frames came before.
    End {
        /// Which video.
        video: usize,
        /// What became of it.
        extraction: Extraction,
    },
}

impl Extraction {
    fn blank() -> Self {
        Extraction {
            status: VideoStatus::Ok,
            frames_wanted: 0,
            frames_decoded: 0,
            frames_with_face: 0,
            faces: 0,
            note: None,
        }
    }

    fn counted(&mut self, found: &FrameFaces) {
        self.frames_decoded += 1;
        self.frames_with_face += usize::from(!found.faces.is_empty());
        self.faces += found.faces.len();
    }

    /// Takes over what the decoder said at the end of the video.
    fn concluded(mut self, end: Result<DecodeReport, String>) -> Self {
        match end {
            Ok(report) => {
                self.frames_wanted = report.wanted;
                if let Some(at) = report.ended_at {
                    let none = report.decoded == 0;
                    self.status = if none { VideoStatus::Unreadable } else { VideoStatus::Truncated };
                    let (got, wanted) = (report.decoded, report.wanted);
                    self.note =
                        Some(format!("decoding stopped at frame {at}: {got} of {wanted} frames read"));
                }
            }
            Err(reason) => {
                self.status = VideoStatus::Unreadable;
                self.note = Some(reason);
            }
        }
        if self.status == VideoStatus::Ok && self.faces == 0 {
            self.status = VideoStatus::NoFace;
            self.note = Some(format!("no face in any of {} frames", self.frames_decoded));
        }
        self
    }
}

/// Why an extraction stopped before the end of its videos.
#[derive(Debug)]
pub enum Stop<E> {
    /// The detector failed.
    FaceDetector(Error),
    /// The consumer failed.
    Consumer(E),
}

/// Finds and cuts out the faces of all frames as they are decoded, and hands them on frame by frame and video by video.
///
/// `events`: what the decoders of the videos give, one video after the other. At most
/// [`FaceDetector::preferred_batch`] frames wait for being looked at together. Where `events` ends within a video, that
/// video is dropped, and those before it are finished. A damaged video is no error: what came before the damage counts
/// and its [`Extraction`] says what happened.
pub fn extract_faces<E>(
    events: impl IntoIterator<Item = (usize, Event)>,
    detector: &dyn FaceDetector,
    mut consume: impl FnMut(Extracted) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    let mut batch = Batch { waiting: Vec::new(), frames: 0, current: Extraction::blank() };
    for (video, event) in events {
        batch.frames += usize::from(matches!(event, Event::Frame(_)));
        batch.waiting.push((video, event));
        if batch.frames == 0 || batch.frames >= detector.preferred_batch() {
            batch.look(detector, &mut consume)?;
        }
    }
    let ended = batch.waiting.iter().rposition(|(_, event)| matches!(event, Event::End(_)));
    batch.waiting.truncate(ended.map_or(0, |at| at + 1));
    batch.look(detector, &mut consume)
}

/// Frames that wait for being looked at, and the ends of videos among them.
struct Batch {
    waiting: Vec<(usize, Event)>,
    frames: usize,
    /// The video that the next frame or end to be handed on belongs to.
    current: Extraction,
}

impl Batch {
    fn look<E>(
        &mut self,
        detector: &dyn FaceDetector,
        consume: &mut impl FnMut(Extracted) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let images: Vec<&RgbImage> = self.waiting.iter().filter_map(|(_, event)| picture(event)).collect();
        let found = if images.is_empty() {
            Vec::new()
        } else {
            detector.detect(&images).map_err(Stop::FaceDetector)?
        };
        let mut found = found.into_iter();
        for (video, event) in self.waiting.drain(..) {
            let extracted = match event {
                Event::Frame(Frame { index, image }) => {
                    let faces = found.next().expect("the detector answers for every picture");
                    let faces =
                        crop_faces(&image, &faces).map_err(|error| Stop::FaceDetector(error.into()))?;
                    let found = FrameFaces { frame: index, faces };
                    self.current.counted(&found);
                    Extracted::Faces { video, found }
                }
                Event::End(end) => {
                    let extraction = std::mem::replace(&mut self.current, Extraction::blank()).concluded(end);
                    Extracted::End { video, extraction }
                }
            };
            consume(extracted).map_err(Stop::Consumer)?;
        }
        self.frames = 0;
        Ok(())
    }
}

fn picture(event: &Event) -> Option<&RgbImage> {
    match event {
        Event::Frame(frame) => Some(&frame.image),
        Event::End(_) => None,
    }
}

#[cfg(test)]
mod tests;
