//! FFIW-10K, whose validation part serves as the test set.

use std::path::Path;

use super::listing::{self, ListBuilder};
use super::{Error, Note, VideoList};
use crate::types::Label;

/// Videos of each class in the published validation part; evaluations assume exactly these.
pub(super) const PUBLISHED_COUNT: usize = 250;

const EXPECTED: &str = "the validation videos of FFIW-10K";

/// The sources, which are real, then the targets, which are fake.
pub(super) fn list(data_root: &Path, allow_missing: bool) -> Result<VideoList, Error> {
    let release = data_root.join("FFIW/FFIW10K-v1-release");
    let mut list = ListBuilder::default();
    for (side, label) in [("source", Label::Real), ("target", Label::Fake)] {
        let folder = release.join(side).join("val/videos");
        let found = listing::videos_in(&folder, EXPECTED);
        list.push_folder(found, &folder, label, EXPECTED, allow_missing)?;
    }
    let mut list = list.finish(&release, EXPECTED, allow_missing)?;
    let real = list.videos.iter().filter(|video| video.label == Label::Real).count();
    let fake = list.videos.len() - real;
    if (real, fake) != (PUBLISHED_COUNT, PUBLISHED_COUNT) {
        list.notes.push(Note::FfiwCounts { real, fake });
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::listing::tests::{shown, tree, write};

    const BASE: &str = "FFIW/FFIW10K-v1-release";

    #[test]
    fn labels_come_from_the_folder_and_other_counts_are_noted() {
        let root = tree(&[]);
        for path in ["source/val/videos/b.mp4", "source/val/videos/a.mp4", "target/val/videos/a.mp4"] {
            write(root.path(), &format!("{BASE}/{path}"), "");
        }
        let list = list(root.path(), false).unwrap();
        let expected = ["0 source/val/videos/a", "0 source/val/videos/b", "1 target/val/videos/a"];
        let expected = expected.map(|line| format!("{} {BASE}/{}.mp4", &line[..1], &line[2..]));
        assert_eq!(shown(&list, root.path()), expected);
        let note = list.notes[0].to_string();
        assert_eq!(note, "FFIW has 2 real and 1 fake videos here, the published set 250 and 250");
    }

    #[test]
    fn the_published_counts_need_no_note() {
        let root = tree(&[]);
        for side in ["source", "target"] {
            for i in 0..PUBLISHED_COUNT {
                write(root.path(), &format!("{BASE}/{side}/val/videos/{i:03}.mp4"), "");
            }
        }
        assert!(list(root.path(), false).unwrap().notes.is_empty());
    }
}
