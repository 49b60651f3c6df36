//! Faces of videos and photographs: found and cut out as frames are decoded.

use super::watch::{Chosen, Watch};
use super::{FaceEvent, FrameFaces, InputEnd};
use crate::face::{Error, FaceCrop, FaceDetector, crop_judged_faces};
use crate::media::{DecodeEvent, DecodeReport, MediaKind};
use crate::persons::MIN_SIDE;
use crate::progress::Cancel;
use crate::timings::stage;
use crate::types::{DetectedFace, Frame, RgbImage, VideoStatus};
use std::collections::VecDeque;

/// The faces of what decoders give, one video after the other.
pub(super) struct VideoFaces<'a> {
    /// Of each video its frames and its end, with its position in the list. `None` when no more is to be taken.
    decoded: Option<Box<dyn Iterator<Item = (usize, DecodeEvent)> + Send + 'a>>,
    face_detector: Box<dyn FaceDetector + 'a>,
    cancel: &'a Cancel,
    /// At most [`FaceDetector::preferred_batch`] frames that wait for being looked at, and the ends among them.
    waiting: Vec<(usize, DecodeEvent)>,
    /// Frames that were looked at, and the ends among them.
    looked_at: VecDeque<(usize, LookedAt)>,
    /// What is known so far of the video that the next event to be handed on belongs to.
    current: InputEnd,
    /// What follows persons, if anything does.
    watch: Option<Watch<'a>>,
}

/// What is known of a frame, or of a video at its end.
enum LookedAt {
    Frame(Frame, MediaKind, Vec<DetectedFace>),
    End(Result<DecodeReport, String>),
}

impl<'a> VideoFaces<'a> {
    pub fn new(
        decoded: impl Iterator<Item = (usize, DecodeEvent)> + Send + 'a,
        face_detector: Box<dyn FaceDetector + 'a>,
        cancel: &'a Cancel,
    ) -> Self {
        VideoFaces {
            decoded: Some(Box::new(decoded)),
            face_detector,
            cancel,
            waiting: Vec::new(),
            looked_at: VecDeque::new(),
            current: nothing_yet(),
            watch: None,
        }
    }

    /// With something that chooses among decoded frames and follows persons.
    pub fn watched_by(self, watch: Watch<'a>) -> Self {
        VideoFaces { watch: Some(watch), ..self }
    }

    /// Takes frames until there are enough to be looked at together, and looks at them. Whether there may be more.
    fn advance(&mut self) -> Result<bool, Error> {
        let Some(decoded) = &mut self.decoded else { return Ok(false) };
        let enough = self.face_detector.preferred_batch().max(1);
        let mut frames = 0;
        loop {
            let waiting = stage!("waiting for frames");
            let next = decoded.next();
            drop(waiting);
            let Some((input, event)) = next.filter(|_| !self.cancel.is_requested()) else {
                self.decoded = None;
                // A video that has not ended by now is dropped.
                let last_end = self.waiting.iter().rposition(|(_, event)| frame_of(event).is_none());
                self.waiting.truncate(last_end.map_or(0, |at| at + 1));
                break;
            };
            if let Some(watch) = &mut self.watch {
                let _stage = stage!("looking for new scenes");
                match &event {
                    DecodeEvent::Frame(frame, _) if !watch.wants(input, frame) => continue,
                    DecodeEvent::Frame(..) => {}
                    DecodeEvent::End(_) => watch.ended(),
                }
            }
            frames += usize::from(frame_of(&event).is_some());
            self.waiting.push((input, event));
            // An end waits only behind frames.
            if frames == 0 || frames >= enough {
                break;
            }
        }
        self.look()?;
        Ok(true)
    }

    /// Finds the faces of all frames that wait.
    fn look(&mut self) -> Result<(), Error> {
        let _stage = stage!("finding faces");
        let frames: Vec<(MediaKind, &RgbImage)> =
            self.waiting.iter().filter_map(|(_, event)| frame_of(event)).collect();
        let mut found = Vec::with_capacity(frames.len());
        for run in frames.chunk_by(|(kind, _), (next, _)| kind == next) {
            let images: Vec<&RgbImage> = run.iter().map(|(_, image)| *image).collect();
            found.extend(match run[0].0 {
                MediaKind::Video => self.face_detector.detect(&images)?,
                MediaKind::Photograph => self.face_detector.detect_in_photographs(&images)?,
            });
        }
        let mut found = found.into_iter();
        self.looked_at.extend(self.waiting.drain(..).map(|(input, event)| match event {
            DecodeEvent::Frame(frame, kind) => {
                let faces = found.next().expect("the face detector answers for every frame");
                (input, LookedAt::Frame(frame, kind, faces))
            }
            DecodeEvent::End(end) => (input, LookedAt::End(end)),
        }));
        Ok(())
    }

