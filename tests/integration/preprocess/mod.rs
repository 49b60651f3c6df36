//! Sets from videos to frames, landmarks and boxes.
//!
//! These need a real face and real models: the portrait and the files that scripts/setup.sh places. Where they are
//! not there, the tests say so and pass.

/// Frames that fail, faces of equal size, boxes that are missing.
mod made_detectors;
/// Runs that are killed, interrupted or out of room.
mod stopped;

use crate::made;
use crate::support::{FRAMES, Place};
use crate::testing::placed;
use ndarray::Ix3;
use sbi::face::LandmarkDetector;
use sbi::imaging::{read_image, resized};
use sbi::types::{RgbImage, Window};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const SET: &str = "data/Celeb-DF-v2/Celeb-real";
/// The licence-free portrait that set-up places.
const PORTRAIT: &str = "data/sample/astronaut.png";
/// The landmark model that set-up places.
const LANDMARK_MODEL: &str = "weights/shape_predictor_68_face_landmarks.dat";
/// With four frames a video on two threads.
const RUN: &str = "preprocess -d Celeb-real -n 4 -j 2";
/// Preparation of the set without a number of frames or of threads, quietly.
const BARE: &str = "preprocess -d Celeb-real -q";

/// A place with real models and an empty set; `None` where set-up has not placed them.
pub fn place() -> Option<Place> {
    placed(PORTRAIT)?;
    let models = [LANDMARK_MODEL, "weights/retinaface_mnet025.safetensors"];
    let place = Place::new();
    for name in models {
        let (from, to) = (placed(name)?, place.path(name));
        let _ = fs::remove_file(&to);
        std::os::unix::fs::symlink(from, to).unwrap();
    }
    fs::create_dir_all(place.path(SET).join("videos")).unwrap();
    Some(place)
}

fn portrait_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(PORTRAIT)
}

/// The portrait's head, 256 x 256, moving a pixel to the right per frame.
pub fn head(shift: usize) -> RgbImage {
    let portrait = read_image(&portrait_path()).unwrap();
    let x0 = 110 - shift % 60;
    portrait.cropped(Window { y0: 0, y1: 256, x0, x1: x0 + 256 })
}

fn video(place: &Place, name: &str, frames: usize, first: usize) {
    made::video(&place.path(SET).join("videos").join(name), frames, |frame| head(first + frame));
}

/// Two videos with a face, of twelve frames.
fn place_with_faces() -> Option<Place> {
    let place = place()?;
    video(&place, "a.mp4", FRAMES, 0);
    video(&place, "b.mp4", FRAMES, 20);
    Some(place)
}

/// Every prepared file below the set and its content.
fn tree(place: &Place) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, base: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, found);
            } else {
                let name = path.strip_prefix(base).unwrap().display().to_string();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    for kind in ["frames", "landmarks", "retina"] {
        walk(&place.path(SET).join(kind), &place.path(SET), &mut found);
    }
    found
}

fn clear(place: &Place) {
    for kind in ["frames", "landmarks", "retina"] {
        let _ = fs::remove_dir_all(place.path(SET).join(kind));
    }
    let _ = fs::remove_file(place.path(SET).join("preprocess_Celeb-real.json"));
}

fn record(place: &Place) -> serde_json::Value {
    place.json(&format!("{SET}/preprocess_Celeb-real.json"))
}

