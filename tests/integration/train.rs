//! Training: from a prepared set to checkpoints, interrupted and resumed.
//!
//! The sets are made here, files and all, so that no model is needed.

use crate::browser;
use crate::support::{Done, Place};
use sbi::checkpoint;
use sbi::imaging::write_png;
use sbi::model::dlib_encoder;
use sbi::prepared_frames::{VideoFolders, write_boxes, write_landmarks};
use sbi::types::{BBox, FaceBox, Landmarks, RgbImage};
use sbi::weight_files::catalogue::{DLIB_FACE_ENCODER, IMAGENET_LITE0};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SET: &str = "data/FaceForensics++/original_sequences/youtube/raw";
const FRAMES: usize = 4;

/// Landmarks as a face has them, of 40 pixels, about (x, y).
fn landmarks(x: i32, y: i32) -> Landmarks {
    let ring = |count: i32, radius: f64, cx: f64, cy: f64| {
        (0..count).map(move |i| {
            let angle = std::f64::consts::TAU * f64::from(i) / f64::from(count);
            (x + (40.0 * (cx + radius * angle.cos())) as i32, y + (40.0 * (cy + radius * angle.sin())) as i32)
        })
    };
    let jaw = (0..17).map(|i| {
        let angle = std::f64::consts::PI * (1.0 - f64::from(i) / 16.0);
        (x + (40.0 * angle.cos()) as i32, y + (48.0 * angle.sin()) as i32)
    });
    let points = jaw
        .chain(ring(10, 0.6, 0.0, -0.4))
        .chain(ring(9, 0.15, 0.0, 0.1))
        .chain(ring(6, 0.15, -0.4, -0.2))
        .chain(ring(6, 0.15, 0.4, -0.2))
        .chain(ring(20, 0.3, 0.0, 0.5));
    Landmarks::new(points.collect()).unwrap()
}

/// A place with a prepared set of two training and two validation videos, and a small configuration.
pub fn place(method: &str) -> Place {
    let place = Place::new();
    for (number, name) in ["000", "001", "002", "003"].into_iter().enumerate() {
        let folders = VideoFolders::new(&place.path(SET), Path::new(name));
        folders.create().unwrap();
        for index in 0..FRAMES {
            let files = folders.files(index);
            let value = |i: usize| {
                let (x, y) = (i / 3 % 160, i / 3 / 160);
                (100.0
                    + 60.0 * ((x + 7 * number) as f64 * 0.11).sin()
                    + 40.0 * ((y + index) as f64 * 0.17).cos()) as u8
            };
            let image = RgbImage::from_raw(160, 140, (0..160 * 140 * 3).map(value).collect());
            write_png(&files.frame, &image).unwrap();
            let (x, y) = (70 + 3 * index as i32, 66);
            write_landmarks(&files.landmarks, &[landmarks(x, y)]).unwrap();
            let (x, y) = (f64::from(x), f64::from(y));
            let bbox = BBox { x0: x - 42.0, y0: y - 45.0, x1: x + 42.0, y1: y + 50.0 };
            write_boxes(&files.boxes, &[FaceBox { bbox, points: [(x, y); 5] }]).unwrap();
        }
    }
    place.write("data/FaceForensics++/train.json", r#"[["000", "001"]]"#);
    place.write("data/FaceForensics++/val.json", r#"[["002", "003"]]"#);
    let config = format!(
        r#"{{"epoch": 3, "batch_size": 4, "image_size": 64, "method": "{method}", "backbone": "efficientnet-b0",
            "guide": {{"weights": "random"}}, "data": {{"n_frames": {FRAMES}}}, "keep": 2, "workers": 2}}"#
    );
    place.write("tiny.json", config);
    place
}

/// The only folder in `output`.
pub fn run_folder(place: &Place, output: &str) -> PathBuf {
    let names = place.names(output);
    assert_eq!(names.len(), 1, "{names:?}");
    place.path(output).join(&names[0])
}

/// All tensors of a checkpoint.
fn weights(path: &Path) -> Vec<(String, Vec<u8>)> {
    let state = checkpoint::read(path).unwrap().state;
    state.iter().map(|(name, tensor)| (name.to_owned(), tensor.bytes().to_vec())).collect()
}

/// The numbers of the epochs that do not depend on the clock.
fn numbers(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("logs/metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let mut epoch: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["seconds", "pairs_per_second", "waiting_share"] {
            epoch.as_object_mut().unwrap().remove(key).unwrap();
        }
        epoch
    };
    text.lines().map(line).collect()
}

