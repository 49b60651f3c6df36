//! Runs that are killed, interrupted or out of room, and what the next run makes of them.

use super::{RUN, SET, clear, place, place_with_faces, record, tree};
use crate::support::{Done, Place, fixture};
use crate::testing::skipped;
use sbi::imaging::read_image;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[test]
fn a_killed_run_resumes_to_the_same_files_and_leaves_no_half_file() {
    let Some(place) = place_with_faces() else { return };
    for name in ["c.mp4", "d.mp4"] {
        fs::copy(place.path(SET).join("videos/a.mp4"), place.path(SET).join("videos").join(name)).unwrap();
    }
    let run = "preprocess -d Celeb-real -n 12 -j 2 -q";
    place.sbi(run).code(0);
    let whole = tree(&place);
    let said = record(&place);
    clear(&place);
    for (files, pause) in [(1, 0), (5, 3), (30, 11), (70, 7), (110, 1)] {
        let mut child = place.start(run);
        let end = Instant::now() + Duration::from_secs(60);
        while child.try_wait().unwrap().is_none() && tree_len(&place) < files && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(pause));
        let _ = child.kill();
        child.wait().unwrap();
        for (name, bytes) in tree(&place) {
            let finished = !name.contains(".tmp-");
            assert!(!finished || whole[&name] == bytes, "{name} is not whole after a kill");
        }
    }
    place.sbi(run).code(0);
    assert!(tree(&place) == whole, "the resumed files differ");
    assert_eq!(record(&place)["videos"], said["videos"]);
}

fn tree_len(place: &Place) -> usize {
    let count = |folder: PathBuf| {
        let videos = fs::read_dir(folder).into_iter().flatten().flatten();
        videos.map(|video| fs::read_dir(video.path()).into_iter().flatten().count()).sum::<usize>()
    };
    ["frames", "landmarks", "retina"].map(|kind| count(place.path(SET).join(kind))).iter().sum()
}

#[test]
fn ctrl_c_keeps_what_is_done() {
    let Some(place) = place_with_faces() else { return };
    for name in ["c.mp4", "d.mp4", "e.mp4"] {
        fs::copy(place.path(SET).join("videos/a.mp4"), place.path(SET).join("videos").join(name)).unwrap();
    }
    let run = "preprocess -d Celeb-real -n 12 -j 1";
    let mut child = place.start(run);
    let end = Instant::now() + Duration::from_secs(60);
    while tree_len(&place) < 60 && Instant::now() < end {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be interrupted");
        std::thread::sleep(Duration::from_millis(1));
    }
    // SAFETY: a plain system call; the child has not been waited for, so the number is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let done = Done::from_output(run, child.wait_with_output().unwrap()).code(130);
    let done = done.tells(&["interrupted: the same command continues"]);
    assert!(tree(&place).keys().all(|name| !name.contains(".tmp-")), "{done}");
    assert!(tree_len(&place) < 5 * 36);
    place.sbi(&format!("{run} -q")).code(0).tells(&["60 with both"]);
}

#[test]
fn a_disk_that_fills_up_is_named_and_what_was_written_is_whole() {
    let Some(place) = place_with_faces() else { return };
    let mount = |arguments: &[&str]| {
        std::process::Command::new(arguments[0])
            .args(&arguments[1..])
            .output()
            .is_ok_and(|o| o.status.success())
    };
    let frames = place.path(SET).join("frames");
    fs::create_dir(&frames).unwrap();
    let at = frames.to_str().unwrap();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", at]) {
        return skipped("no permission to mount a small disk");
    }
    let done = place.sbi(&format!("{RUN} -q"));
    let written = tree(&place);
    assert!(mount(&["umount", at]));
    let done = done.code(1).tells(&["a.mp4", "could not be prepared"]);
    done.tells(&["frames/", "No space left on device"]);
    assert!(written.keys().all(|name| !name.contains(".tmp-")), "{:?}", written.keys());
    for (name, bytes) in written.iter().filter(|(name, _)| name.ends_with(".png")) {
        let copy = place.write("copy.png", bytes);
        assert_eq!(read_image(&copy).unwrap().width(), 256, "{name}");
    }
    // With room, the rest is made.
    place.sbi(&format!("{RUN} -q")).code(0).tells(&["8 with both"]);
}

#[test]
fn ten_thousand_videos_are_listed_in_little_memory() {
    let Some(place) = place() else { return };
    let source = fixture("dark.mp4");
    for number in 0..10_000 {
        let link = place.path(SET).join(format!("videos/{number:05}.mp4"));
        std::os::unix::fs::symlink(&source, link).unwrap();
    }
    // The landmark model takes some 150 MB of its own, once, whatever the set.
    let arguments = "preprocess -d Celeb-real -n 1 --steps boxes -q";
    let child = place.start(arguments);
    let status = format!("/proc/{}/status", child.id());
    // The record is written when everything is listed and before the first video.
    let end = Instant::now() + Duration::from_secs(60);
    while !place.path(SET).join("preprocess_Celeb-real.json").exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    let resident: usize = fs::read_to_string(status)
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap();
    // SAFETY: as above.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    Done::from_output(arguments, child.wait_with_output().unwrap()).code(130);
    assert!(resident < 200_000, "{resident} kB");
}
