//! Looking into folders, with one order and one idea of what a video is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Error, Note, Video, VideoList};
use crate::types::Label;

/// The `*.mp4` in `folder`, sorted. Hidden files, such as the `._*` that some systems put beside
/// every file, are none of them.
pub(super) fn videos_in(folder: &Path, expected: &'static str) -> Result<Vec<PathBuf>, Error> {
    let mut videos = visible_entries(folder, expected)?;
    videos.retain(|path| path.extension().is_some_and(|e| e == "mp4") && !path.is_dir());
    Ok(videos)
}

/// The folders in `folder`, sorted, links to folders included.
pub(super) fn folders_in(folder: &Path, expected: &'static str) -> Result<Vec<PathBuf>, Error> {
    let mut folders = visible_entries(folder, expected)?;
    folders.retain(|path| path.is_dir());
    Ok(folders)
}

fn visible_entries(folder: &Path, expected: &'static str) -> Result<Vec<PathBuf>, Error> {
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => {
            Error::MissingFolder { path: folder.to_path_buf(), expected, compressions: Vec::new() }
        }
        _ => Error::Read { path: folder.to_path_buf(), expected, cause },
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    sort_by_text(&mut paths);
    Ok(paths)
}

/// Sorts as text, where `a-b/x` comes before `a/x`; [`Path`] itself compares folder by folder. Kept
/// so that the order is that of Python's `sorted`.
pub(super) fn sort_by_text(paths: &mut [PathBuf]) {
    paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
}

/// The content of a list file, without the byte order mark that some editors put before it.
pub(super) fn read_list(path: &Path, expected: &'static str) -> Result<String, Error> {
    let mut text = fs::read_to_string(path).map_err(|cause| {
        let path = path.to_path_buf();
        match cause.kind() {
            io::ErrorKind::NotFound => Error::MissingList { path, expected },
            _ => Error::Read { path, expected, cause },
        }
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// Whether `name` is one file name, so that joining it to a folder stays in that folder.
pub(super) fn is_file_name(name: &str) -> bool {
    !(name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']))
}

/// A [`VideoList`] under construction.
#[derive(Default)]
pub(super) struct ListBuilder {
    list: VideoList,
}

impl ListBuilder {
    pub(super) fn push(&mut self, video: Video) {
        self.list.videos.push(video);
    }

    /// A video that a list names: kept if it is on disk, missing otherwise.
    pub(super) fn push_listed(&mut self, path: PathBuf, label: Label) {
        if path.exists() {
            self.push(Video { path, label, group: None });
        } else {
            self.push_missing(path);
        }
    }

    pub(super) fn push_missing(&mut self, path: PathBuf) {
        self.list.missing.push(path);
    }

    pub(super) fn note(&mut self, note: Note) {
        self.list.notes.push(note);
    }

    /// All videos of a folder, which are real or fake by its place. A folder without videos is an
    /// error, or a note where missing videos are allowed.
    pub(super) fn push_folder(
        &mut self,
        found: Result<Vec<PathBuf>, Error>,
        folder: &Path,
        label: Label,
        expected: &'static str,
        allow_missing: bool,
    ) -> Result<(), Error> {
        let paths = match found {
            Err(Error::MissingFolder { .. }) if allow_missing => Vec::new(),
            other => other?,
        };
        let path = folder.to_path_buf();
        match (paths.is_empty(), allow_missing) {
            (true, false) => return Err(Error::Empty { path, expected }),
            (true, true) => self.note(Note::EmptyFolder { path }),
            _ => {}
        }
        let videos = paths.into_iter().map(|path| Video { path, label, group: None });
        self.list.videos.extend(videos);
        Ok(())
    }

    /// The finished list. Fails with [`Error::MissingVideos`] unless those are allowed, and with
    /// [`Error::Empty`] when no video is left. `list` is the file or folder that the errors name.
    pub(super) fn finish(
        mut self,
        list: &Path,
        expected: &'static str,
        allow_missing: bool,
    ) -> Result<VideoList, Error> {
        if !(self.list.missing.is_empty() || allow_missing) {
            return Err(Error::MissingVideos { list: list.to_path_buf(), missing: self.list.missing });
        }
        if self.list.videos.is_empty() {
            return Err(Error::Empty { path: list.to_path_buf(), expected });
        }
        self.note_repetitions();
        Ok(self.list)
    }

    fn note_repetitions(&mut self) {
        let mut seen = std::collections::HashSet::new();
        let mut again = self.list.videos.iter().filter(|video| !seen.insert(&video.path));
        if let Some(first) = again.next().map(|video| video.path.clone()) {
            let count = 1 + again.count();
            self.note(Note::Repeated { count, first });
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A data root with empty files at `paths`.
    pub(in super::super) fn tree(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            write(root.path(), path, "");
        }
        root
    }

    pub(in super::super) fn write(root: &Path, path: &str, content: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The videos as text: label and path below the data root.
    pub(in super::super) fn shown(list: &VideoList, root: &Path) -> Vec<String> {
        let show = |video: &Video| {
            let path = video.path.strip_prefix(root).unwrap();
            format!("{} {}", video.label.class(), path.display())
        };
        list.videos.iter().map(show).collect()
    }

    #[test]
    fn lists_visible_mp4_files_in_order() {
        let root = tree(&["b.mp4", "a.mp4", "._a.mp4", "a.avi", "c.mp4/x", "B.mp4"]);
        let names: Vec<_> = videos_in(root.path(), "videos").unwrap();
        let expected = ["B.mp4", "a.mp4", "b.mp4"].map(|name| root.path().join(name));
        assert_eq!(names, expected);
    }

    #[test]
    fn sorts_as_text() {
        let mut paths = ["a/x", "a-b/x", "a_b/x"].map(PathBuf::from);
        sort_by_text(&mut paths);
        assert_eq!(paths, ["a-b/x", "a/x", "a_b/x"].map(PathBuf::from));
    }

    #[test]
    fn repetitions_are_kept_and_noted() {
        let root = tree(&["a.mp4"]);
        let mut list = ListBuilder::default();
        for _ in 0..3 {
            list.push_listed(root.path().join("a.mp4"), Label::Real);
        }
        let list = list.finish(root.path(), "videos", false).unwrap();
        assert_eq!(list.videos.len(), 3);
        assert!(list.notes[0].to_string().starts_with("2 videos occur more than once"));
    }

    #[test]
    fn names_that_leave_the_folder_are_no_file_names() {
        assert!(is_file_name("a b.mp4"));
        for name in ["", "..", "../a.mp4", "/a.mp4", "a\\b.mp4"] {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