#[test]
fn a_run_leaves_everything_it_should_and_repeats_itself() {
    let place = place("eg");
    let done = place.sbi("train tiny.json --output a -n first -q").code(0).tells(&["epochs", "3 of 3"]);
    assert!(done.stdout.contains("best      AUC"), "{done}");
    let folder = run_folder(&place, "a");
    assert!(folder.file_name().unwrap().to_str().unwrap().starts_with("first_tiny_"));
    for file in
        ["config.json", "samples.png", "curves.png", "report.html", "logs/losses.logs", "weights/last.tar"]
    {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let log = fs::read_to_string(folder.join("logs/losses.logs")).unwrap();
    assert_eq!(log.lines().count(), 3);
    assert!(log.starts_with("Epoch 1/3 | train loss: "), "{log}");
    let kept = fs::read_dir(folder.join("weights")).unwrap().count();
    assert_eq!(kept, 1 + 2, "the last and the two best");
    let epochs = numbers(&folder);
    assert!(epochs.iter().all(|e| e["losses"]["distill"].is_f64() && e["val_auc"].is_f64()), "{epochs:?}");

    // The detector's weights moved, the face encoder's did not.
    let last = weights(&folder.join("weights/last.tar"));
    place.sbi("train tiny.json --output b -q --no-report").code(0);
    let again = run_folder(&place, "b");
    assert!(!again.join("report.html").exists());
    assert!(weights(&again.join("weights/last.tar")) == last, "the same seed gives other weights");
    assert_eq!(numbers(&again), epochs);
    place.sbi("train tiny.json --output c -q --set seed=6").code(0);
    assert!(weights(&run_folder(&place, "c").join("weights/last.tar")) != last);

    if let Some(page) = browser::open(&folder.join("report.html")) {
        page.looks_right("training");
        assert_eq!(page.messages(), [""; 0]);
        assert!(
            page.requests().iter().all(|request| request.ends_with("/report.html")),
            "{:?}",
            page.requests()
        );
        let text = page.text();
        for part in [
            "All 3 epochs are done",
            "Validation AUC",
            "How to use the weights",
            "sbi infer -w",
            "What it learns from",
        ] {
            assert!(text.contains(part), "{part} is not to be read:\n{text}");
        }
        // The first pairs, each with the real face, the fake and its mask.
        assert_eq!(page.evaluate("document.querySelectorAll('#samples img').length"), 6);
    }

    // The pairs it held out tell what its scores mean.
    let weights = folder.join("weights/last.tar").display().to_string();
    let pairs = "--pairs tiny.json --set data.degradation=0.5";
    let calibrated = place.sbi(&format!("calibrate -q -w {weights} {pairs} -o out.safetensors"));
    match calibrated.code {
        Some(0) => drop(calibrated.tells(&["calibrated on 8 held-out pairs, 0.5 of them degraded"])),
        // So few steps may teach nothing.
        _ => drop(calibrated.refused(&["the pairs tell nothing"])),
    }
    place
        .sbi(&format!("calibrate -q -w weights/sbi.tar {pairs} -o other.safetensors"))
        .refused(&["takes images of 380 px", "image_size is 64"]);

    // What was trained can score.
    let best = folder.join("weights/last.tar");
    let infer = format!("infer -q -w {} -i {SET}/frames/000 --json out.json", best.display());
    place.sbi(&infer);
    assert_eq!(place.json("out.json")["model"], "eg");
}

#[test]
fn the_frozen_encoder_never_moves_and_the_rest_does() {
    let place = place("eg");
    place.sbi("train tiny.json --output a -q --set epoch=1").code(0);
    place.sbi("train tiny.json --output b -q --set epoch=2").code(0);
    let of = |output: &str| weights(&run_folder(&place, output).join("weights/last.tar"));
    let unused = |name: &str| name.starts_with("fc.") || name.starts_with("reshape_layer.");
    for ((name, one), (_, two)) in of("a").iter().zip(&of("b")) {
        let is_weight = name.ends_with(".weight");
        if name.starts_with("face_model.") || unused(name) {
            assert!(one == two, "{name} moved");
        } else if is_weight {
            assert!(one != two, "{name} did not move");
        }
    }
}

/// Flags for a run that dlib's encoder guides.
const BY_DLIB: &str = "--set guide.encoder=dlib --set guide.weights=null";

/// dlib's face encoder, which set-up places.
fn dlib_weights() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights").join(DLIB_FACE_ENCODER.name());
    assert!(path.is_file(), "{} is missing: run scripts/setup.sh", path.display());
    path
}

