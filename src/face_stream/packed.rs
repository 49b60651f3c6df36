//! Faces of a packed test set: cut out by an earlier run.

use super::{FaceEvent, FrameFaces, InputEnd};
use crate::face::{Error, FaceCrop};
use crate::packed_faces::{OpenPackedVideo, PackedVideo, PackedVideoError, VideoEntry};
use crate::progress::Cancel;
use crate::types::VideoStatus;

/// The faces of packed videos, one video after the other.
pub(super) struct PackedFaces<'a> {
    videos: std::iter::Enumerate<std::vec::IntoIter<PackedVideo>>,
    current: Option<Reading>,
    cancel: &'a Cancel,
}

/// A video whose faces are being read.
struct Reading {
    input: usize,
    entry: Option<VideoEntry>,
    faces: OpenPackedVideo,
    faces_read: usize,
    frames_read: usize,
    last_frame: Option<usize>,
}

impl<'a> PackedFaces<'a> {
    pub fn new(videos: Vec<PackedVideo>, cancel: &'a Cancel) -> Self {
        PackedFaces { videos: videos.into_iter().enumerate(), current: None, cancel }
    }
}

impl Iterator for PackedFaces<'_> {
    type Item = Result<FaceEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.cancel.is_requested() {
                return None;
            }
            let Some(mut reading) = self.current.take() else {
                let (input, video) = self.videos.next()?;
                match video.open() {
                    Ok(faces) => self.current = Some(Reading::new(input, video.entry, faces)),
                    Err(error) => {
                        let end = damaged(video.entry.as_ref(), &error);
                        return Some(Ok(FaceEvent::End { input, end }));
                    }
                }
                continue;
            };
            let input = reading.input;
            return Some(Ok(match reading.faces.read_frame() {
                Ok(Some((frame, crops))) => {
                    reading.faces_read += crops.len();
                    reading.frames_read += usize::from(reading.last_frame.replace(frame) != Some(frame));
                    self.current = Some(reading);
                    // Packed files do not tell where in its frame a face was.
                    let crops = crops.into_iter().map(|pixels| FaceCrop { bbox: None, pixels }).collect();
                    FaceEvent::Frame { input, faces: FrameFaces { frame, crops, persons: Vec::new() } }
                }
                Ok(None) => FaceEvent::End { input, end: reading.concluded() },
                Err(error) => FaceEvent::End { input, end: damaged(reading.entry.as_ref(), &error) },
            }));
        }
    }
}

impl Reading {
    fn new(input: usize, entry: Option<VideoEntry>, faces: OpenPackedVideo) -> Self {
        Reading { input, entry, faces, faces_read: 0, frames_read: 0, last_frame: None }
    }

    /// What became of a video that was read to its end.
    fn concluded(self) -> InputEnd {
        let status = self.faces.status;
        // Without a manifest, frames without a face are not known.
        let frames_decoded = frames_decoded(self.entry.as_ref()).max(self.frames_read);
        let told = self.entry.as_ref().and_then(|entry| entry.note.clone());
        let none = || (status == VideoStatus::NoFace).then(|| "no face in any frame".to_owned());
        InputEnd {
            status,
            frames_wanted: frames_wanted(self.entry.as_ref(), status, frames_decoded),
            frames_decoded,
            frames_with_face: self.frames_read,
            faces: self.faces_read,
            note: told.or_else(none),
            remarks: Vec::new(),
            seen: None,
        }
    }
}

/// What becomes of a video whose arrays cannot be read: faces before the damage do not stand for it.
fn damaged(entry: Option<&VideoEntry>, error: &PackedVideoError) -> InputEnd {
    InputEnd {
        status: VideoStatus::Unreadable,
        frames_wanted: frames_wanted(entry, VideoStatus::Unreadable, frames_decoded(entry)),
        frames_decoded: frames_decoded(entry),
        frames_with_face: 0,
        faces: 0,
        note: Some(crate::causes::with_causes(error)),
        remarks: Vec::new(),
        seen: None,
    }
}

/// Frames that were wanted when the video was packed. The manifest tells how many were asked for, which a short video does
/// not have; only of one that ended too early some are missing.
fn frames_wanted(entry: Option<&VideoEntry>, status: VideoStatus, decoded: usize) -> usize {
    let asked_for =
        entry.filter(|_| status == VideoStatus::Truncated).map(|entry| entry.frames_wanted as usize);
    asked_for.unwrap_or_default().max(decoded)
}

/// Frames that were looked at when the video was packed; 0 where there is no manifest to tell.
fn frames_decoded(entry: Option<&VideoEntry>) -> usize {
    entry.map_or(0, |entry| entry.frames_decoded as usize)
}
