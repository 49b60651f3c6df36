//! Packing a test set, in one go or in several.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::manifest::{journal_line, journal_path};
use super::resume::{clear, is_packed, resumed_entries};
use super::{
    Error, Manifest, PackSettings, VideoEntry, face_shape, faces_path, indices_path, target_list_path,
};
use crate::atomic_file;
use crate::npy::{self, FaceWriter};
use crate::types::{Label, RgbImage, Shard, VideoStatus};

/// A video of the test set that is to be packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedVideo {
    /// The video's file.
    pub path: PathBuf,
    /// Whether the video is real or fake.
    pub label: Label,
    /// The method that made it, where the test set tells.
    pub group: Option<String>,
}

/// How the reading of a video went, for the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackOutcome {
    /// How reading the video went; an `ok` without any face is written as `no_face`.
    pub status: VideoStatus,
    /// Number of frames that were decoded.
    pub frames_decoded: u32,
    /// What went wrong, in words.
    pub note: Option<String>,
}

/// A packed folder that is being filled. One process may fill a folder at a time, or one for each of its shards.
///
/// Everything a video needs is on disk once [`commit`](PackedWriter::commit) returns; a process
/// killed at any moment loses at most the videos it was working on.
#[derive(Debug)]
pub struct PackedWriter {
    folder: PathBuf,
    settings: PackSettings,
    videos: Vec<PlannedVideo>,
    /// The part of the videos that this process packs; `None`: all.
    shard: Option<Shard>,
    /// What is known about each video; `None` as long as it is to be done.
    entries: Vec<Option<VideoEntry>>,
    journal: File,
}