#[test]
fn every_video_gets_what_it_can_and_a_second_run_only_what_is_missing() {
    let Some(place) = place_with_faces() else { return };
    video(&place, "one.mp4", 1, 5);
    place.copy("dark.mp4", &format!("{SET}/videos/dark.mp4"));
    place.copy("cut.avi", &format!("{SET}/videos/cut.mp4"));
    place.write(&format!("{SET}/videos/text.mp4"), "no video");
    let done = place.sbi(RUN).code(1);
    let done = done.tells(&["videos", "6 (6 prepared now, 0 before)"]);
    let done = done.tells(&["no_face", "dark.mp4", "no face in any of 4 frames"]);
    let done = done.tells(&["unreadable", "text.mp4", "in no format that is known"]);
    let done = done.tells(&["truncated", "cut.mp4", "damaged or cut off"]);
    assert!(done.stderr.contains("published numbers need the 81-point model"), "{done}");
    for folder in ["frames", "landmarks", "retina"] {
        let extension = if folder == "frames" { "png" } else { "npy" };
        let names = ["000", "003", "007", "011"].map(|stem| format!("{stem}.{extension}"));
        assert_eq!(place.names(&format!("{SET}/{folder}/a")), names);
        assert_eq!(place.names(&format!("{SET}/{folder}/one")), names[..1]);
        assert!(!place.path(SET).join(folder).join("dark").exists());
    }
    let landmarks = sbi::npy::read_array::<i64, Ix3>(&place.path(SET).join("landmarks/a/003.npy")).unwrap();
    assert_eq!(landmarks.shape(), [1, 81, 2]);
    let boxes = sbi::npy::read_array::<f64, Ix3>(&place.path(SET).join("retina/a/003.npy")).unwrap();
    assert_eq!(boxes.shape(), [1, 7, 2]);
    // The tip of the nose is in the box.
    let (x, y) = (landmarks[[0, 30, 0]] as f64, landmarks[[0, 30, 1]] as f64);
    assert!(boxes[[0, 0, 0]] < x && x < boxes[[0, 1, 0]] && boxes[[0, 0, 1]] < y && y < boxes[[0, 1, 1]]);
    let record = record(&place);
    assert_eq!(record["totals"]["videos"], 6);
    let of = |name: &str| {
        let all = record["videos"].as_array().unwrap();
        all.iter().find(|video| video["video"] == format!("videos/{name}")).unwrap().clone()
    };
    assert_eq!((&of("a.mp4")["usable"], &of("a.mp4")["frames_wanted"]), (&4.into(), &4.into()));
    assert_eq!(of("dark.mp4")["without_landmarks"], serde_json::json!([0, 3, 7, 11]));
    assert_eq!(of("one.mp4")["frames_wanted"], 1);
    assert!(place.path(SET).join("preprocess_Celeb-real.txt").exists());

    let before = tree(&place);
    let again = place.sbi(RUN).code(1).tells(&["6 (2 prepared now, 4 before)"]);
    assert!(again.stdout.contains("text.mp4"), "{again}");
    assert!(tree(&place) == before, "a second run changed files");
    for lost in ["landmarks/a/003.npy", "frames/b/000.png", "retina/b/011.npy"] {
        fs::remove_file(place.path(SET).join(lost)).unwrap();
    }
    let kept = place.path(SET).join("landmarks/a/000.npy");
    let time = fs::metadata(&kept).unwrap().modified().unwrap();
    place.sbi(RUN).code(1).tells(&["6 (4 prepared now, 2 before)"]);
    assert!(tree(&place) == before, "what was lost is not what was made again");
    assert_eq!(
        fs::metadata(&kept).unwrap().modified().unwrap(),
        time,
        "a file that was there was made again"
    );
}

#[test]
fn steps_one_by_one_and_any_number_of_threads_give_the_same_files() {
    let Some(place) = place_with_faces() else { return };
    place.sbi(&format!("{RUN} -q")).code(0);
    let whole = tree(&place);
    assert_eq!(whole.len(), 24);
    clear(&place);
    place
        .sbi(&format!("{BARE} -n 4 --steps landmarks -j 1"))
        .code(0)
        .tells(&["8 with landmarks, 0 with boxes"]);
    assert!(!place.path(SET).join("retina/a").exists());
    place
        .sbi(&format!("{BARE} -n 4 --steps boxes -j 3"))
        .code(0)
        .tells(&["8 with landmarks, 8 with boxes, 8 with both"]);
    assert!(tree(&place) == whole, "other files than with both steps at once");
}

#[test]
fn other_settings_are_refused_until_overwriting_is_asked_for() {
    let Some(place) = place_with_faces() else { return };
    place.sbi(&format!("{RUN} -q --limit 1")).code(0).tells(&["videos", "1 (1 prepared now, 0 before)"]);
    let with = |flags: &str| place.sbi(&format!("{BARE} {flags}"));
    with("-n 5").refused(&["the number of frames per video was 4", "is 5 now", "--overwrite"]);
    with("-n 4 --no-forehead").refused(&["the estimate of the forehead was on", "off now"]);
    with("-n 4 --max-size 128")
        .refused(&["the longest side for face detection was the frame's own", "128 now"]);
    let done = with("-n 4 --no-forehead --overwrite").code(0);
    done.tells(&["landmarks", "68 points"]).tells(&["2 (2 prepared now, 0 before)"]);
    let landmarks = sbi::npy::read_array::<i64, Ix3>(&place.path(SET).join("landmarks/a/000.npy")).unwrap();
    assert_eq!(landmarks.shape(), [1, 68, 2]);
}

