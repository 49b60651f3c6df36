//! FaceForensics++: one thousand originals and, for each method, as many manipulations of them.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::listing::{self, ListBuilder};
use super::{Compression, Error, Note, Video, VideoList};
use crate::types::Label;

const FOLDER: &str = "FaceForensics++";
const ORIGINALS: &str = "the original videos of FaceForensics++";
const MANIPULATED: &str = "the manipulated videos of FaceForensics++";
const TEST_LIST: &str = "the FaceForensics++ test list, pairs of ids such as [\"071\", \"054\"]";
const SPLIT_LIST: &str = "a FaceForensics++ split list, pairs of ids such as [\"071\", \"054\"]";

/// A method that made fakes of FaceForensics++.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manipulation {
    /// A face swap by autoencoders.
    Deepfakes,
    /// Facial reenactment by a face model.
    Face2Face,
    /// Face swap by a face model.
    FaceSwap,
    /// Facial reenactment by a neural renderer.
    NeuralTextures,
    /// Two-stage face swap, published later than the others and not part of their test set.
    FaceShifter,
}

impl Manipulation {
    /// The four methods of the test set `FF`, in its order.
    pub const STANDARD: [Manipulation; 4] = [
        Manipulation::Deepfakes,
        Manipulation::Face2Face,
        Manipulation::FaceSwap,
        Manipulation::NeuralTextures,
    ];

    /// The name of its folder, which is also its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Manipulation::Deepfakes => "Deepfakes",
            Manipulation::Face2Face => "Face2Face",
            Manipulation::FaceSwap => "FaceSwap",
            Manipulation::NeuralTextures => "NeuralTextures",
            Manipulation::FaceShifter => "FaceShifter",
        }
    }
}

impl fmt::Display for Manipulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The path `FaceForensics++/<kind>/<name>/<compression>/videos` under the data root.
fn video_folder(data_root: &Path, kind: &str, name: &str, compression: Compression) -> PathBuf {
    data_root.join(FOLDER).join(kind).join(name).join(compression.as_str()).join("videos")
}

/// The folder of original videos `name`, which is `youtube` or, for DFD, `actors`.
pub(super) fn original_folder(data_root: &Path, name: &str, compression: Compression) -> PathBuf {
    video_folder(data_root, "original_sequences", name, compression)
}

/// The folder of the videos that the method `name` made.
pub(super) fn manipulated_folder(data_root: &Path, name: &str, compression: Compression) -> PathBuf {
    video_folder(data_root, "manipulated_sequences", name, compression)
}

/// The sorted videos of such a folder. When there is none, the error tells for which other
/// compressions there is one: the wrong level is the usual reason.
pub(super) fn videos_of(folder: &Path, expected: &'static str) -> Result<Vec<PathBuf>, Error> {
    listing::videos_in(folder, expected).map_err(|error| match error {
        Error::MissingFolder { path, expected, .. } => {
            // `folder` ends in `<compression>/videos`.
            let all = folder.parent().and_then(Path::parent);
            let is_there =
                |c: &Compression| all.is_some_and(|all| all.join(c.as_str()).join("videos").is_dir());
            let compressions = Compression::ALL.into_iter().filter(is_there).collect();
            Error::MissingFolder { path, expected, compressions }
        }
        other => other,
    })
}

/// The originals whose id is in the test list, then their manipulations by each of `manipulations`.
///
/// The list chooses among the videos that are there. Ids without a video, in one folder or in all, are no
/// fault of their own (many people keep a part of this set) but change what a number means: each folder
/// with gaps becomes a [`Note`]. A folder that is missing altogether is an error if it is the originals' or
/// was asked for by name, unless missing videos are allowed.
pub(super) fn list(
    data_root: &Path,
    manipulations: &[Manipulation],
    compression: Compression,
    allow_missing: bool,
) -> Result<VideoList, Error> {
    let list_path = data_root.join(FOLDER).join("test.json");
    let pairs = read_pairs(&list_path, TEST_LIST)?;
    let ids: BTreeSet<&str> = pairs.iter().flatten().map(String::as_str).collect();

    let mut list = ListBuilder::default();
    let originals = original_folder(data_root, "youtube", compression);
    push_chosen(&mut list, &originals, &ids, None, allow_missing)?;
    for &manipulation in manipulations {
        let folder = manipulated_folder(data_root, manipulation.as_str(), compression);
        let one_of_several = manipulations.len() > 1;
        push_chosen(&mut list, &folder, &ids, Some(manipulation), allow_missing || one_of_several)?;
    }
    list.finish(&list_path, TEST_LIST, allow_missing)
}

