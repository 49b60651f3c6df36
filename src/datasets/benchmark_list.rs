//! DeepfakeBench's lists: JSON files that name the face crops of every video of a set.
//!
//! `{NAME: {LABEL: {train|val|test: {VIDEO: {"label": …, "frames": […]}}}}}`; FaceForensics++ and DFD have a level of
//! compressions above the videos. Paths are relative to a folder of crops; published ones have backslashes.

use super::{Compression, Error, listing};
use crate::types::Label;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

const LIST: &str = "a list of DeepfakeBench, {set: {label: {split: {video: {\"label\", \"frames\"}}}}}";
/// Labels that do not end in `_Real` or `_Fake`, in lower case.
const REAL: [&str; 1] = ["ff-real"];
const FAKE: [&str; 8] = ["ff-df", "ff-f2f", "ff-fs", "ff-nt", "ff-fh", "ff-sh", "dfdcp_fakea", "dfdcp_fakeb"];
/// A folder that holds the crops of all sets, where paths may begin below the root.
const RGB: &str = "rgb";

/// A video of a list, as crops of its frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVideo {
    /// Its name in the list.
    pub name: String,
    /// Real or fake, by its label's name.
    pub label: Label,
    /// Its label in the list, such as `FF-DF`.
    pub group: String,
    /// The files of its crops, in the list's order.
    pub frames: Vec<PathBuf>,
}

impl ListedVideo {
    /// The folder that holds its crops: what DeepfakeBench tells videos apart by.
    pub fn folder(&self) -> PathBuf {
        self.frames
            .first()
            .and_then(|frame| frame.parent())
            .map_or(PathBuf::from(&self.name), Path::to_path_buf)
    }
}

/// One split of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenchmarkList {
    /// The set's name in the list.
    pub name: String,
    /// The compression that was taken, where there is a choice.
    pub compression: Option<String>,
    /// Its videos, in the list's order; at least one.
    pub videos: Vec<ListedVideo>,
    /// What a user should know about it, one sentence each.
    pub notes: Vec<String>,
}

impl BenchmarkList {
    /// Reads the split `split` of the list at `list`, whose paths begin in `root` or in its folder `rgb`.
    ///
    /// `compression` is taken where the list has several; where it has one, that one. Fails when the file is missing or no
    /// such list, when it has no such split or compression, and when a label is neither real nor fake.
    pub fn read(list: &Path, root: &Path, split: &str, compression: Compression) -> Result<Self, Error> {
        let text = listing::read_list(list, LIST)?;
        let invalid = |cause| Error::Json { path: list.to_path_buf(), expected: LIST, cause };
        let value: Value = serde_json::from_str(&text).map_err(invalid)?;
        let mut reader = Reader { list, root, compression, taken: None, videos: Vec::new() };
        let sets = reader.object("the list", &value)?;
        let mut names = Vec::new();
        for (set, labels) in sets {
            names.push(set.as_str());
            for (label, splits) in reader.object(set, labels)? {
                let splits = reader.object(label, splits)?;
                if let Some(videos) = splits.get(split) {
                    reader.split(label, videos)?;
                }
            }
        }
        let Reader { taken, mut videos, .. } = reader;
        if videos.is_empty() {
            let entry = format!("split {split}");
            return Err(Error::entry(list, entry, "at least one video", "none"));
        }
        let (taken, notes) = match taken {
            Some(taken) if taken != compression.as_str() => {
                let note =
                    format!("the list has no videos of level {compression}; those of {taken} are taken");
                (Some(taken), vec![note])
            }
            taken => (taken, Vec::new()),
        };
        if !videos[0].frames.iter().any(|frame| frame.exists()) && root.join(RGB).is_dir() {
            for frame in videos.iter_mut().flat_map(|video| &mut video.frames) {
                if let Ok(below) = frame.strip_prefix(root) {
                    *frame = root.join(RGB).join(below);
                }
            }
        }
        Ok(BenchmarkList { name: names.join(", "), compression: taken, videos, notes })
    }
}

struct Reader<'a> {
    list: &'a Path,
    root: &'a Path,
    compression: Compression,
    taken: Option<String>,
    videos: Vec<ListedVideo>,
}

impl Reader<'_> {
    fn object<'v>(&self, entry: &str, value: &'v Value) -> Result<&'v Map<String, Value>, Error> {
        value.as_object().ok_or_else(|| Error::entry(self.list, entry.to_owned(), "an object", value))
    }

    /// Takes the videos of a split, or those of a compression of it.
    fn split(&mut self, label: &str, value: &Value) -> Result<(), Error> {
        let entries = self.object(label, value)?;
        let is_video = |value: &Value| value.get("frames").is_some();
        if entries.values().all(is_video) {
            return self.take(entries);
        }
        let wanted = self.compression.as_str();
        let level = match (entries.get(wanted), entries.len()) {
            (Some(_), _) => wanted,
            (None, 1) => entries.keys().next().expect("there is one"),
            (None, _) => {
                let found = entries.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(Error::entry(
                    self.list,
                    label.to_owned(),
                    "videos of the level asked for",
                    found,
                ));
            }
        };
        self.taken = Some(level.to_owned());
        let videos = self.object(label, &entries[level])?;
        self.take(videos)
    }

    fn take(&mut self, videos: &Map<String, Value>) -> Result<(), Error> {
        for (name, value) in videos {
            let wrong = |expected| Error::entry(self.list, name.clone(), expected, value);
            let group =
                value.get("label").and_then(Value::as_str).ok_or_else(|| wrong("a label, as text"))?;
            let label = label_of(group).ok_or_else(|| {
                Error::entry(
                    self.list,
                    name.clone(),
                    "a label of real or fake videos, such as FF-real",
                    group,
                )
            })?;
            let frames =
                value.get("frames").and_then(Value::as_array).ok_or_else(|| wrong("a list of frames"))?;
            let path = |frame: &Value| frame.as_str().map(|text| self.root.join(relative(text)));
            let frames = frames.iter().map(path).collect::<Option<Vec<_>>>();
            let frames = frames.ok_or_else(|| wrong("frames as paths"))?;
            let video = ListedVideo { name: name.clone(), label, group: group.to_owned(), frames };
            self.videos.push(video);
        }
        Ok(())
    }
}

