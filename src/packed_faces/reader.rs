//! Reading a packed test set, with or without a manifest.

use std::path::{Path, PathBuf};

use super::{
    Error, Manifest, PUBLISHED_SIDE, PackedVideoError, VideoEntry, face_shape, faces_path, indices_path,
    target_list_path, video_files,
};
use crate::npy::{self, FaceReader};
use crate::types::{Label, RgbImage, VideoStatus};

/// Faces of a frame that are read at once; an array of which every face is said to be of one frame must fit memory too.
const MOST_FACES: usize = 16;

/// A packed test set.
#[derive(Clone, Debug)]
pub struct PackedSet {
    /// What the folder knows about its videos; `None` if another program packed it.
    pub manifest: Option<Manifest>,
    /// The videos, in the order of the test set; at least one.
    pub videos: Vec<PackedVideo>,
}

/// A video of a packed test set, whose arrays are looked at when it is opened.
#[derive(Clone, Debug)]
pub struct PackedVideo {
    /// The video's number in the test set, from 1.
    pub number: usize,
    /// Whether the video is real or fake.
    pub label: Label,
    /// What the manifest says about it.
    pub entry: Option<VideoEntry>,
    folder: PathBuf,
    has_manifest: bool,
    /// Of its faces, in pixels.
    side: usize,
}

/// The faces of a packed video, read frame by frame.
#[derive(Debug)]
pub struct OpenPackedVideo {
    /// How packing it went; without a manifest `ok`, or `no_face` if it has none.
    pub status: VideoStatus,
    faces: FaceReader,
    /// Of the faces, in pixels.
    side: usize,
    /// The frames, from 0, of the faces that are still to be read.
    frames: std::vec::IntoIter<usize>,
    /// Faces as they are in the file.
    planes: Vec<u8>,
}

impl PackedSet {
    /// Opens the packed folder `folder`.
    ///
    /// Fails with [`Error`] when its list of labels is missing, damaged or does not go with the
    /// manifest or the arrays. A video whose arrays are missing or damaged is no reason to fail:
    /// [`PackedVideo::open`] tells.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        // Listing first: a folder that does not exist is then reported as such.
        let last = video_files(folder)?.into_iter().map(|(number, _)| number).max().unwrap_or(0);
        let path = target_list_path(folder);
        let labels = read_labels(&path)?;
        let manifest = Manifest::read(folder)?;

        if let Some(manifest) = &manifest {
            if manifest.video_count != labels.len() {
                let (expected, found) = (manifest.video_count, labels.len());
                return Err(Error::ManifestLength { path, expected, found });
            }
            let differs = |entry: &&VideoEntry| labels[entry.number - 1] != entry.label;
            if let Some(entry) = manifest.videos.iter().find(differs) {
                return Err(Error::ManifestLabel { path, number: entry.number });
            }
        }
        // With a manifest, missing arrays at the end are videos that were not packed yet.
        if last > labels.len() || (manifest.is_none() && last < labels.len()) {
            return Err(Error::ListLength { path, listed: labels.len(), last });
        }

        let mut entries = vec![None; labels.len()];
        for entry in manifest.iter().flat_map(|manifest| &manifest.videos) {
            entries[entry.number - 1] = Some(entry.clone());
        }
        let side = manifest.as_ref().map_or(PUBLISHED_SIDE, |manifest| manifest.settings.face_size as usize);
        let videos = labels.into_iter().zip(entries).enumerate().map(|(index, (label, entry))| PackedVideo {
            number: index + 1,
            label,
            entry,
            folder: folder.to_path_buf(),
            has_manifest: manifest.is_some(),
            side,
        });
        Ok(Self { videos: videos.collect(), manifest })
    }
}

fn read_labels(path: &Path) -> Result<Vec<Label>, Error> {
    let classes = npy::read_classes(path)?;
    if classes.is_empty() {
        return Err(Error::NoVideos { path: path.to_path_buf() });
    }
    let label = |(index, class): (usize, i64)| {
        let number = index + 1;
        Label::try_from(class).map_err(|e| Error::Label { path: path.to_path_buf(), number, found: e.0 })
    };
    classes.into_iter().enumerate().map(label).collect()
}

impl PackedVideo {
    /// The file with its faces.
    pub fn array(&self) -> PathBuf {
        faces_path(&self.folder, self.number)
    }