/// The sorted videos of `folder` whose first three characters are among `ids`.
fn push_chosen(
    list: &mut ListBuilder,
    folder: &Path,
    ids: &BTreeSet<&str>,
    manipulation: Option<Manipulation>,
    may_lack_folder: bool,
) -> Result<(), Error> {
    let (label, expected) = match manipulation {
        None => (Label::Real, ORIGINALS),
        Some(_) => (Label::Fake, MANIPULATED),
    };
    let on_disk = match videos_of(folder, expected) {
        Err(Error::MissingFolder { .. }) if may_lack_folder => Vec::new(),
        other => other?,
    };
    let mut without_video = ids.clone();
    for path in on_disk {
        if let Some(id) = id_of(&path).filter(|id| ids.contains(id)) {
            without_video.remove(id);
            list.push(Video { path: path.clone(), label, group: manipulation });
        }
    }
    if let Some(first) = without_video.first() {
        let (path, missing, of) = (folder.to_path_buf(), without_video.len(), ids.len());
        list.note(Note::IdsWithoutVideo { path, missing, of, first: first.to_string() });
    }
    Ok(())
}

/// The first three characters of a file name.
fn id_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.get(..3)
}

/// A part of FaceForensics++ that training uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The videos for training, listed in `train.json`.
    Train,
    /// The videos for validation, listed in `val.json`.
    Validation,
}

impl Split {
    /// Where its list of ids lies.
    pub fn list_path(self, data_root: &Path) -> PathBuf {
        let name = match self {
            Split::Train => "train.json",
            Split::Validation => "val.json",
        };
        data_root.join(FOLDER).join(name)
    }
}

/// The ids of a split list, whether [`Split::list_path`] or another: every id of every pair.
///
/// Fails when the list is missing or faulty.
pub fn split_ids(list: &Path) -> Result<BTreeSet<String>, Error> {
    Ok(read_pairs(list, SPLIT_LIST)?.into_iter().flatten().collect())
}

/// The pairs of a list such as `[["071", "054"], ["087", "081"]]`.
fn read_pairs(path: &Path, expected: &'static str) -> Result<Vec<[String; 2]>, Error> {
    let text = listing::read_list(path, expected)?;
    let value: Value = serde_json::from_str(&text).map_err(|cause| Error::Json {
        path: path.to_path_buf(),
        expected,
        cause,
    })?;
    let Value::Array(entries) = value else {
        return Err(Error::entry(path, "top level".into(), "a list of pairs", kind_of(&value)));
    };
    let pairs: Result<Vec<_>, Error> = entries.iter().enumerate().map(|(i, e)| pair(path, i, e)).collect();
    match pairs? {
        pairs if pairs.is_empty() => Err(Error::Empty { path: path.to_path_buf(), expected }),
        pairs => Ok(pairs),
    }
}

fn pair(path: &Path, index: usize, entry: &Value) -> Result<[String; 2], Error> {
    let id = |value: &Value| {
        let id = value.as_str()?;
        let digits = id.len() == 3 && id.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| id.to_string())
    };
    let ids = match entry.as_array().map(Vec::as_slice) {
        Some([a, b]) => id(a).zip(id(b)),
        _ => None,
    };
    ids.map(|(a, b)| [a, b]).ok_or_else(|| {
        let expected = "a pair of three-digit ids in quotes, such as [\"071\", \"054\"]";
        let found: String = entry.to_string().chars().take(60).collect();
        Error::entry(path, format!("entry {}", index + 1), expected, found)
    })
}

