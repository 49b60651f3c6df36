//! Recordings in which something changes or stops.

use std::path::Path;

use sbi::imaging::resized;
use sbi::types::RgbImage;

use super::videos::SPREAD;
use super::{OddFiles, difference};
use crate::support::frames_of;

/// Eight frames spread over 10 and 25.
const SPREAD_OVER_10: [u64; 8] = [0, 1, 2, 3, 5, 6, 7, 9];
const SPREAD_OVER_25: [u64; 8] = [0, 3, 6, 10, 13, 17, 20, 24];
/// What coding and resizing may change on average.
const RESIZED: f64 = 4.0;

/// Frames come in these runs of equal size, and all show the same but for what changes from frame to frame.
#[track_caller]
fn assert_sizes(path: &Path, runs: &[(usize, (usize, usize))]) {
    let frames = frames_of(path);
    let sizes: Vec<_> = frames.iter().map(|frame| (frame.width(), frame.height())).collect();
    let expected: Vec<_> = runs.iter().flat_map(|&(count, size)| vec![size; count]).collect();
    assert_eq!(sizes, expected, "{}", path.display());
    let small = |frame: &RgbImage| resized(frame, 320, 240).unwrap();
    let far = difference(&small(&frames[0]), &small(&frames[runs[0].0]));
    assert!(far < RESIZED, "{}: {far}", path.display());
}

#[test]
fn both_of_two_joined_recordings_are_looked_at_each_at_its_own_size() {
    let Some(odd) = OddFiles::get() else { return };
    for (name, sizes) in
        [("size_grows.ts", [(320, 240), (640, 480)]), ("size_shrinks.ts", [(640, 480), (320, 240)])]
    {
        odd.is_ok(name, &SPREAD);
        assert_sizes(&odd.path(name), &sizes.map(|size| (25, size)));
    }
}

#[test]
fn jpegs_in_an_avi_may_change_their_size() {
    let Some(odd) = OddFiles::get() else { return };
    for (name, sizes) in
        [("mjpeg_grows.avi", [(320, 240), (640, 480)]), ("mjpeg_shrinks.avi", [(640, 480), (320, 240)])]
    {
        odd.is_ok(name, &SPREAD_OVER_10);
        assert_sizes(&odd.path(name), &sizes.map(|size| (5, size)));
    }
}

#[test]
fn the_format_of_pixels_may_change() {
    let Some(odd) = OddFiles::get() else { return };
    let names = [
        "pixels_420.avi",
        "pixels_444_then_420.avi",
        "pixels_420_then_444.avi",
        "pixels_422_then_420.avi",
        "pixels_420_then_grey.avi",
    ];
    let (again, done) = odd.infer(&names.map(str::to_owned), "");
    done.code(0);
    for (at, name) in names.into_iter().enumerate() {
        let first = odd.is_ok(name, &SPREAD_OVER_10);
        let second = &again["videos"][at];
        assert_eq!((&second["path"], &second["frame_scores"]), (&name.into(), &first["frame_scores"]));
        let frames = frames_of(&odd.path(name));
        let last = if name.contains("grey") { grey(&frames[0]) } else { frames[0].clone() };
        let far = frames[1..].iter().map(|frame| difference(frame, &last)).fold(0.0, f64::max);
        assert!(far < 3.0, "{name}: {far}");
    }
}

/// An image's brightness, as JPEG computes it.
fn grey(image: &RgbImage) -> RgbImage {
    let brightness = |&[red, green, blue]: &[u8; 3]| {
        [(0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)).round() as u8; 3]
    };
    let data = image.data().as_chunks().0.iter().flat_map(brightness).collect();
    RgbImage::from_raw(image.width(), image.height(), data)
}

#[test]
fn a_pause_in_the_picture_ends_no_video() {
    let Some(odd) = OddFiles::get() else { return };
    for name in ["silent_screen.mp4", "silent_screen.webm", "silent_screen.flv"] {
        odd.is_ok(name, &SPREAD_OVER_25);
        assert!(frames_of(&odd.path(name)).iter().all(|frame| frame.width() == 320), "{name}");
    }
}

#[test]
fn sound_alone_is_no_video() {
    let Some(odd) = OddFiles::get() else { return };
    for name in ["sound_only.mp4", "sound_only.flv"] {
        odd.is_noted(name, "unreadable", &["no video stream", "sound"]);
    }
}