impl PackedWriter {
    /// Opens `folder` for the videos of a test set, in its order, and creates it if need be. With
    /// `overwrite`, what was packed there before is deleted first.
    ///
    /// Videos that were packed before with the same settings stay. A list that continues the one
    /// packed before is welcome. Video files may have moved to another folder, but not changed
    /// their name. `target_list.npy` is complete from here on.
    ///
    /// Fails with [`Error::Settings`], [`Error::OtherVideo`], [`Error::FewerVideos`] or
    /// [`Error::NoManifest`] when the folder holds something else, without changing it; with other
    /// variants when it cannot be read or written.
    pub fn open(
        folder: &Path,
        settings: PackSettings,
        videos: Vec<PlannedVideo>,
        overwrite: bool,
    ) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|cause| Error::Folder { path: folder.to_path_buf(), cause })?;
        if overwrite {
            clear(folder)?;
        }
        let writer = Self::begin(folder, settings, videos, None)?;
        atomic_file::remove_leftovers(folder)?;
        Ok(writer)
    }

    /// Opens `folder` for the videos of one shard, while other processes pack the others. Everything that this one writes
    /// has names of its own; [`join_shards`](super::join_shards) makes one manifest of all.
    ///
    /// Videos that any shard packed before, of whatever number of shards, stay. Fails as [`open`](PackedWriter::open) does.
    pub fn open_shard(
        folder: &Path,
        settings: PackSettings,
        videos: Vec<PlannedVideo>,
        shard: Shard,
    ) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|cause| Error::Folder { path: folder.to_path_buf(), cause })?;
        Self::begin(folder, settings, videos, Some(shard))
    }

    fn begin(
        folder: &Path,
        settings: PackSettings,
        videos: Vec<PlannedVideo>,
        shard: Option<Shard>,
    ) -> Result<Self, Error> {
        let mut before = Manifest::read(folder)?;
        if before.is_none() && is_packed(folder)? {
            // Another shard may have begun just now; its manifest comes before its arrays.
            before = Manifest::read(folder)?;
            if before.is_none() {
                return Err(Error::NoManifest { path: folder.to_path_buf() });
            }
        }
        let entries = match before {
            Some(before) => {
                resumed_entries(folder, &settings, &videos, before, |number| is_in(shard, number))?
            }
            None => vec![None; videos.len()],
        };
        let path = journal_path(folder, shard);
        let labels: Vec<i64> = videos.iter().map(|video| video.label.class()).collect();
        let manifest = manifest_of(&settings, &videos, shard, &entries);
        manifest.write(folder, shard)?;
        npy::write_i64_vec(&target_list_path(folder), &labels)?;
        let journal = File::options().create(true).append(true).open(&path);
        let journal = journal.map_err(|cause| Error::Folder { path, cause })?;
        Ok(Self { folder: folder.to_path_buf(), settings, videos, shard, entries, journal })
    }

    /// The numbers, from 1, of the videos that are still to be packed, ascending. Videos that could
    /// not be read before are among them: they may have been repaired.
    pub fn pending(&self) -> Vec<usize> {
        let is_open = |number: &usize| self.entries[number - 1].is_none() && is_in(self.shard, *number);
        (1..=self.entries.len()).filter(is_open).collect()
    }

    /// The video with this number, from 1.
    ///
    /// # Panics
    /// If there is no video with this number.
    pub fn video(&self, number: usize) -> &PlannedVideo {
        &self.videos[number - 1]
    }

    /// What is known about the videos packed so far, by ascending number.
    pub fn entries(&self) -> impl Iterator<Item = &VideoEntry> {
        self.entries.iter().flatten()
    }

    /// Starts the arrays of a video, of which nothing shows before it is committed.
    ///
    /// Several videos may be under way at once, each on its own thread. Fails with
    /// [`Error::Array`] when the folder cannot be written.
    ///
    /// # Panics
    /// If there is no video with this number.
    pub fn start(&self, number: usize) -> Result<PackedVideoWriter, Error> {
        assert!((1..=self.videos.len()).contains(&number), "no video {number}");
        let faces = FaceWriter::create(
            &faces_path(&self.folder, number),
            face_shape(self.settings.face_size as usize),
        )?;
        Ok(PackedVideoWriter { number, faces, indices: Vec::new() })
    }

    /// Puts the arrays of a video in place and its entry into the manifest, also when it has no
    /// face or could not be read: its arrays then are NumPy's empty lists, as the original programs write them.
    ///
    /// Fails with [`Error`] when the folder cannot be written.
    pub fn commit(&mut self, video: PackedVideoWriter, outcome: PackOutcome) -> Result<&VideoEntry, Error> {
        let PackedVideoWriter { number, faces, indices } = video;
        faces.finish()?;
        npy::write_i64_vec(&indices_path(&self.folder, number), &indices)?;

        let planned = &self.videos[number - 1];
        let status = match outcome.status {
            VideoStatus::Ok if indices.is_empty() => VideoStatus::NoFace,
            status => status,
        };
        let entry = VideoEntry {
            number,
            path: planned.path.to_string_lossy().into_owned(),
            label: planned.label,
            group: planned.group.clone(),
            status,
            frames_wanted: self.settings.frames,
            frames_decoded: outcome.frames_decoded,
            frames_with_face: indices.chunk_by(|a, b| a == b).count() as u32,
            faces: indices.len(),
            note: outcome.note,
        };
        // Last, so that an entry always speaks of arrays that are whole.
        journal_line(&entry)
            .and_then(|line| self.journal.write_all(&line))
            .and_then(|()| self.journal.sync_data())
            .map_err(|cause| Error::Folder { path: journal_path(&self.folder, self.shard), cause })?;
        Ok(self.entries[number - 1].insert(entry))
    }

    /// Writes the manifest as a whole and returns it. Videos that are still pending stay so, and a
    /// later run goes on with them.
    ///
    /// Fails with [`Error::Write`] when the folder cannot be written; nothing is lost then.
    pub fn finish(self) -> Result<Manifest, Error> {
        let manifest = manifest_of(&self.settings, &self.videos, self.shard, &self.entries);
        manifest.write(&self.folder, self.shard)?;
        Ok(manifest)
    }
}

/// Whether the video of this number, from 1, belongs to a shard.
fn is_in(shard: Option<Shard>, number: usize) -> bool {
    shard.is_none_or(|shard| shard.has(number - 1))
}

