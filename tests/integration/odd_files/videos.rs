//! The same frames in every container and codec, turned recordings, cut files.

use super::{OddFiles, difference};
use crate::support::{Place, frames_of};

/// Eight frames spread over the 50 of the plain videos.
pub const SPREAD: [u64; 8] = [0, 7, 14, 21, 28, 35, 42, 49];
/// The same over 12.
const SPREAD_OVER_12: [u64; 8] = [0, 1, 3, 4, 6, 7, 9, 11];
/// Recordings that are to be turned or mirrored.
const TURNED: [&str; 5] =
    ["turned_90.mp4", "turned_180.mp4", "turned_270.mov", "mirrored.mp4", "mirrored_and_turned_90.mp4"];
/// What coding an image twice may change, on average: upside down or mirrored it differs by 30 and more.
const CODED: f64 = 4.0;

#[test]
fn one_stream_scores_the_same_in_every_container_however_its_header_counts() {
    let Some(odd) = OddFiles::get() else { return };
    let names = [
        "plain.mkv",
        "plain.flv",
        "plain.ts",
        "plain.mov",
        "fragmented.mp4",
        "streamed.mkv",
        "without_duration.flv",
    ];
    odd.is_ok("plain.mp4", &SPREAD);
    for name in names {
        odd.is_ok(name, &SPREAD);
        odd.score_the_same(name, "plain.mp4");
    }
}

#[test]
fn frames_are_spread_over_the_whole_in_every_codec() {
    let Some(odd) = OddFiles::get() else { return };
    let names = [
        "plain.avi",
        "plain.webm",
        "plain.wmv",
        "plain.mpg",
        "plain.ogv",
        "plain.gif",
        "plain_av1.mp4",
        "plain_hevc10.mp4",
        "plain_vp9.webm",
        "vfr_1000fps.mkv",
    ];
    let plain = frames_of(&odd.path("plain.mp4"));
    for name in names {
        odd.is_ok(name, &SPREAD);
        let frames = frames_of(&odd.path(name));
        assert_eq!(frames.len(), 50, "{name}");
        // A palette has few colours.
        let limit = if name.ends_with("gif") { 25.0 } else { CODED };
        for at in [0, 24, 49] {
            let far = difference(&frames[at], &plain[at]);
            assert!(far < limit, "{name}, frame {at}: {far}");
        }
    }
}

#[test]
fn what_an_edit_list_hides_is_not_missing() {
    let Some(odd) = OddFiles::get() else { return };
    odd.is_ok("edit_list.mp4", &[0, 5, 10, 15, 20, 25, 30, 36]);
    let (all, shown) = (frames_of(&odd.path("plain.mp4")), frames_of(&odd.path("edit_list.mp4")));
    assert!(shown[..] == all[13..]);
}

#[test]
fn a_million_declared_frames_are_not_believed() {
    let Some(odd) = OddFiles::get() else { return };
    odd.is_ok("declares_a_million.avi", &[0, 1, 2, 3, 5, 6, 7, 9]);
}

#[test]
fn cut_files_are_told_and_what_is_there_is_looked_at() {
    let Some(odd) = OddFiles::get() else { return };
    for name in ["cut_at_60_percent.mkv", "cut_at_60_percent.ts"] {
        let video = odd.is_noted(name, "truncated", &["cut off", "bytes are missing", "8 of 8 frames"]);
        assert_eq!(video["faces"], 8, "{video}");
        let last = &video["frame_scores"][7]["frame"];
        assert!((25..35).contains(&last.as_u64().unwrap()), "{video}");
    }
}

#[test]
fn recordings_are_turned_as_players_show_them() {
    let Some(odd) = OddFiles::get() else { return };
    let plain = frames_of(&odd.path("plain.mp4"));
    let upright = odd.found("plain.mp4")["score"].as_f64().unwrap();
    for name in TURNED {
        let video = odd.is_ok(name, &SPREAD_OVER_12);
        assert!((video["score"].as_f64().unwrap() - upright).abs() < 0.1, "{video}");
        let frames = frames_of(&odd.path(name));
        assert!(frames.iter().zip(&plain).all(|(frame, plain)| difference(frame, plain) < CODED), "{name}");
    }
}

#[test]
fn annotated_copies_of_turned_recordings_are_upright() {
    let Some(odd) = OddFiles::get() else { return };
    let place = Place::new();
    let flags = format!("--annotate {}", place.path("drawn").display());
    odd.infer(&TURNED.map(str::to_owned), &flags).1.code(0);
    for name in TURNED {
        let drawn = frames_of(&place.path("drawn").join(name).with_extension("mp4"));
        let frames = frames_of(&odd.path(name));
        assert_eq!(drawn.len(), frames.len(), "{name}");
        // A box and a caption are drawn in.
        assert!(difference(&drawn[0], &frames[0]) < 12.0, "{name}: {}", difference(&drawn[0], &frames[0]));
    }
}