    /// Cuts out the faces of a frame, or tells what became of a video.
    fn event(&mut self, input: usize, looked_at: LookedAt) -> Result<FaceEvent, Error> {
        match looked_at {
            LookedAt::Frame(Frame { index, image }, kind, faces) => {
                let (crops, persons) = self.crops(input, &image, kind, &faces)?;
                self.current.frames_decoded += 1;
                self.current.frames_with_face += usize::from(!crops.is_empty());
                self.current.faces += crops.len();
                Ok(FaceEvent::Frame { input, faces: FrameFaces { frame: index, crops, persons } })
            }
            LookedAt::End(end) => {
                let counted = std::mem::replace(&mut self.current, nothing_yet());
                let (seen, skipped) = match self.watch.as_mut().map(|watch| watch.conclude(input)) {
                    Some((seen, skipped)) => (Some(Box::new(seen)), skipped),
                    None => (None, 0),
                };
                let end = InputEnd { seen, ..concluded(counted, end, skipped) };
                Ok(FaceEvent::End { input, end })
            }
        }
    }
}

impl VideoFaces<'_> {
    /// The faces of a frame that are handed on, and whose they are as far as persons are followed.
    fn crops(
        &mut self,
        input: usize,
        image: &RgbImage,
        kind: MediaKind,
        faces: &[DetectedFace],
    ) -> Result<(Vec<FaceCrop>, Vec<usize>), Error> {
        let _stage = stage!("cutting out faces");
        let Some(watch) = &mut self.watch else {
            return Ok((self.face_detector.crops(kind, image, faces)?, Vec::new()));
        };
        let judged = crop_judged_faces(image, faces, kind == MediaKind::Photograph, MIN_SIDE)?;
        let chosen = judged.iter().map(|face| Chosen { face: &faces[face.index], counted: face.counted });
        let chosen: Vec<Chosen> = chosen.collect();
        let _stage = stage!("telling persons apart");
        let persons = watch.follow(input, image, &chosen, faces.len() - chosen.len());
        Ok((judged.into_iter().map(|face| face.crop).collect(), persons))
    }
}

impl Iterator for VideoFaces<'_> {
    type Item = Result<FaceEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = loop {
            if let Some((input, looked_at)) = self.looked_at.pop_front() {
                break self.event(input, looked_at);
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => break Err(error),
            }
        };
        if next.is_err() {
            self.decoded = None;
            self.looked_at.clear();
        }
        Some(next)
    }
}

fn frame_of(event: &DecodeEvent) -> Option<(MediaKind, &RgbImage)> {
    match event {
        DecodeEvent::Frame(frame, kind) => Some((*kind, &frame.image)),
        DecodeEvent::End(_) => None,
    }
}

fn nothing_yet() -> InputEnd {
    InputEnd {
        status: VideoStatus::Ok,
        frames_wanted: 0,
        frames_decoded: 0,
        frames_with_face: 0,
        faces: 0,
        note: None,
        remarks: Vec::new(),
        seen: None,
    }
}

/// What was counted, with what the decoder said at the end of the video, of whose frames `skipped` were not looked at.
///
/// A damaged video is no error: what came before the damage counts.
fn concluded(counted: InputEnd, end: Result<DecodeReport, String>, skipped: usize) -> InputEnd {
    let report = match end {
        Ok(report) => report,
        Err(reason) => {
            let (status, frames_wanted) = (VideoStatus::Unreadable, counted.frames_decoded);
            return InputEnd { status, frames_wanted, note: Some(reason), ..counted };
        }
    };
    // Of the frames that did not come as many would have been looked at as of those that came.
    let missing = report.wanted.saturating_sub(report.decoded);
    let frames_wanted = match skipped {
        0 => report.wanted,
        _ => counted.frames_decoded + missing * counted.frames_decoded / report.decoded.max(1),
    };
    let DecodeReport { wanted, decoded, ended_at, damage, remarks } = report;
    let (status, note) = match damage {
        _ if decoded == 0 && wanted > 0 => {
            let why = damage.map_or_else(String::new, |damage| format!(": {damage}"));
            (VideoStatus::Unreadable, Some(format!("none of {wanted} frames can be decoded{why}")))
        }
        Some(damage) => {
            let at = ended_at.map_or_else(String::new, |at| format!(" (it ends at frame {at})"));
            let note = format!("damaged or cut off: {damage}; {decoded} of {wanted} frames read{at}");
            (VideoStatus::Truncated, Some(note))
        }
        None if counted.faces == 0 => {
            (VideoStatus::NoFace, Some(format!("no face in any of {} frames", counted.frames_decoded)))
        }
        None => (VideoStatus::Ok, None),
    };
    InputEnd { status, frames_wanted, note, remarks, ..counted }
}

#[cfg(test)]
mod tests;