/// What is known, as a manifest; that of a shard has its own videos alone.
fn manifest_of(
    settings: &PackSettings,
    videos: &[PlannedVideo],
    shard: Option<Shard>,
    entries: &[Option<VideoEntry>],
) -> Manifest {
    let known = entries.iter().flatten().filter(|entry| is_in(shard, entry.number));
    let manifest = Manifest::new(settings.clone(), videos.len(), known.cloned().collect());
    let Some(shard) = shard else { return manifest };
    let planned = shard.places(videos.len()).map(|place| videos[place].path.display().to_string());
    manifest.of_shard(planned.collect())
}

/// The arrays of one video while they grow. Dropped without a commit, they leave nothing.
#[derive(Debug)]
pub struct PackedVideoWriter {
    number: usize,
    faces: FaceWriter,
    indices: Vec<i64>,
}

impl PackedVideoWriter {
    /// Adds a face of the size that the settings have, which was found in frame `frame`, counted from 0.
    ///
    /// Faces of one frame follow one another. Fails with [`Error::Array`] when the face has another
    /// size or the disk is full.
    pub fn append(&mut self, face: &RgbImage, frame: u32) -> Result<(), Error> {
        // The format has one colour after the other.
        self.faces.append(&face.to_planes())?;
        self.indices.push(i64::from(frame));
        Ok(())
    }

    /// The number of the video, from 1.
    pub fn number(&self) -> usize {
        self.number
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::manifest::manifest_path;
    use super::super::manifest::tests::settings;
    use super::*;

    fn planned(count: usize) -> Vec<PlannedVideo> {
        let label = |i| if i % 2 == 1 { Label::Real } else { Label::Fake };
        (1..=count)
            .map(|i| PlannedVideo { path: format!("data/{i:03}.mp4").into(), label: label(i), group: None })
            .collect()
    }

    fn open(folder: &Path, count: usize) -> Result<PackedWriter, Error> {
        PackedWriter::open(folder, settings(), planned(count), false)
    }

    fn pack(writer: &mut PackedWriter, number: usize, frames: &[u32], status: VideoStatus) {
        let mut video = writer.start(number).unwrap();
        let face = RgbImage::filled(380, 380, [number as u8; 3]);
        for &frame in frames {
            video.append(&face, frame).unwrap();
        }
        writer.commit(video, PackOutcome { status, frames_decoded: 32, note: None }).unwrap();
    }

    /// A finished folder of three videos: two faces, none, one.
    pub(in super::super) fn packed() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = open(folder.path(), 3).unwrap();
        pack(&mut writer, 1, &[0, 9], VideoStatus::Ok);
        pack(&mut writer, 2, &[], VideoStatus::Ok);
        pack(&mut writer, 3, &[4], VideoStatus::Truncated);
        writer.finish().unwrap();
        folder
    }

    #[test]
    fn writes_arrays_list_and_manifest() {
        let folder = packed();
        let manifest = Manifest::read(folder.path()).unwrap().unwrap();
        let statuses: Vec<_> = manifest.videos.iter().map(|entry| entry.status).collect();
        assert_eq!(statuses, [VideoStatus::Ok, VideoStatus::NoFace, VideoStatus::Truncated]);
        assert!(manifest.complete);
        assert_eq!(manifest.videos[0].frames_with_face, 2);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let expected = ["1.npy", "1_idx.npy", "2.npy", "2_idx.npy", "3.npy", "3_idx.npy"];
        assert_eq!(names[..6], expected);
        assert_eq!(names[6..], ["manifest.json", "target_list.npy"]);
    }

    #[test]
    fn a_video_without_a_face_has_the_original_programs_empty_arrays() {
        let folder = packed();
        let empty = fs::read(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npy").join("empty_float64.npy"),
        )
        .unwrap();
        for path in [faces_path(folder.path(), 2), indices_path(folder.path(), 2)] {
            assert_eq!(fs::read(path).unwrap(), empty);
        }
        // It counts as packed.
        assert!(open(folder.path(), 3).unwrap().pending().is_empty());
    }