#[test]
fn arrays_of_another_form_are_named_and_left_alone() {
    let Some(place) = place_with_faces() else { return };
    let odd = place.path(SET).join("landmarks/a/003.npy");
    fs::create_dir_all(odd.parent().unwrap()).unwrap();
    let five = ndarray::Array3::<i64>::zeros((1, 5, 2));
    sbi::npy::write_array(&odd, five.view()).unwrap();
    let older = place.path(SET).join("landmarks/b/007.npy");
    fs::create_dir_all(older.parent().unwrap()).unwrap();
    sbi::npy::write_array(&older, ndarray::Array3::<i64>::zeros((1, 68, 2)).view()).unwrap();
    let done = place.sbi(&format!("{RUN} -q")).code(1);
    let done = done.tells(&["problem", "a.mp4", "1 of 4 frames could not be prepared"]);
    let done = done.tells(&["frame 3", "landmarks/a/003.npy", "[1, 5, 2]", "other settings", "anew"]);
    let done = done.tells(&["frame 7", "68 landmarks a face, this run makes 81"]);
    done.tells(&["--overwrite prepares", "anew"]);
    let names: Vec<String> = tree(&place).into_keys().filter(|name| name.starts_with("frames/")).collect();
    assert_eq!(names.len(), 6, "{names:?}");
}

#[test]
fn places_that_cannot_be_written_and_sets_that_are_not_there_are_refused() {
    let Some(place) = place_with_faces() else { return };
    place.sbi("preprocess -d Original -c c40").refused(&["youtube/c40/videos: no such folder"]);
    place.sbi("preprocess -d Celeb-rea").misused(&["did you mean Celeb-real?"]);
    place.sbi("preprocess -d Celeb-real --steps faces").misused(&["landmarks,boxes"]);
    let absent = "preprocess -d Celeb-real -q --landmark-model absent.dat";
    place.sbi(absent).refused(&["absent.dat: the landmark model is not there"]);
    let text = place.write("weights/text.dat", "no model");
    let command = format!("preprocess -d Celeb-real -q --landmark-model {}", text.display());
    place.sbi(&command).refused(&["text.dat", "shape predictor"]);
    place.write(&format!("{SET}/landmarks"), "a file where a folder belongs");
    let done = place.sbi(&format!("{RUN} -q")).code(2);
    done.tells(&["a.mp4", "landmarks/a"]);
    fs::remove_file(place.path(SET).join("landmarks")).unwrap();
    clear(&place);
    fs::create_dir(place.path(SET).join("preprocess_Celeb-real.json")).unwrap();
    place.sbi(&format!("{RUN} -q")).refused(&["preprocess_Celeb-real.json"]);
}

#[test]
fn faces_of_an_image_that_is_too_small_for_a_face_are_none() {
    let Some(place) = place() else { return };
    made::video(&place.path(SET).join("videos/tiny.mp4"), 3, |_| resized(&head(0), 16, 16).unwrap());
    place.sbi(&format!("{RUN} -q")).code(2).tells(&["no_face", "tiny.mp4"]);
}

#[test]
fn landmarks_are_those_of_dlibs_python_package() {
    let (Some(model), Some(portrait)) = (placed(LANDMARK_MODEL), placed(PORTRAIT)) else { return };
    let truth = fs::read_to_string("tests/fixtures/landmarks/portrait.json").unwrap();
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    let model = sbi::face::LandmarkModel::load(&model, false).unwrap();
    let portrait = read_image(&portrait).unwrap();
    let mut faces = 0;
    for part in truth["parts"].as_array().unwrap() {
        let edge = |i: usize| part["window"][i].as_u64().unwrap() as usize;
        let window = Window { x0: edge(0), y0: edge(1), x1: edge(2), y1: edge(3) };
        let found = model.detect(&portrait.cropped(window)).unwrap();
        let expected = part["faces"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{window:?}");
        for (found, expected) in found.iter().zip(expected) {
            let points: Vec<(i32, i32)> = serde_json::from_value(expected["points"].clone()).unwrap();
            assert_eq!(found.points(), points, "{window:?}");
            faces += 1;
        }
    }
    assert!(faces >= 3, "only {faces} faces");
}
