//! The preview of the DeepFake Detection Challenge (DFDCP): nested folders and one JSON list.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::ff::kind_of;
use super::listing::{self, ListBuilder};
use super::{Error, Video, VideoList};
use crate::types::Label;

const LIST: &str = "the DFDCP list, an object of videos with 'set' and 'label'";
const VIDEOS: &str = "the videos of DFDCP";

/// The folder of the set.
pub(super) fn folder(data_root: &Path) -> PathBuf {
    data_root.join("DFDCP")
}

/// The videos on disk, in the order of the folders, whose file name is that of a test video in
/// `dataset.json`. The keys there lack the folder `videos`, so only file names can be compared.
pub(super) fn list(data_root: &Path, allow_missing: bool) -> Result<VideoList, Error> {
    let folder = folder(data_root);
    let path = folder.join("dataset.json");
    let tests = read_tests(&path)?;

    let mut list = ListBuilder::default();
    let mut found = HashSet::new();
    for video in videos_on_disk(&folder)? {
        let name = video.file_name().and_then(|name| name.to_str());
        if let Some((name, label)) = name.and_then(|name| tests.labels.get_key_value(name)) {
            found.insert(name.as_str());
            list.push(Video { path: video, label: *label, group: None });
        }
    }
    for key in &tests.keys {
        // Two keys with one file name are missed once.
        if found.insert(file_name(key)) {
            list.push_missing(folder.join(key));
        }
    }
    list.finish(&path, LIST, allow_missing)
}

/// What `dataset.json` says about the test videos.
struct Tests {
    /// Paths as the list writes them, in file order.
    keys: Vec<String>,
    /// Labels of the test videos by file name.
    labels: HashMap<String, Label>,
}

fn read_tests(path: &Path) -> Result<Tests, Error> {
    let text = listing::read_list(path, LIST)?;
    let value: Value = serde_json::from_str(&text).map_err(|cause| Error::Json {
        path: path.to_path_buf(),
        expected: LIST,
        cause,
    })?;
    let Value::Object(entries) = value else {
        return Err(Error::entry(path, "top level".into(), "an object", kind_of(&value)));
    };
    let mut tests = Tests { keys: Vec::new(), labels: HashMap::new() };
    for (key, entry) in entries {
        let wrong = |expected, found: &str| Error::entry(path, format!("'{key}'"), expected, found);
        let Value::Object(entry) = entry else {
            return Err(wrong("an object with 'set' and 'label'", kind_of(&entry)));
        };
        if text_of(&entry, "set").ok_or_else(|| wrong("a 'set' in quotes", "none"))? != "test" {
            continue;
        }
        let label = match text_of(&entry, "label") {
            Some("fake") => Label::Fake,
            Some("real") => Label::Real,
            other => return Err(wrong("a label \"fake\" or \"real\"", other.unwrap_or("none"))),
        };
        let name = file_name(&key);
        if !listing::is_file_name(name) {
            return Err(wrong("a key that ends in a file name", "none"));
        }
        let before = tests.labels.insert(name.to_string(), label);
        if before.is_some_and(|before| before != label) {
            return Err(wrong("one label for one file name", "another key with the other label"));
        }
        tests.keys.push(key);
    }
    Ok(tests)
}

fn text_of<'a>(entry: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    entry.get(field)?.as_str()
}

fn file_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// `method_*/videos/<id>/<id>_<x>/*.mp4`, sorted, then `original_videos/videos/<id>/*.mp4`, sorted.
pub(super) fn videos_on_disk(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_method = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(b"method_")
    };
    let methods: Vec<PathBuf> = listing::folders_in(folder, VIDEOS)?.into_iter().filter(is_method).collect();
    let mut fakes = Vec::new();
    for method in methods {
        fakes.extend(videos_below(&method.join("videos"), 2)?);
    }
    listing::sort_by_text(&mut fakes);
    let mut originals = videos_below(&folder.join("original_videos/videos"), 1)?;
    listing::sort_by_text(&mut originals);
    fakes.extend(originals);
    Ok(fakes)
}

/// The videos `depth` folders below `folder`; none if it does not exist, for the list then tells
/// which of its videos are missing.
fn videos_below(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    if depth == 0 {
        return listing::videos_in(folder, VIDEOS);
    }
    let mut videos = Vec::new();
    for inner in listing::folders_in(folder, VIDEOS)? {
        videos.extend(videos_below(&inner, depth - 1)?);
    }
    Ok(videos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::with_causes;
    use crate::datasets::listing::tests::{shown, tree, write};

    const FILES: [&str; 5] = [
        "DFDCP/method_A/videos/12/12_B/12_B_001.mp4",
        "DFDCP/method_A/videos/12/12_A/12_A_001.mp4",
        "DFDCP/method_B/videos/07/07_C/07_C_001.mp4",
        "DFDCP/original_videos/videos/12/12_001.mp4",
        "DFDCP/original_videos/videos/99/99_001.mp4",
    ];
    const JSON: &str = r#"{
        "original_videos/12/12_001.mp4": {"label": "real", "set": "test"},
        "method_B/07/07_C/07_C_001.mp4": {"label": "fake", "set": "test"},
        "method_A/12/12_A/12_A_001.mp4": {"label": "fake", "set": "test"},
        "method_A/12/12_B/12_B_001.mp4": {"label": "fake", "set": "train"}
    }"#;

    fn with_list(content: &str) -> tempfile::TempDir {
        let root = tree(&FILES);
        write(root.path(), "DFDCP/dataset.json", content);
        root
    }

    #[test]
    fn the_order_is_that_of_the_folders() {
        let root = with_list(JSON);
        let list = list(root.path(), false).unwrap();
        let expected = [format!("1 {}", FILES[1]), format!("1 {}", FILES[2]), format!("0 {}", FILES[3])];
        assert_eq!(shown(&list, root.path()), expected);
    }

    #[test]
    fn missing_videos_are_counted_or_allowed() {
        let root = with_list(JSON);
        std::fs::remove_dir_all(root.path().join("DFDCP/original_videos")).unwrap();
        let error = list(root.path(), false).unwrap_err().to_string();
        assert!(error.contains("1 of the videos") && error.contains("original_videos/12/12_001.mp4"));
        assert_eq!(list(root.path(), true).unwrap().missing.len(), 1);
    }

    #[test]
    fn faulty_lists_are_named() {
        for (content, expected) in [
            ("{", "invalid JSON"),
            ("[]", "expected an object, found a list"),
            ("{}", "no videos"),
            (r#"{"a.mp4": 3}"#, "'a.mp4': expected an object"),
            (r#"{"a.mp4": {"label": "fake"}}"#, "'a.mp4': expected a 'set'"),
            (r#"{"a.mp4": {"label": 1, "set": "test"}}"#, "'a.mp4': expected a label"),
            (r#"{"a/": {"label": "fake", "set": "test"}}"#, "ends in a file name"),
            (
                r#"{"a/x.mp4": {"label": "fake", "set": "test"}, "b/x.mp4": {"label": "real", "set": "test"}}"#,
                "'b/x.mp4': expected one label",
            ),
        ] {
            let error = with_causes(&list(with_list(content).path(), false).unwrap_err());
            assert!(error.contains(expected) && error.contains("dataset.json"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_missing_list_is_named() {
        let error = list(tree(&FILES).path(), false).unwrap_err().to_string();
        assert!(error.contains("dataset.json: no such file, expected the DFDCP list"), "{error}");
    }
}