    #[test]
    fn a_killed_run_is_resumed_without_what_was_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = open(folder.path(), 4).unwrap();
        pack(&mut writer, 1, &[0], VideoStatus::Ok);
        pack(&mut writer, 3, &[0, 0], VideoStatus::Ok);
        // Neither dropped nor finished: what a kill would leave.
        std::mem::forget(writer.start(2).unwrap());
        std::mem::forget(writer);
        assert!(fs::read_dir(folder.path()).unwrap().any(|e| atomic_file::is_leftover(&e.unwrap().path())));
        assert_eq!(npy::read_i64_vec(&target_list_path(folder.path())).unwrap(), [0, 1, 0, 1]);

        let mut writer = open(folder.path(), 4).unwrap();
        assert_eq!(writer.pending(), [2, 4]);
        assert_eq!(writer.entries().map(|entry| entry.number).collect::<Vec<_>>(), [1, 3]);
        assert!(!fs::read_dir(folder.path()).unwrap().any(|e| atomic_file::is_leftover(&e.unwrap().path())));
        pack(&mut writer, 4, &[], VideoStatus::NoFace);
        assert!(!writer.finish().unwrap().complete);
        let mut writer = open(folder.path(), 4).unwrap();
        pack(&mut writer, 2, &[1], VideoStatus::Ok);
        assert!(writer.finish().unwrap().complete);
    }

    #[test]
    fn damaged_and_unreadable_videos_are_done_again() {
        let folder = packed();
        let faces = faces_path(folder.path(), 1);
        let whole = fs::read(&faces).unwrap();
        fs::write(&faces, &whole[..whole.len() - 1]).unwrap();
        fs::remove_file(indices_path(folder.path(), 3)).unwrap();
        let mut writer = open(folder.path(), 3).unwrap();
        assert_eq!(writer.pending(), [1, 3]);
        pack(&mut writer, 1, &[], VideoStatus::Unreadable);
        drop(writer);
        assert_eq!(open(folder.path(), 3).unwrap().pending(), [1, 3]);
    }

    #[test]
    fn a_longer_list_continues_and_a_shorter_one_is_refused() {
        let folder = packed();
        assert_eq!(open(folder.path(), 5).unwrap().pending(), [4, 5]);
        let error = open(folder.path(), 2).unwrap_err().to_string();
        assert!(error.contains("holds 5 videos, this run has 2"), "{error}");
    }

    #[test]
    fn other_settings_are_refused_with_both_values() {
        let folder = packed();
        let other = PackSettings { frames: 16, ..settings() };
        let error = PackedWriter::open(folder.path(), other, planned(3), false).unwrap_err().to_string();
        assert!(error.contains("packed with number of frames 32, this run has 16"), "{error}");
        assert!(error.contains("manifest.json"), "{error}");
    }

    #[test]
    fn other_videos_are_refused_but_may_have_moved() {
        let folder = packed();
        let mut videos = planned(3);
        videos[0].path = "elsewhere/001.mp4".into();
        let writer = PackedWriter::open(folder.path(), settings(), videos.clone(), false).unwrap();
        assert_eq!(writer.entries().next().unwrap().path, "elsewhere/001.mp4");
        videos[1].label = Label::Real;
        let error = PackedWriter::open(folder.path(), settings(), videos, false).unwrap_err().to_string();
        assert!(error.contains("video 2 is 002.mp4 (label 1), in this run 002.mp4 (label 0)"), "{error}");
    }

    #[test]
    fn overwriting_deletes_the_packed_set_and_nothing_else() {
        let folder = packed();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let other = PackSettings { dataset: "DFD".into(), ..settings() };
        let writer = PackedWriter::open(folder.path(), other, planned(2), true).unwrap();
        assert_eq!(writer.pending(), [1, 2]);
        assert!(folder.path().join("notes.txt").exists());
        assert!(!faces_path(folder.path(), 3).exists());
    }

    #[test]
    fn a_folder_of_another_program_is_left_alone() {
        let folder = packed();
        fs::remove_file(manifest_path(folder.path(), None)).unwrap();
        let error = open(folder.path(), 3).unwrap_err().to_string();
        assert!(error.contains("arrays without a manifest"), "{error}");
        assert!(faces_path(folder.path(), 1).exists());
    }

    #[test]
    fn videos_can_be_written_on_other_threads() {
        fn is_send<T: Send>() {}
        is_send::<PackedVideoWriter>();
        is_send::<PackedWriter>();
    }
}
