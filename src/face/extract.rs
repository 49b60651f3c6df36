//! Videos and pictures to face crops: the part that packing and scoring share.

use super::{crop_faces, Error, FaceCrop, FaceDetector};
use crate::types::{Frame, VideoStatus};
use crate::video::{Decoding, Event};

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

impl Extraction {
    fn counted(&mut self, found: &FrameFaces) {
        self.frames_decoded += 1;
        self.frames_with_face += usize::from(!found.faces.is_empty());
        self.faces += found.faces.len();
    }
}

/// Why an extraction stopped before the end of its video.
#[derive(Debug)]
pub enum Stop<E> {
    /// The detector failed.
    Detector(Error),
    /// The consumer failed.
    Consumer(E),
}

/// Finds and cuts out the faces of a video's frames as they are decoded, handing them on frame by frame.
///
/// A damaged video is no error: what came before the damage counts and the result says what happened.
pub fn extract_faces<E>(
    decoding: &Decoding,
    detector: &dyn FaceDetector,
    mut consume: impl FnMut(FrameFaces) -> Result<(), E>,
) -> Result<Extraction, Stop<E>> {
    let mut result = Extraction {
        status: VideoStatus::Ok,
        frames_wanted: 0,
        frames_decoded: 0,
        frames_with_face: 0,
        faces: 0,
        note: None,
    };
    let mut waiting: Vec<Frame> = Vec::new();
    loop {
        let event = decoding.next_event();
        let ended = !matches!(event, Some(Event::Frame(_)));
        if let Some(Event::Frame(frame)) = event {
            waiting.push(frame);
        } else {
            conclude(&mut result, decoding, event);
        }
        if ended || waiting.len() >= detector.preferred_batch() {
            for found in faces_of(&waiting, detector).map_err(Stop::Detector)? {
                result.counted(&found);
                consume(found).map_err(Stop::Consumer)?;
            }
            waiting.clear();
        }
        if ended {
            if result.status == VideoStatus::Ok && result.faces == 0 {
                result.status = VideoStatus::NoFace;
                result.note = Some(format!("no face in any of {} frames", result.frames_decoded));
            }
            return Ok(result);
        }
    }
}

/// The face crops of some frames.
pub fn faces_of(frames: &[Frame], detector: &dyn FaceDetector) -> Result<Vec<FrameFaces>, Error> {
    let images: Vec<_> = frames.iter().map(|frame| &frame.image).collect();
    let found = detector.detect(&images)?;
    let crop = |(frame, faces): (&Frame, Vec<_>)| {
        Ok(FrameFaces { frame: frame.index, faces: crop_faces(&frame.image, &faces)? })
    };
    frames.iter().zip(found).map(crop).collect()
}

/// Takes over what the decoder said at the end of a video.
fn conclude(result: &mut Extraction, decoding: &Decoding, end: Option<Event>) {
    match end {
        Some(Event::End(Ok(report))) => {
            result.frames_wanted = report.wanted;
            if let Some(at) = report.ended_at {
                let none = report.decoded == 0;
                result.status = if none { VideoStatus::Unreadable } else { VideoStatus::Truncated };
                let (got, wanted) = (report.decoded, report.wanted);
                result.note = Some(format!("decoding stopped at frame {at}: {got} of {wanted} frames read"));
            }
        }
        Some(Event::End(Err(error))) => {
            result.status = VideoStatus::Unreadable;
            // The result names the path already.
            let text = error.to_string();
            let path = format!("{}: ", decoding.path().display());
            result.note = Some(text.strip_prefix(&path).unwrap_or(&text).to_owned());
        }
        Some(Event::Frame(_)) | None => {
            result.status = VideoStatus::Unreadable;
            result.note = Some("the decoder stopped without a word".to_owned());
        }
    }
}