#[test]
fn dlibs_encoder_guides_a_run_that_scores_and_resumes() {
    let place = place("eg");
    let encoder = place.path("weights").join(DLIB_FACE_ENCODER.name());
    std::os::unix::fs::symlink(dlib_weights(), &encoder).unwrap();
    place.sbi(&format!("train tiny.json --output a -q {BY_DLIB} --set epoch=2")).code(0).tells(&["2 of 2"]);
    let folder = run_folder(&place, "a");
    let last = folder.join("weights/last.tar");
    let written = checkpoint::read(&last).unwrap().state;
    let own = dlib_encoder::read(&dlib_weights()).unwrap();
    for (name, tensor) in own.iter() {
        let there = written.get(&format!("face_model.{name}"));
        assert!(there.is_some_and(|there| there == tensor), "{name} is not dlib's");
    }
    let rebuilding = written.get("reconstruction_network.fc.0.weight").unwrap();
    assert_eq!(rebuilding.shape(), [1024, 128 + 1280]);

    place.sbi(&format!("infer -q -w {} -i {SET}/frames/000 --json out.json", last.display()));
    assert_eq!(place.json("out.json")["model"], "eg");
    // One epoch more, as if the run had been stopped before it.
    let record = folder.join("config.json");
    let text = fs::read_to_string(&record).unwrap();
    assert!(text.contains(r#""epoch": 2"#), "{text}");
    fs::write(&record, text.replace(r#""epoch": 2"#, r#""epoch": 3"#)).unwrap();
    // A run that goes on needs no file but its own.
    fs::remove_file(&encoder).unwrap();
    place.sbi(&format!("train --resume {} -q", folder.display())).code(0).tells(&["3 of 3"]);
}

#[test]
fn encoder_files_of_another_kind_are_refused_before_the_first_step() {
    let place = place("eg");
    let with = |flags: &str| place.sbi(&format!("train tiny.json -q --output out --set {flags}"));
    let dlib = dlib_weights();
    with("guide.encoder=dlib --set guide.weights=absent.dat").refused(&["absent.dat", "no such file"]);
    with("guide.encoder=dlib --set guide.weights=weights/eg.tar")
        .refused(&["weights/eg.tar", "cannot be read as dlib's face recognition network"]);
    with(&format!("guide.weights={}", dlib.display()))
        .refused(&[&dlib.display().to_string(), "this is dlib's face recognition network"]);
    with("guide.encoder=iresnet34 --set guide.weights=weights/eg.tar").refused(&[
        "weights/eg.tar",
        "do not fit the guide's encoder, iresnet34",
        "missing",
    ]);
    with("guide.encoder=dlib --set guide.weights=null --set guide.input_size=112")
        .refused(&["guide.input_size is 112", "150"]);
    assert!(!place.path("out").exists(), "a refused run left a folder");
}

#[test]
fn an_encoder_without_weights_is_refused_unless_random_ones_are_asked_for() {
    let place = place("eg");
    let with = |flags: &str| place.sbi(&format!("train tiny.json --output out --set epoch=1 --set {flags}"));
    with("guide.weights=null").refused(&[
        "guide.encoder is iresnet18",
        "weights/backbone.pth is missing",
        "weights/README.md",
        "guide.weights",
        "\"random\"",
    ]);
    with("guide.weights=null --set guide.encoder=dlib").refused(&[
        "guide.encoder is dlib",
        &format!("weights/{} is missing", DLIB_FACE_ENCODER.name()),
        "scripts/setup.sh",
    ]);
    with("guide.weights=weights/backbone.pth").refused(&[
        "guide.weights",
        "no such file",
        "weights/README.md",
    ]);
    assert!(!place.path("out").exists(), "a refused run left a folder");
    let done = with("guide.weights=random").code(0);
    assert!(done.stderr.contains("guide.weights is random"), "{done}");
    let record = fs::read_to_string(run_folder(&place, "out").join("config.json")).unwrap();
    assert!(record.contains(r#""weights": "random""#), "{record}");
}

#[test]
fn weight_files_are_found_from_a_folder_that_has_none() {
    let place = place("eg");
    dlib_weights();
    let elsewhere = place.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let init = format!("--set backbone=efficientnet-lite0 --set init={}", IMAGENET_LITE0.name());
    let train = format!("train ../tiny.json --data-root ../data --output out --set epoch=1 {BY_DLIB} {init}");
    let mut command = place.command(&train);
    command.current_dir(&elsewhere);
    let done = Done::of(&train, command).code(0);
    let from = format!("weights/{}", IMAGENET_LITE0.name());
    assert!(done.stderr.contains("the backbone starts from ") && done.stderr.contains(&from), "{done}");
}

#[test]
fn interrupted_and_resumed_is_the_same_as_in_one_go() {
    let place = place("sbi");
    // With what has a state of its own, or draws of its own.
    let config = fs::read_to_string(place.path("tiny.json")).unwrap();
    let config = config.replace(r#""n_frames": 4"#, r#""n_frames": 4, "degradation": 0.5"#);
    place.write("tiny.json", config.replace(r#""keep": 2"#, r#""keep": 2, "ema": 0.9"#));
    let stops = [(0, libc::SIGINT), (300, libc::SIGINT), (700, libc::SIGKILL), (1500, libc::SIGKILL)];
    stops_change_nothing(&place, "", &stops);
    let stops = [(300, libc::SIGINT), (700, libc::SIGINT)];
    stops_change_nothing(&place, "--set optim.method=sgd --set optim.accumulate=2", &stops);
    let adamw = "--set optim.method=adamw --set optim.schedule=cosine --set optim.warmup=0.2";
    stops_change_nothing(&place, adamw, &stops);
}

/// Stops a run after some milliseconds by a signal, resumes it, and compares it with one that was left alone.
fn stops_change_nothing(place: &Place, flags: &str, stops: &[(u64, i32)]) {
    let _ = fs::remove_dir_all(place.path("whole"));
    place.sbi(&format!("train tiny.json --output whole -q {flags}")).code(0);
    let whole = run_folder(place, "whole");
    for &(pause, kind) in stops {
        let _ = fs::remove_dir_all(place.path("parts"));
        let mut child = place.start(&format!("train tiny.json --output parts {flags}"));
        let end = Instant::now() + Duration::from_secs(60);
        let begun = || {
            let runs = fs::read_dir(place.path("parts")).into_iter().flatten().flatten();
            runs.map(|run| run.path().join("weights/last.tar")).any(|last| last.exists())
        };
        while !begun() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(pause));
        if child.try_wait().unwrap().is_none() {
            // SAFETY: a plain system call; the child has not been waited for, so the number is still its own.
            unsafe { libc::kill(child.id() as i32, kind) };
        }
        let output = child.wait_with_output().unwrap();
        if kind == libc::SIGINT && output.status.code() == Some(130) {
            let done = Done::from_output("train", output);
            assert!(done.stdout.contains("sbi train --resume"), "{done}");
        }
        let folder = run_folder(place, "parts");
        place.sbi(&format!("train --resume {} -q", folder.display())).code(0).tells(&["3 of 3"]);
        let (ours, theirs) =
            (weights(&folder.join("weights/last.tar")), weights(&whole.join("weights/last.tar")));
        for ((name, a), (_, b)) in ours.iter().zip(&theirs) {
            assert!(a == b, "{name} differs after signal {kind} at {pause} ms {flags}");
        }
        assert_eq!(numbers(&folder), numbers(&whole), "after signal {kind} at {pause} ms {flags}");
        let names = |folder: &Path| {
            let mut names: Vec<_> =
                fs::read_dir(folder.join("weights")).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&folder), names(&whole));
    }
    place.sbi(&format!("train --resume {} -q", whole.display())).code(0).tells(&["3 of 3"]);
}

#[test]
fn what_cannot_work_is_refused_before_the_first_step() {
    let place = place("sbi");
    let with = |flags: &str| place.sbi(&format!("train tiny.json -q --output out {flags}"));
    with("--set batchsize=4").refused(&["batchsize", "did you mean", "batch_size"]);
    with("--set batch_size=5").refused(&["batch_size", "5"]);
    with("--set batch_size=64").refused(&["batch_size 64 needs 32 frames, the training set has 8"]);
    with("--set init=absent.pth").refused(&["absent.pth"]);
    with("--set data.compression=c23").refused(&["c23/frames", "`sbi preprocess -d Original -c c23`"]);
    with("--set data.train=absent.json").refused(&["absent.json: no such file"]);
    place.write("other.json", r#"[["500", "501"]]"#);
    with("--set data.val=other.json").refused(&["none of the 4 prepared videos"]);
    with("--set backbone=efficientnet-b9").refused(&["efficientnet-b9"]);
    let text = place.write("weights/text.pth", "no weights");
    with(&format!("--set init={}", text.display())).refused(&["text.pth"]);
    assert!(!place.path("out").exists(), "a refused run left a folder");
    place.sbi("train absent.json -q").refused(&["absent.json"]);
    place.sbi("train --resume absent -q").refused(&["absent"]);
    place.write("file", "");
    place.sbi("train tiny.json -q --output file").refused(&["file"]);
    let printed = place.sbi("train --print-config tiny.json --set optim.lr=0.5").code(0);
    let printed: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!((&printed["optim"]["lr"], &printed["epoch"]), (&0.5.into(), &3.into()));
}