    /// What reports call it: the path of the video, or of its array if that is all that is known.
    pub fn name(&self) -> String {
        match &self.entry {
            Some(entry) => entry.path.clone(),
            None => faces_path(&self.folder, self.number).display().to_string(),
        }
    }

    /// Opens its arrays, without reading any face yet.
    ///
    /// Fails with [`PackedVideoError`] when an array is missing, cut, of another type or shape, when
    /// there is not one frame index from 0 per face, or when the manifest says something else.
    pub fn open(&self) -> Result<OpenPackedVideo, PackedVideoError> {
        let path = faces_path(&self.folder, self.number);
        if self.has_manifest && self.entry.is_none() {
            return Err(PackedVideoError::NotPacked { path });
        }
        let index_path = indices_path(&self.folder, self.number);
        for (path, expected) in [(&path, "the faces of a video"), (&index_path, "the frame of each face")] {
            if !path.exists() {
                return Err(PackedVideoError::MissingFile { path: path.clone(), expected });
            }
        }
        let faces = FaceReader::open(&path, face_shape(self.side))?;
        let indices = npy::read_i64_vec(&index_path)?;

        if indices.len() != faces.faces() {
            let (faces, indices) = (faces.faces(), indices.len());
            return Err(PackedVideoError::IndexCount { path: index_path, faces, indices });
        }
        let frame = |(at, &found): (usize, &i64)| {
            let negative =
                |_| PackedVideoError::NegativeIndex { path: index_path.clone(), face: at + 1, found };
            usize::try_from(found).map_err(negative)
        };
        let frames = indices.iter().enumerate().map(frame).collect::<Result<Vec<_>, _>>()?;
        let status = match &self.entry {
            Some(entry) if entry.faces != faces.faces() => {
                return Err(PackedVideoError::FaceCount {
                    path,
                    expected: entry.faces,
                    found: faces.faces(),
                });
            }
            Some(entry) => entry.status,
            None if frames.is_empty() => VideoStatus::NoFace,
            None => VideoStatus::Ok,
        };
        Ok(OpenPackedVideo { status, faces, side: self.side, frames: frames.into_iter(), planes: Vec::new() })
    }
}

