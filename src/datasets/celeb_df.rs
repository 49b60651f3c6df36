//! Celeb-DF v2 (CDF): three folders and a text list of the test videos.

use std::path::{Path, PathBuf};

use super::listing::{self, ListBuilder};
use super::{Error, VideoList};
use crate::types::Label;

const EXPECTED: &str = "the Celeb-DF test list, lines such as '1 YouTube-real/00170.mp4'";
const SETS: [&str; 3] = ["Celeb-real", "Celeb-synthesis", "YouTube-real"];
/// The publisher writes `YouTube-real`, some copies write it this way.
const OTHER_SPELLING: &str = "Youtube-real";

/// The lines of `List_of_testing_videos.txt`, in order. There 1 means real.
pub(super) fn list(data_root: &Path, allow_missing: bool) -> Result<VideoList, Error> {
    let folder = data_root.join("Celeb-DF-v2");
    let path = folder.join("List_of_testing_videos.txt");
    let text = listing::read_list(&path, EXPECTED)?;
    let mut list = ListBuilder::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let wrong =
            |expected| Error::entry(&path, format!("line {}", index + 1), expected, format!("'{line}'"));
        let (real, video) =
            line.split_once(char::is_whitespace).ok_or_else(|| wrong("a label and a path"))?;
        let label = match real {
            "1" => Label::Real,
            "0" => Label::Fake,
            _ => return Err(wrong("1 (real) or 0 (fake) in the first column")),
        };
        let (set, name) = video
            .trim_start()
            .split_once('/')
            .filter(|(set, name)| is_set(set) && listing::is_file_name(name))
            .ok_or_else(|| wrong("a path such as YouTube-real/00170.mp4"))?;
        list.push_listed(set_folder(&folder, set).join("videos").join(name), label);
    }
    list.finish(&path, EXPECTED, allow_missing)
}

fn is_set(name: &str) -> bool {
    SETS.contains(&name) || name == OTHER_SPELLING
}

/// The folder of videos of a set, by its published name.
pub(super) fn video_folder(data_root: &Path, set: &str) -> PathBuf {
    set_folder(&data_root.join("Celeb-DF-v2"), set).join("videos")
}

/// The folder of a set, in whichever spelling is on disk; as the publisher spells it if in none.
fn set_folder(folder: &Path, set: &str) -> PathBuf {
    let published = if set == OTHER_SPELLING { SETS[2] } else { set };
    let (first, other) = (folder.join(published), folder.join(OTHER_SPELLING));
    if published == SETS[2] && !first.is_dir() && other.is_dir() {
        return other;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::listing::tests::{shown, tree, write};

    fn with_list(folder: &str, content: &str) -> tempfile::TempDir {
        let root = tree(&[
            &format!("Celeb-DF-v2/{folder}/videos/00170.mp4"),
            "Celeb-DF-v2/Celeb-real/videos/id0_0001.mp4",
            "Celeb-DF-v2/Celeb-synthesis/videos/id0_id1_0001.mp4",
        ]);
        write(root.path(), "Celeb-DF-v2/List_of_testing_videos.txt", content);
        root
    }

    #[test]
    fn one_means_real_and_either_spelling_is_found() {
        for on_disk in ["YouTube-real", "Youtube-real"] {
            for listed in ["YouTube-real", "Youtube-real"] {
                let lines = format!("1 {listed}/00170.mp4\r\n0 Celeb-synthesis/id0_id1_0001.mp4\r\n\r\n");
                let root = with_list(on_disk, &lines);
                let list = list(root.path(), false).unwrap();
                let expected = [
                    format!("0 Celeb-DF-v2/{on_disk}/videos/00170.mp4"),
                    "1 Celeb-DF-v2/Celeb-synthesis/videos/id0_id1_0001.mp4".to_string(),
                ];
                assert_eq!(shown(&list, root.path()), expected);
            }
        }
    }

    #[test]
    fn faulty_lines_are_named() {
        for (line, expected) in [
            ("2 Celeb-real/id0_0001.mp4", "line 2: expected 1 (real) or 0 (fake)"),
            ("1", "line 2: expected a label and a path"),
            ("1 id0_0001.mp4", "line 2: expected a path"),
            ("1 Elsewhere/id0_0001.mp4", "line 2: expected a path"),
            ("1 Celeb-real/../x.mp4", "line 2: expected a path"),
        ] {
            let root = with_list("YouTube-real", &format!("1 Celeb-real/id0_0001.mp4\n{line}\n"));
            let error = list(root.path(), false).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(line), "{error}");
        }
    }

    #[test]
    fn missing_videos_and_empty_lists() {
        let root = with_list("YouTube-real", "1 Celeb-real/id0_0001.mp4\n1 Celeb-real/gone.mp4\n");
        let error = list(root.path(), false).unwrap_err().to_string();
        assert!(error.contains("1 of the videos") && error.contains("Celeb-real/videos/gone.mp4"));
        assert_eq!(list(root.path(), true).unwrap().missing.len(), 1);
        let root = with_list("YouTube-real", "\n");
        assert!(matches!(list(root.path(), true), Err(Error::Empty { .. })));
    }
}
