//! Small files of many codecs and containers, against what OpenCV's FFmpeg backend reads of them
//! (`scripts/make_video_fixtures.py`).

use super::*;
use crate::imaging::rgb_from_bgr;
use crate::types::RgbImage;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Expected {
    count: usize,
    frames: usize,
    sha256: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/videos")
}

fn expected() -> BTreeMap<String, Expected> {
    serde_json::from_slice(&std::fs::read(folder().join("frames.json")).unwrap()).unwrap()
}

fn open(name: &str, counting: Counting) -> VideoReader {
    let path = folder().join(name);
    let input = FileInput::new(File::open(&path).unwrap()).unwrap();
    VideoReader::open(input, path.extension().unwrap().to_str().unwrap(), counting, 2, 1 << 20).unwrap()
}

fn frames(reader: VideoReader, wanted: &Wanted) -> (Vec<(usize, RgbImage)>, DecodeReport) {
    let mut frames = Vec::new();
    let report = reader.read(wanted, |mut frame| {
        let mut bytes = vec![0; frame.bytes()];
        let Rows { width, height, stride } = frame.write_bgr(&mut bytes).unwrap();
        let rows: Vec<u8> =
            bytes.chunks(stride).take(height).flat_map(|row| &row[..width * 3]).copied().collect();
        frames.push((frame.index, rgb_from_bgr(&rows, width, height).unwrap()));
        ControlFlow::Continue(())
    });
    (frames, report.unwrap())
}

fn digest(frames: &[(usize, RgbImage)]) -> String {
    let mut digest = Sha256::new();
    frames.iter().for_each(|(_, image)| digest.update(image.data()));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn frames_and_counts_are_those_of_opencv() {
    let all = expected();
    assert!(all.len() >= 24);
    for (name, expected) in all {
        let reader = open(&name, Counting::Declared);
        assert_eq!(reader.frame_count(), expected.count, "{name}");
        let (frames, report) = frames(reader, &(0..expected.frames).collect::<Vec<_>>().into());
        assert_eq!(frames.len(), expected.frames, "{name}: {report:?}");
        assert_eq!(digest(&frames), expected.sha256, "{name}");
        assert_eq!(report.damage, None, "{name}");
    }
}

#[test]
fn real_counts_are_the_frames_that_there_are() {
    for (name, expected) in expected() {
        let reader = open(&name, Counting::Real);
        assert_eq!(reader.frame_count(), expected.frames, "{name}");
        let (frames, report) = frames(reader, &Wanted::All);
        assert_eq!(digest(&frames), expected.sha256, "{name}");
        assert!(frames.iter().map(|(index, _)| *index).eq(0..expected.frames), "{name}: {report:?}");
        assert_eq!((report.ended_at, report.damage), (None, None), "{name}");
    }
}

#[test]
fn a_frame_is_the_same_whichever_others_are_wanted() {
    for (name, expected) in expected() {
        let (all, _) = frames(open(&name, Counting::Real), &Wanted::All);
        for wanted in [vec![expected.frames - 1], vec![1], vec![0, expected.frames - 1]] {
            let (some, report) = frames(open(&name, Counting::Real), &wanted.clone().into());
            let same: Vec<_> = wanted.iter().map(|&index| all[index].clone()).collect();
            assert!(some == same, "{name}: {wanted:?} {report:?}");
        }
    }
}

#[test]
fn leaving_packets_out_changes_no_frame() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.mp4");
    let mut writer = VideoWriter::create(&path, 64, 48, 25.0).unwrap();
    for number in 0..120_usize {
        let value = |at: usize| ((at / 3 % 64) * (number / 9 + 1) + at / 192 * 3 + number) as u8;
        writer.write(&RgbImage::from_raw(64, 48, (0..64 * 48 * 3).map(value).collect())).unwrap();
    }
    writer.finish().unwrap();
    let read = |counting, wanted: &Wanted| {
        let input = FileInput::new(File::open(&path).unwrap()).unwrap();
        frames(VideoReader::open(input, "mp4", counting, 2, 1 << 20).unwrap(), wanted).0
    };
    let in_one_pass = read(Counting::Declared, &(0..120).collect::<Vec<_>>().into());
    assert_eq!(in_one_pass.len(), 120);
    for wanted in [vec![119], vec![0, 60, 119], vec![49, 50, 74, 75, 76], vec![24, 118]] {
        let jumping = read(Counting::Real, &wanted.clone().into());
        assert!(
            jumping.iter().zip(&wanted).all(|(frame, &index)| *frame == in_one_pass[index]),
            "{wanted:?}"
        );
        assert_eq!(jumping.len(), wanted.len());
    }
}