/// A path of the list with this system's separators, without a dot before it.
fn relative(text: &str) -> String {
    let path = text.replace('\\', "/");
    path.strip_prefix("./").map(str::to_owned).unwrap_or(path)
}

/// Whether a label of a list stands for real videos or for fakes.
fn label_of(name: &str) -> Option<Label> {
    let name = name.to_lowercase();
    if REAL.contains(&name.as_str()) || name.ends_with("_real") {
        Some(Label::Real)
    } else if FAKE.contains(&name.as_str()) || name.ends_with("_fake") {
        Some(Label::Fake)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::listing::tests::write;

    fn read(text: &str, split: &str, compression: Compression) -> Result<BenchmarkList, Error> {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "list.json", text);
        BenchmarkList::read(&folder.path().join("list.json"), Path::new("crops"), split, compression)
    }

    #[test]
    fn videos_come_in_the_lists_order_with_either_separator() {
        let text = r#"{"Celeb-DF-v2": {
            "CelebDFv2_real": {"test": {"id3": {"label": "CelebDFv2_real",
                "frames": ["Celeb-DF-v2\\Celeb-real\\frames\\id3\\007.png"]}}, "train": {}},
            "CelebDFv2_fake": {"test": {"id1_id2": {"label": "CelebDFv2_fake", "masks": [],
                "frames": ["./Celeb-DF-v2/x/frames/id1_id2/000.png", "Celeb-DF-v2/x/frames/id1_id2/001.png"]}}}}}"#;
        let list = read(text, "test", Compression::Raw).unwrap();
        assert_eq!((list.name.as_str(), list.compression, list.notes.len()), ("Celeb-DF-v2", None, 0));
        let videos: Vec<_> = list
            .videos
            .iter()
            .map(|v| (v.name.as_str(), v.label, v.group.as_str(), v.frames.len()))
            .collect();
        let expected =
            [("id3", Label::Real, "CelebDFv2_real", 1), ("id1_id2", Label::Fake, "CelebDFv2_fake", 2)];
        assert_eq!(videos, expected);
        assert_eq!(list.videos[0].frames[0], Path::new("crops/Celeb-DF-v2/Celeb-real/frames/id3/007.png"));
        assert_eq!(list.videos[1].folder(), Path::new("crops/Celeb-DF-v2/x/frames/id1_id2"));
        let error = read(text, "train", Compression::Raw).unwrap_err().to_string();
        assert!(error.contains("split train: expected at least one video"), "{error}");
    }

    #[test]
    fn compressions_are_chosen_and_a_lone_one_is_told() {
        let video = |label: &str| format!(r#"{{"000": {{"label": "{label}", "frames": []}}}}"#);
        let both = format!(
            r#"{{"FF++": {{"FF-real": {{"test": {{"c23": {0}, "c40": {0}}}}}, "FF-NT": {{"test": {{"c40": {1}}}}}}}}}"#,
            video("FF-real"),
            video("FF-NT")
        );
        let list = read(&both, "test", Compression::C40).unwrap();
        assert_eq!((list.videos.len(), list.compression.as_deref()), (2, Some("c40")));
        assert!(list.notes.is_empty());
        let error = read(&both, "test", Compression::Raw).unwrap_err().to_string();
        assert!(error.contains("FF-real") && error.ends_with("found c23, c40"), "{error}");
        let one = format!(r#"{{"DFD": {{"DFD_fake": {{"test": {{"c23": {}}}}}}}}}"#, video("DFD_fake"));
        let list = read(&one, "test", Compression::Raw).unwrap();
        assert_eq!(list.compression.as_deref(), Some("c23"));
        assert!(list.notes[0].contains("raw") && list.notes[0].contains("c23"));
    }

    #[test]
    fn labels_are_those_of_the_benchmark() {
        let real = ["FF-real", "DFD_real", "CelebDFv1_real", "CelebDFv2_real", "DFDCP_Real", "DFDC_Real"];
        let more = ["DF_real", "UADFV_Real", "roop_Real", "faceswap_Real"];
        assert!(real.iter().chain(&more).all(|name| label_of(name) == Some(Label::Real)));
        let fake = ["FF-DF", "FF-F2F", "FF-FS", "FF-NT", "FF-FH", "FF-SH", "DFD_fake", "CelebDFv1_fake"];
        let more = ["CelebDFv2_fake", "DFDCP_FakeA", "DFDCP_FakeB", "DFDC_Fake", "DF_fake", "UADFV_Fake"];
        let newer = ["roop_Fake", "simswap_Fake"];
        assert!(fake.iter().chain(&more).chain(&newer).all(|name| label_of(name) == Some(Label::Fake)));
        let text = r#"{"X": {"X": {"test": {"1": {"label": "genuine", "frames": []}}}}}"#;
        let error = read(text, "test", Compression::Raw).unwrap_err().to_string();
        assert!(error.ends_with("such as FF-real, found genuine"), "{error}");
        for text in [
            "[]",
            "{\"X\": 1}",
            "{\"X\": {\"Y\": []}}",
            "{\"X\": {\"Y\": {\"test\": {\"1\": {\"frames\": 3}}}}}",
        ] {
            assert!(matches!(read(text, "test", Compression::Raw), Err(Error::Entry { .. })), "{text}");
        }
    }
}
