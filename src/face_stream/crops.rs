//! Faces that were cut out before, each in an image file of its own.

use super::{FaceEvent, FrameFaces, InputEnd};
use crate::face::{Error, FaceCrop};
use crate::media::DecodeEvent;
use crate::types::{Frame, VideoStatus};

/// The faces of videos whose crops are files, one video after the other.
pub(super) struct CropFiles<'a> {
    /// Of each file its image and its end, in the order of the files.
    decoded: Box<dyn Iterator<Item = (usize, DecodeEvent)> + Send + 'a>,
    /// Of each video the numbers of the frames that its files show.
    videos: Vec<Vec<usize>>,
    /// The video that the next event is of.
    input: usize,
    current: Counted,
}

/// What is known so far of a video.
#[derive(Default)]
struct Counted {
    /// Files that are through.
    files: usize,
    /// Those that gave an image.
    images: usize,
    /// What is wrong with the first that gave none.
    bad: Option<String>,
}

impl<'a> CropFiles<'a> {
    pub fn new(
        decoded: impl Iterator<Item = (usize, DecodeEvent)> + Send + 'a,
        videos: Vec<Vec<usize>>,
    ) -> Self {
        CropFiles { decoded: Box::new(decoded), videos, input: 0, current: Counted::default() }
    }
}

impl Iterator for CropFiles<'_> {
    type Item = Result<FaceEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let input = self.input;
            let frames = self.videos.get(input)?;
            if self.current.files == frames.len() {
                self.input += 1;
                let end = concluded(frames.len(), std::mem::take(&mut self.current));
                return Some(Ok(FaceEvent::End { input, end }));
            }
            let current = &mut self.current;
            match self.decoded.next()?.1 {
                DecodeEvent::Frame(Frame { image, .. }, _) => {
                    current.images += 1;
                    let frame = frames[current.files];
                    let crops = vec![FaceCrop { bbox: None, pixels: image }];
                    return Some(Ok(FaceEvent::Frame {
                        input,
                        faces: FrameFaces { frame, crops, persons: Vec::new() },
                    }));
                }
                DecodeEvent::End(end) => {
                    current.files += 1;
                    let damage = end.map_or_else(Some, |report| report.damage);
                    current.bad = current.bad.take().or(damage);
                }
            }
        }
    }
}

fn concluded(wanted: usize, counted: Counted) -> InputEnd {
    let Counted { images, bad, .. } = counted;
    let (status, note) = match bad {
        Some(bad) if images == 0 => (VideoStatus::Unreadable, Some(bad)),
        Some(bad) => (VideoStatus::Truncated, Some(format!("{images} of {wanted} crops read: {bad}"))),
        None if images == 0 => (VideoStatus::NoFace, Some("the list names no crops of it".to_owned())),
        None => (VideoStatus::Ok, None),
    };
    InputEnd {
        status,
        frames_wanted: wanted,
        frames_decoded: images,
        frames_with_face: images,
        faces: images,
        note,
        remarks: Vec::new(),
        seen: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{DecodeReport, MediaKind};
    use crate::types::RgbImage;

    #[test]
    fn videos_without_crops_and_with_bad_ones_end_with_their_reasons() {
        let image = |width| {
            let frame = Frame { index: 0, image: RgbImage::filled(width, 4, [7; 3]) };
            DecodeEvent::Frame(frame, MediaKind::Photograph)
        };
        let whole = DecodeReport { wanted: 1, decoded: 1, ended_at: None, damage: None, remarks: Vec::new() };
        let missing = || DecodeEvent::End(Err("no such file".to_owned()));
        let decoded = [
            image(5),
            DecodeEvent::End(Ok(whole.clone())),
            missing(),
            image(6),
            DecodeEvent::End(Ok(whole)),
            missing(),
        ];
        let videos = vec![vec![3, 9, 12], vec![], vec![0]];
        let mut faces = Vec::new();
        let mut ends = Vec::new();
        for event in CropFiles::new(decoded.into_iter().enumerate(), videos) {
            match event.unwrap() {
                FaceEvent::Frame { input, faces: found } => {
                    faces.push((input, found.frame, found.crops[0].pixels.width()));
                }
                FaceEvent::End { input, end } => ends.push((input, end.status, end.faces, end.note)),
            }
        }
        assert_eq!(faces, [(0, 3, 5), (0, 12, 6)]);
        let told = |text: &str| Some(text.to_owned());
        let expected = [
            (0, VideoStatus::Truncated, 2, told("2 of 3 crops read: no such file")),
            (1, VideoStatus::NoFace, 0, told("the list names no crops of it")),
            (2, VideoStatus::Unreadable, 0, told("no such file")),
        ];
        assert_eq!(ends, expected);
    }
}
