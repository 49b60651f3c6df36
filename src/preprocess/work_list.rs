//! What is left to do for one video: a list of its wanted frames, each with what is known and what is on disk.

use super::Steps;
use crate::causes::with_causes;
use crate::prepared_frames::{
    FrameFiles, FrameProblem, VideoFolders, VideoRecord, read_boxes, read_landmarks,
};

/// What is known about one kind of file of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The file is there.
    There,
    /// There is no face to write down.
    NoFace,
    /// Nobody has looked, or the looking failed.
    Nothing,
}

/// One wanted frame of a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameWork {
    /// Position in the video.
    pub index: usize,
    /// The paths of the frame's files.
    pub files: FrameFiles,
    /// Landmarks, before this run.
    pub landmarks: Known,
    /// Boxes, before this run.
    pub boxes: Known,
    /// Whether the frame's own image file is there.
    pub has_image: bool,
    /// Whether files are in the way that this program did not make so; the frame is then left alone.
    pub blocked: bool,
}

impl FrameWork {
    /// Whether landmarks are to be found.
    pub fn needs_landmarks(&self, steps: Steps) -> bool {
        steps.landmarks && self.landmarks == Known::Nothing
    }

    /// Whether boxes are to be found.
    pub fn needs_boxes(&self, steps: Steps) -> bool {
        steps.boxes && self.boxes == Known::Nothing
    }

    /// Whether a face is known in a frame whose own image file is missing.
    pub fn lacks_image(&self) -> bool {
        !self.has_image && (self.landmarks == Known::There || self.boxes == Known::There)
    }

    fn is_pending(&self, steps: Steps) -> bool {
        !self.blocked && (self.needs_landmarks(steps) || self.needs_boxes(steps) || self.lacks_image())
    }
}

/// All wanted frames of a video, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkList {
    /// Whether the file is a photograph that becomes a video, whose frames these are.
    pub of_still: bool,
    /// The frames that are wanted, in their order.
    pub frames: Vec<FrameWork>,
    /// Files that are in the way.
    pub problems: Vec<FrameProblem>,
}

impl WorkList {
    /// Looks at what is on disk and in the record of an earlier run. `points`: landmarks per face of this run.
    pub fn new(
        folders: &VideoFolders,
        wanted: Vec<usize>,
        points: Option<usize>,
        before: Option<&VideoRecord>,
    ) -> Self {
        let mut list = WorkList::default();
        let seen = |without: fn(&VideoRecord) -> &Option<Vec<usize>>, index: usize| {
            before.and_then(|record| without(record).as_ref()).is_some_and(|frames| frames.contains(&index))
        };
        for index in wanted {
            let files = folders.files(index);
            let mut problems = Vec::new();
            let landmarks = if files.landmarks.exists() {
                problems.extend(landmark_problem(&files, points));
                Known::There
            } else if seen(|record| &record.without_landmarks, index) {
                Known::NoFace
            } else {
                Known::Nothing
            };
            let boxes = if files.boxes.exists() {
                problems.extend(read_boxes(&files.boxes).err().map(|error| with_causes(&error)));
                Known::There
            } else if seen(|record| &record.without_boxes, index) {
                Known::NoFace
            } else {
                Known::Nothing
            };
            let (has_image, blocked) = (files.frame.exists(), !problems.is_empty());
            list.problems.extend(problems.into_iter().map(|problem| FrameProblem { frame: index, problem }));
            list.frames.push(FrameWork { index, files, landmarks, boxes, has_image, blocked });
        }
        list
    }

    /// The frames that have to be decoded.
    pub fn pending(&self, steps: Steps) -> Vec<usize> {
        self.frames.iter().filter(|frame| frame.is_pending(steps)).map(|frame| frame.index).collect()
    }
}

/// Why a landmark file that is there cannot stand beside those of this run.
fn landmark_problem(files: &FrameFiles, points: Option<usize>) -> Option<String> {
    match (read_landmarks(&files.landmarks), points) {
        (Err(error), _) => Some(with_causes(&error)),
        (Ok(faces), Some(points)) if faces[0].points().len() != points => Some(format!(
            "{}: has {} landmarks a face, this run makes {points}: it is from a run with other settings; \
             preparing the set anew replaces it",
            files.landmarks.display(),
            faces[0].points().len(),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepared_frames::write_landmarks;
    use crate::types::Landmarks;
    use std::path::Path;

    #[test]
    fn only_what_is_missing_is_pending() {
        let base = tempfile::tempdir().unwrap();
        let folders = VideoFolders::new(base.path(), Path::new("000"));
        folders.create().unwrap();
        let face = Landmarks::new(vec![(1, 2); 68]).unwrap();
        write_landmarks(&folders.files(0).landmarks, std::slice::from_ref(&face)).unwrap();
        std::fs::write(folders.files(0).frame, "").unwrap();
        write_landmarks(&folders.files(5).landmarks, &[face]).unwrap();
        let list = |points| WorkList::new(&folders, vec![0, 5, 9], points, None);
        let landmarks = Steps { landmarks: true, boxes: false };
        // Frame 5 lacks its image file.
        assert_eq!(list(Some(68)).pending(landmarks), [5, 9]);
        assert_eq!(list(Some(68)).pending(Steps::default()), [0, 5, 9]);
        let other = list(Some(81));
        assert_eq!(other.pending(Steps::default()), [9]);
        assert!(other.problems[0].problem.contains("68 landmarks a face, this run makes 81"));
    }

    #[test]
    fn frames_known_to_show_no_face_are_not_looked_at_again() {
        let base = tempfile::tempdir().unwrap();
        let folders = VideoFolders::new(base.path(), Path::new("000"));
        let before = VideoRecord {
            video: "videos/000.mp4".into(),
            status: crate::types::VideoStatus::NoFace,
            frames_wanted: 2,
            frames_decoded: 2,
            with_landmarks: 0,
            with_boxes: 0,
            usable: 0,
            without_landmarks: Some(vec![0, 7]),
            without_boxes: None,
            problems: Vec::new(),
            note: None,
        };
        let list = WorkList::new(&folders, vec![0, 7], Some(81), Some(&before));
        assert_eq!(list.pending(Steps { landmarks: true, boxes: false }), [0usize; 0]);
        assert_eq!(list.pending(Steps::default()), [0, 7]);
    }
}