impl OpenPackedVideo {
    /// The next frame with a face: its index in the video, from 0, and its faces, squares of the folder's face size; `None` at the end. A frame with very many faces comes in parts.
    ///
    /// Fails with [`PackedVideoError::Array`] when the disk does, or when the file was cut since it was opened.
    pub fn read_frame(&mut self) -> Result<Option<(usize, Vec<RgbImage>)>, PackedVideoError> {
        let Some(&frame) = self.frames.as_slice().first() else { return Ok(None) };
        let count = self.frames.as_slice().iter().take(MOST_FACES).take_while(|&&of| of == frame).count();
        self.faces.read_batch(count, &mut self.planes)?;
        self.frames.by_ref().take(count).for_each(drop);
        let faces = self.planes.chunks_exact(face_shape(self.side).iter().product());
        Ok(Some((frame, faces.map(|planes| RgbImage::from_planes(self.side, self.side, planes)).collect())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ndarray::{Array1, Array4};

    use super::super::manifest::manifest_path;
    use super::super::manifest::tests::settings;
    use super::super::writer::tests::packed;
    use super::super::{PackOutcome, PackSettings, PackedWriter, PlannedVideo};
    use super::*;
    use crate::types::FACE_SIDE;

    /// The folder as the published evaluation would have left it.
    fn without_manifest() -> tempfile::TempDir {
        let folder = packed();
        fs::remove_file(manifest_path(folder.path(), None)).unwrap();
        let empty = Array1::<f64>::zeros(0);
        npy::write_array(&faces_path(folder.path(), 2), empty.view()).unwrap();
        npy::write_array(&indices_path(folder.path(), 2), empty.view()).unwrap();
        folder
    }

    fn set_error(folder: &Path) -> String {
        let error = PackedSet::open(folder).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    }

    /// The error of video 1; the others must open.
    fn first_video_error(folder: &Path) -> String {
        let set = PackedSet::open(folder).unwrap();
        for video in &set.videos[1..] {
            video.open().unwrap();
        }
        let error = set.videos[0].open().unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    }

    #[test]
    fn labels_may_be_true_and_false_and_empty_arrays_of_either_form() {
        let folder = without_manifest();
        let labels = Array1::from(vec![true, false, true]);
        npy::write_array(&target_list_path(folder.path()), labels.view()).unwrap();
        let found = |folder: &Path| -> Vec<(Label, usize)> {
            let set = PackedSet::open(folder).unwrap();
            set.videos.iter().map(|video| (video.label, video.open().unwrap().frames.len())).collect()
        };
        let expected = [(Label::Fake, 2), (Label::Real, 0), (Label::Fake, 1)];
        assert_eq!(found(folder.path()), expected);
        // As earlier releases wrote a video without a face.
        let faces = Array4::<u8>::zeros((0, 3, FACE_SIDE, FACE_SIDE));
        npy::write_array(&faces_path(folder.path(), 2), faces.view()).unwrap();
        npy::write_array(&indices_path(folder.path(), 2), Array1::<i64>::zeros(0).view()).unwrap();
        assert_eq!(found(folder.path()), expected);
    }

    #[test]
    fn faces_have_the_side_that_the_manifest_says() {
        let folder = tempfile::tempdir().unwrap();
        let small = PackSettings { face_size: 256, ..settings() };
        let planned = PlannedVideo { path: "a.mp4".into(), label: Label::Fake, group: None };
        let mut writer = PackedWriter::open(folder.path(), small, vec![planned], false).unwrap();
        let mut video = writer.start(1).unwrap();
        assert!(video.append(&RgbImage::filled(380, 380, [1; 3]), 0).is_err());
        let mut video = writer.start(1).unwrap();
        video.append(&RgbImage::filled(256, 256, [1, 2, 3]), 4).unwrap();
        let outcome = PackOutcome { status: VideoStatus::Ok, frames_decoded: 1, note: None };
        writer.commit(video, outcome).unwrap();
        writer.finish().unwrap();
        let mut video = PackedSet::open(folder.path()).unwrap().videos[0].open().unwrap();
        let (frame, faces) = video.read_frame().unwrap().unwrap();
        assert_eq!((frame, faces), (4, vec![RgbImage::filled(256, 256, [1, 2, 3])]));
        let manifest = fs::read_to_string(manifest_path(folder.path(), None)).unwrap();
        fs::write(manifest_path(folder.path(), None), manifest.replace("256", "0")).unwrap();
        assert!(set_error(folder.path()).contains("a face size of 0"));
    }

    #[test]
    fn reads_what_was_packed() {
        let folder = packed();
        let set = PackedSet::open(folder.path()).unwrap();
        assert_eq!(set.videos[0].name(), "data/001.mp4");
        assert_eq!(set.videos.iter().map(|v| v.label.class()).collect::<Vec<_>>(), [0, 1, 0]);
        let mut video = set.videos[0].open().unwrap();
        let face = RgbImage::filled(380, 380, [1; 3]);
        for frame in [0, 9] {
            assert_eq!(video.read_frame().unwrap(), Some((frame, vec![face.clone()])));
        }
        assert_eq!(video.read_frame().unwrap(), None);
        assert_eq!(set.videos[1].open().unwrap().status, VideoStatus::NoFace);
        assert_eq!(set.videos[2].open().unwrap().status, VideoStatus::Truncated);
    }

    #[test]
    fn reads_a_folder_without_a_manifest() {
        let folder = without_manifest();
        let set = PackedSet::open(folder.path()).unwrap();
        assert!(set.manifest.is_none() && set.videos[0].name().ends_with("1.npy"));
        let statuses: Vec<_> = set.videos.iter().map(|video| video.open().unwrap().status).collect();
        assert_eq!(statuses, [VideoStatus::Ok, VideoStatus::NoFace, VideoStatus::Ok]);
    }

    #[test]
    fn damaged_faces_are_an_error_of_their_video() {
        let folder = packed();
        let path = faces_path(folder.path(), 1);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..1000]).unwrap();
        assert!(first_video_error(folder.path()).contains("promises 866528 bytes, the file has 1000"));
        npy::write_array(&path, Array4::<f32>::zeros((2, 3, 380, 380)).view()).unwrap();
        assert!(first_video_error(folder.path()).contains("expected elements of type |u1, the file has <f4"));
        npy::write_array(&path, Array4::<u8>::zeros((2, 3, 224, 224)).view()).unwrap();
        assert!(first_video_error(folder.path()).contains("expected shape [n, 3, 380, 380]"));
        npy::write_array(&path, Array4::<u8>::zeros((1, 3, 380, 380)).view()).unwrap();
        assert!(first_video_error(folder.path()).contains("1_idx.npy: expected 1 frame indices"));
        fs::write(&path, "text").unwrap();
        assert!(first_video_error(folder.path()).contains("not a valid .npy file"));
        fs::remove_file(&path).unwrap();
        let error = first_video_error(folder.path());
        assert!(error.contains("1.npy: no such file, expected the faces of a video"), "{error}");
    }

    #[test]
    fn damaged_indices_are_an_error_of_their_video() {
        let folder = packed();
        let path = indices_path(folder.path(), 1);
        npy::write_i64_vec(&path, &[0, -3]).unwrap();
        let error = first_video_error(folder.path());
        assert!(error.contains("face 2: expected a frame index from 0, found -3"), "{error}");
        npy::write_i64_vec(&path, &[0, 1, 2]).unwrap();
        assert!(first_video_error(folder.path()).contains("expected 2 frame indices, one per face, found 3"));
        npy::write_array(&path, Array1::<f64>::zeros(2).view()).unwrap();
        assert!(first_video_error(folder.path()).contains("expected elements of type <i8"));
        // Arrays that agree with one another, but not with the manifest.
        npy::write_i64_vec(&path, &[0]).unwrap();
        let one_face = Array4::<u8>::zeros((1, 3, 380, 380));
        npy::write_array(&faces_path(folder.path(), 1), one_face.view()).unwrap();
        assert!(first_video_error(folder.path()).contains("expected 2 faces according to the manifest"));
    }

    #[test]
    fn a_hole_in_the_numbers_is_an_error_of_its_video() {
        let folder = without_manifest();
        fs::remove_file(faces_path(folder.path(), 1)).unwrap();
        fs::remove_file(indices_path(folder.path(), 1)).unwrap();
        assert!(first_video_error(folder.path()).contains("1.npy: no such file"));
    }

    #[test]
    fn videos_not_packed_yet_are_errors_of_their_own() {
        let folder = packed();
        let mut manifest = Manifest::read(folder.path()).unwrap().unwrap();
        manifest.videos.remove(0);
        manifest.write(folder.path(), None).unwrap();
        assert!(first_video_error(folder.path()).contains("1.npy: not packed yet"));
    }

    #[test]
    fn a_list_of_another_length_is_an_error_of_the_folder() {
        let folder = without_manifest();
        let path = target_list_path(folder.path());
        for labels in [vec![0, 1], vec![0, 1, 0, 1]] {
            npy::write_i64_vec(&path, &labels).unwrap();
            let expected =
                format!("has the labels of {} videos, the arrays beside it end at number 3", labels.len());
            assert!(set_error(folder.path()).contains(&expected));
        }
        let folder = packed();
        npy::write_i64_vec(&target_list_path(folder.path()), &[0, 1, 0, 1]).unwrap();
        assert!(
            set_error(folder.path()).contains("expected labels of the 3 videos in the manifest, found 4")
        );
    }

    #[test]
    fn a_faulty_list_is_an_error_of_the_folder() {
        let folder = packed();
        let path = target_list_path(folder.path());
        npy::write_i64_vec(&path, &[0, 2, 0]).unwrap();
        assert!(set_error(folder.path()).contains("video 2: expected label 0 (real) or 1 (fake), found 2"));
        npy::write_i64_vec(&path, &[1, 1, 0]).unwrap();
        assert!(set_error(folder.path()).contains("video 1 has another label in the manifest"));
        npy::write_i64_vec(&path, &[]).unwrap();
        assert!(set_error(folder.path()).contains("at least one video"));
        npy::write_array(&path, Array1::<f64>::zeros(3).view()).unwrap();
        assert!(set_error(folder.path()).contains("expected elements of type <i8, the file has <f8"));
        fs::remove_file(&path).unwrap();
        assert!(set_error(folder.path()).contains("target_list.npy: cannot read"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        assert!(set_error(Path::new("absent/npy")).contains("absent/npy: cannot use the packed folder"));
    }

    #[test]
    fn an_empty_manifest_speaks_of_videos_to_come() {
        let folder = tempfile::tempdir().unwrap();
        Manifest::new(settings(), 2, Vec::new()).write(folder.path(), None).unwrap();
        npy::write_i64_vec(&target_list_path(folder.path()), &[0, 1]).unwrap();
        let set = PackedSet::open(folder.path()).unwrap();
        assert!(set.videos.iter().all(|video| video.open().is_err()));
    }
}
