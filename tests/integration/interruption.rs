//! Killed and interrupted runs, and what the next run makes of them.

use std::collections::BTreeMap;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::made;
use crate::pipeline::arrays;
use crate::support::{Done, Place};

const VIDEOS: usize = 8;
const PACK: &str = "npy-pack -d DFDC -n 6 -s out";

/// A set of videos larger than those of other tests, so that there is time to break in.
fn place_with_set() -> Place {
    place_with(VIDEOS)
}

fn place_with(videos: usize) -> Place {
    let place = Place::new();
    let mut rows = "filename,label\n".to_owned();
    std::fs::create_dir_all(place.path("data/DFDC/videos")).unwrap();
    made::video(&place.path("data/DFDC/videos/v0.mp4"), 12, |frame| {
        made::with_faces(640, 480, &[(128, 128), (480, 320)], 5, frame)
    });
    for number in 0..videos {
        let name = format!("v{number}.mp4");
        if number > 0 {
            let from = place.path("data/DFDC/videos/v0.mp4");
            std::fs::copy(from, place.path("data/DFDC/videos").join(&name)).unwrap();
        }
        rows += &format!("{name},{}\n", number % 2);
    }
    place.write("data/DFDC/labels.csv", rows);
    place
}

fn uninterrupted(place: &Place) -> BTreeMap<String, Vec<u8>> {
    place.sbi(&PACK.replace("-s out", "-s whole")).code(0);
    arrays(&place.path("whole"))
}

/// Waits until `out` has arrays of at least `count` videos, or the run is over; whether it still runs.
fn wait_for_videos(place: &Place, child: &mut Child, count: usize) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let videos = (1..=VIDEOS).filter(|i| place.path(&format!("out/{i}_idx.npy")).exists()).count();
        if videos >= count && (count > 0 || place.path("out").exists()) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the run does not get to video {count}");
}

fn signal(child: &Child, signal: i32) {
    // SAFETY: a plain system call; the child has not been waited for, so the number is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
}

#[test]
fn a_killed_run_resumes_to_the_same_arrays_and_leaves_no_half_file() {
    let place = place_with_set();
    let whole = uninterrupted(&place);
    // Before, during and after the arrays of a video; each round goes on where the one before died.
    for (videos, pause) in [(0, 0), (0, 30), (1, 0), (2, 17), (4, 5), (5, 41)] {
        let mut child = place.start(PACK);
        if wait_for_videos(&place, &mut child, videos) {
            std::thread::sleep(Duration::from_millis(pause));
            signal(&child, libc::SIGKILL);
        }
        child.wait().unwrap();
        for (name, bytes) in arrays(&place.path("out")) {
            assert!(whole[&name] == bytes, "{name} after a kill at {videos} videos is not whole");
        }
    }
    place.sbi(PACK).code(0);
    assert!(arrays(&place.path("out")) == whole, "the resumed arrays differ");
    assert_eq!(place.names("out"), place.names("whole"), "something was left behind");
    assert_eq!(place.json("out/manifest.json"), place.json("whole/manifest.json"));
}

#[test]
fn ctrl_c_drops_the_current_video_and_keeps_the_others() {
    let place = place_with_set();
    let whole = uninterrupted(&place);
    for kind in [libc::SIGINT, libc::SIGTERM] {
        let mut child = place.start(PACK);
        assert!(wait_for_videos(&place, &mut child, 2));
        signal(&child, kind);
        let done = Done::from_output(PACK, child.wait_with_output().unwrap()).code(130);
        assert!(done.stderr.contains("interrupted"), "{done}");
        done.tells(&["interrupted: the same command continues"]);
        assert!(place.names("out").iter().all(|name| !name.starts_with(".tmp-")), "a half file is left");
        let kept = arrays(&place.path("out"));
        assert!(kept.len() > 4 && kept.len() < whole.len(), "{} files", kept.len());
        assert!(kept.iter().all(|(name, bytes)| whole[name] == *bytes));
        place.sbi(PACK).code(0).tells(&["before"]);
        assert!(arrays(&place.path("out")) == whole, "the resumed arrays differ");
        std::fs::remove_dir_all(place.path("out")).unwrap();
    }
}

#[test]
fn an_interrupted_inference_writes_what_it_has() {
    // So many that a run on a busy machine is still at them when it is told to stop.
    const MANY: usize = 40;
    let place = place_with(MANY);
    place.write("drawn/keep", "");
    let infer = "infer -w weights/sbi.tar -n 12 -i data/DFDC/videos --annotate drawn --json out.json";
    let mut child = place.start(infer);
    // An annotated copy tells that its video is done.
    let end = Instant::now() + Duration::from_secs(60);
    while !place.path("drawn/v0.mp4").exists() && Instant::now() < end {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, libc::SIGINT);
    let done = Done::from_output(infer, child.wait_with_output().unwrap()).code(130);
    let json = place.json("out.json");
    let videos = json["videos"].as_array().unwrap();
    assert!(!videos.is_empty() && videos.len() < MANY, "{done}");
    assert_eq!(json["interrupted"], true);
    assert!(videos.iter().all(|video| video["faces"] == 24 && video["score"].is_f64()), "{json}");
    // A copy that was being written is dropped, and the video's result says so.
    let is_drawn = |video: &&serde_json::Value| {
        !video["note"].as_str().is_some_and(|note| note.contains("no annotated copy"))
    };
    let drawn = videos.iter().filter(is_drawn).count();
    assert_eq!(place.names("drawn").len(), 1 + drawn, "{:?}, {json}", place.names("drawn"));
    done.tells(&["interrupted"]);
}
