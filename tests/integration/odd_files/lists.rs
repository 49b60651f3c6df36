//! Lists of other files, and names that mean something to FFmpeg or a shell.

use super::OddFiles;
use super::videos::SPREAD;

#[test]
fn lists_of_other_files_are_not_followed() {
    let Some(odd) = OddFiles::get() else { return };
    // What they name could be scored.
    odd.is_ok("hidden/secret.mp4", &SPREAD);
    odd.is_ok("hidden/secret.ts", &SPREAD);
    for kind in ["hls", "hls_absolute", "hls_http", "concat", "concat_10000", "sdp", "dash"] {
        let name = format!("list_{kind}.mp4");
        let video = odd.is_noted(&name, "unreadable", &["a list of other files", "not a video"]);
        assert_eq!((&video["frames"], video["score"].is_null()), (&0.into(), true), "{video}");
    }
}

#[test]
fn every_name_is_that_of_a_file() {
    let Some(odd) = OddFiles::get() else { return };
    let made = ["plain", "turned", "mirrored", "cut", "list", "fragmented", "edit", "silent", "sound"];
    let names = odd.found.keys().filter(|name| name.ends_with(".mp4") && !name.contains('/'));
    let mut odd_names = names.filter(|name| !made.iter().any(|made| name.starts_with(made))).peekable();
    assert!(odd_names.peek().is_some());
    let mut count = 0;
    for name in odd_names {
        odd.is_ok(name, &SPREAD);
        odd.score_the_same(name, "plain.mp4");
        count += 1;
    }
    assert_eq!(count, 15);
}
