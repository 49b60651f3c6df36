use super::super::{write_boxes, write_landmarks};
use super::*;
use crate::imaging::write_png;
use crate::types::{BBox, FaceBox, Landmarks, RgbImage};

fn prepare(base: &Path, video: &str, frames: &[usize]) -> VideoFolders {
    let folders = VideoFolders::new(base, Path::new(video));
    folders.create().unwrap();
    for &frame in frames {
        let files = folders.files(frame);
        write_png(&files.frame, &RgbImage::filled(9, 7, [frame as u8; 3])).unwrap();
        write_landmarks(&files.landmarks, &[Landmarks::new(vec![(frame as i32, 2); 68]).unwrap()]).unwrap();
        let bbox = BBox { x0: 0.0, y0: 0.0, x1: 5.0, y1: frame as f64 };
        if frame != 4 {
            write_boxes(&files.boxes, &[FaceBox { bbox, points: [(1.0, 2.0); 5] }]).unwrap();
        }
    }
    folders
}

#[test]
fn frames_of_an_archive_are_those_of_the_folders() {
    let (base, set) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = archive_path(set.path(), "mine");
    let long = "a video whose name is longer than the hundred bytes that the old form of tar has room for, and then some";
    let names = ["b.png", "a", long];
    for name in names {
        let folders = prepare(base.path(), name, &[0, 4, 1234]);
        // Each time as a later run does it.
        ArchiveWriter::open(&path, false).unwrap().add(Path::new(name), &folders).unwrap();
    }
    let (folders, archive) =
        (PreparedVideos::open(base.path()).unwrap(), PreparedVideos::open(set.path()).unwrap());
    assert_eq!(archive.names(), folders.names());
    assert_eq!(archive.names().len(), 3);
    for name in archive.names() {
        let (there, here) = (folders.frames(name).unwrap(), archive.frames(name).unwrap());
        assert_eq!((there.len(), here.len()), (3, 3));
        for (one, other) in there.iter().zip(&here) {
            assert_eq!(one.frame.file_name(), other.frame.file_name());
            assert_eq!(one.read_frame().unwrap(), other.read_frame().unwrap());
            assert_eq!(one.read_landmarks().unwrap(), other.read_landmarks().unwrap());
            assert_eq!((one.has_boxes(), other.has_landmarks()), (other.has_boxes(), true));
            if one.has_boxes() {
                assert_eq!(one.read_boxes().unwrap(), other.read_boxes().unwrap());
            }
        }
    }
    assert_eq!(ArchiveWriter::open(&path, false).unwrap().counts(Path::new("a")), [3, 3, 2]);
    // Members are as WebDataset's tools expect them: of one frame one after the other.
    let mut archive = tar::Archive::new(File::open(&path).unwrap());
    let members: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert_eq!(members[..3], ["b.png/000.png", "b.png/000.landmarks.npy", "b.png/000.retina.npy"]);
    assert_eq!(members.len(), 3 * 8);
}

#[test]
fn a_cut_archive_goes_on_behind_its_last_whole_member_and_later_members_count() {
    let (base, set) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = archive_path(set.path(), "mine");
    let folders = prepare(base.path(), "a", &[0, 1]);
    ArchiveWriter::open(&path, false).unwrap().add(Path::new("a"), &folders).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for cut in [whole.len() - 1024, whole.len() - 1300, whole.len() - 1024 - 512 * 3, 100, 0] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let mut writer = ArchiveWriter::open(&path, false).unwrap();
        writer.add(Path::new("a"), &folders).unwrap();
        let videos = PreparedVideos::open(set.path()).unwrap();
        let frames = videos.frames("a").unwrap();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[1].read_frame().unwrap(), folders.files(1).read_frame().unwrap());
    }
    ArchiveWriter::open(&path, true).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), END);
    assert!(PreparedVideos::open(set.path()).unwrap().names().is_empty());
}