/// What a JSON value is, for messages.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::with_causes;
    use crate::datasets::listing::tests::{shown, tree, write};

    const LIST: &str = "FaceForensics++/test.json";

    fn complete() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let base = "FaceForensics++";
        for id in ["054", "071", "999"] {
            write(root.path(), &format!("{base}/original_sequences/youtube/c23/videos/{id}.mp4"), "");
        }
        for method in ["Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter"] {
            for name in ["071_054", "054_071", "999_071"] {
                let folder = format!("{base}/manipulated_sequences/{method}/c23/videos");
                write(root.path(), &format!("{folder}/{name}.mp4"), "");
            }
        }
        write(root.path(), LIST, r#"[["071", "054"]]"#);
        root
    }

    fn list_c23(root: &Path, allow_missing: bool) -> Result<VideoList, Error> {
        list(root, &Manipulation::STANDARD, Compression::C23, allow_missing)
    }

    #[test]
    fn originals_then_each_manipulation_sorted() {
        let root = complete();
        let list = list(root.path(), &[Manipulation::FaceSwap], Compression::C23, false).unwrap();
        assert_eq!(
            shown(&list, root.path()),
            [
                "0 FaceForensics++/original_sequences/youtube/c23/videos/054.mp4",
                "0 FaceForensics++/original_sequences/youtube/c23/videos/071.mp4",
                "1 FaceForensics++/manipulated_sequences/FaceSwap/c23/videos/054_071.mp4",
                "1 FaceForensics++/manipulated_sequences/FaceSwap/c23/videos/071_054.mp4",
            ]
        );
        assert_eq!(list.videos[0].group, None);
        assert_eq!(list.videos[3].group, Some(Manipulation::FaceSwap));
        let all = list_c23(root.path(), false).unwrap();
        let groups: Vec<_> = all.videos.iter().filter_map(|video| video.group).collect();
        assert_eq!(groups, Manipulation::STANDARD.map(|m| [m, m]).concat());
    }

    #[test]
    fn ids_without_a_video_are_told_per_folder() {
        let root = complete();
        write(root.path(), LIST, r#"[["071", "054"], ["100", "200"]]"#);
        let list = list_c23(root.path(), false).unwrap();
        assert_eq!((list.videos.len(), list.notes.len()), (10, 5));
        let note = list.notes[0].to_string();
        assert!(note.ends_with("youtube/c23/videos: no video for 2 of 4 listed ids, first 100"), "{note}");
    }

    #[test]
    fn the_wrong_compression_is_pointed_out() {
        let root = complete();
        let error = list(root.path(), &[], Compression::Raw, false).unwrap_err().to_string();
        assert!(error.contains("youtube/raw/videos: no such folder"), "{error}");
        assert!(error.ends_with("there are videos of level c23"), "{error}");
    }

    #[test]
    fn a_missing_manipulation_is_told_and_refused_when_asked_for_by_name() {
        let root = complete();
        let gone = "FaceForensics++/manipulated_sequences/Face2Face";
        std::fs::remove_dir_all(root.path().join(gone)).unwrap();
        let all = list_c23(root.path(), false).unwrap();
        assert_eq!(all.videos.len(), 8);
        assert!(all.notes[0].to_string().contains("Face2Face"), "{:?}", all.notes);
        let alone = |allow| list(root.path(), &[Manipulation::Face2Face], Compression::C23, allow);
        assert!(matches!(alone(false), Err(Error::MissingFolder { .. })));
        assert_eq!(alone(true).unwrap().videos.len(), 2);
    }

    #[test]
    fn faulty_lists_are_named() {
        let root = complete();
        for (content, expected) in [
            ("[[\"071\"", "invalid JSON"),
            ("{}", "a list of pairs, found an object"),
            ("[]", "no videos"),
            ("[[\"071\", \"054\"], [71, 54]]", "entry 2: expected a pair of three-digit ids in quotes"),
            ("[[\"071\"]]", "entry 1"),
            ("[[\"071\", \"54\"]]", "entry 1"),
        ] {
            write(root.path(), LIST, content);
            let error = with_causes(&list_c23(root.path(), false).unwrap_err());
            assert!(error.contains(expected) && error.contains("test.json"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_missing_list_is_named() {
        let root = tree(&["FaceForensics++/original_sequences/youtube/c23/videos/071.mp4"]);
        let error = list_c23(root.path(), true).unwrap_err().to_string();
        assert!(error.contains("test.json: no such file, expected the FaceForensics++ test list"), "{error}");
    }

    #[test]
    fn a_split_list_may_lie_anywhere() {
        let root = tree(&[]);
        write(root.path(), "FaceForensics++/train.json", r#"[["071", "054"], ["054", "087"]]"#);
        write(root.path(), "mine.json", r#"[["001", "002"]]"#);
        let ids = |ids: &[&str]| ids.iter().map(|id| id.to_string()).collect::<BTreeSet<_>>();
        assert_eq!(split_ids(&Split::Train.list_path(root.path())).unwrap(), ids(&["054", "071", "087"]));
        assert_eq!(split_ids(&root.path().join("mine.json")).unwrap(), ids(&["001", "002"]));
        let error = split_ids(&Split::Validation.list_path(root.path())).unwrap_err().to_string();
        assert!(error.contains("val.json: no such file, expected a FaceForensics++ split list"), "{error}");
    }

    #[test]
    fn nothing_left_is_an_error_even_if_missing_videos_are_allowed() {
        let root = tree(&[]);
        write(root.path(), LIST, r#"[["071", "054"]]"#);
        assert!(matches!(list_c23(root.path(), true), Err(Error::Empty { .. })));
    }
}
