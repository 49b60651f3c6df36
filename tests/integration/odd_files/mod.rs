//! Files that break readers of videos and photographs, made by `sample_set --odd-files`, and what each must give.
//!
//! All are scored in one run with the detector in the box; the tests look at what it found.

mod lists;
mod photographs;
mod recordings;
mod videos;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sbi::types::RgbImage;
use serde_json::Value as Json;

use crate::support::{Done, Place};
use crate::testing::placed;

/// Frames that are wanted of each video, one face at a time: what a score's last bits are depends on how many faces are
/// scored together.
const INFER: &str = "infer -q -n 8 --batch-size 1";

/// The files, and what a run over all of them gave.
struct OddFiles {
    folder: PathBuf,
    found: BTreeMap<String, Json>,
}

impl OddFiles {
    /// `None` where something that set-up places is missing.
    #[track_caller]
    fn get() -> Option<&'static OddFiles> {
        static MADE: OnceLock<OddFiles> = OnceLock::new();
        let portrait = placed("data/sample/astronaut.png")?;
        placed("weights/retinaface_mnet025.safetensors")?;
        Some(MADE.get_or_init(|| OddFiles::make(&portrait)))
    }

    fn make(portrait: &Path) -> OddFiles {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("odd_files");
        let _ = fs::remove_dir_all(&folder);
        let maker = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sample_set"))
            .arg("--odd-files")
            .args([portrait, &folder])
            .output()
            .unwrap();
        assert!(maker.status.success(), "{}", String::from_utf8_lossy(&maker.stderr));
        let mut odd_files = OddFiles { folder, found: BTreeMap::new() };
        // Some files cannot be read, which the exit code tells.
        let (json, done) = odd_files.infer(&odd_files.names(), "");
        let done = done.code(1);
        assert_eq!(done.stderr, "", "no library may speak to the user: {done}");
        for video in json["videos"].as_array().unwrap() {
            let path = video["path"].as_str().unwrap();
            odd_files.found.insert(path.trim_start_matches("./").to_owned(), video.clone());
        }
        odd_files
    }

    /// The files by the names that are given to the program.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for folder in ["", "photos/", "hidden/"] {
            for entry in fs::read_dir(self.folder.join(folder)).unwrap() {
                let entry = entry.unwrap();
                if entry.path().is_file() {
                    names.push(folder.to_owned() + &entry.file_name().into_string().unwrap());
                }
            }
        }
        names
    }

    /// Runs `sbi infer` in the folder. Its results come back, and are gone from the folder.
    fn infer(&self, names: &[String], flags: &str) -> (Json, Done) {
        let place = Place::new();
        let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
        let mut command = place.command(&format!("{INFER} {flags}"));
        command.current_dir(&self.folder);
        command.arg("-w").arg(weights.join("default.safetensors"));
        command.arg("--detector-weights").arg(weights.join("retinaface_mnet025.safetensors"));
        command.arg("--json").arg(place.path("out.json")).arg("-i");
        // Else it would be taken for a flag.
        let named = |name: &String| if name.starts_with('-') { format!("./{name}") } else { name.clone() };
        command.args(names.iter().map(named));
        let done = Done::of(&format!("{INFER} {flags} -i {names:?}"), command);
        (place.json("out.json"), done)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What was found out about a file.
    #[track_caller]
    fn found(&self, name: &str) -> &Json {
        self.found.get(name).unwrap_or_else(|| panic!("no result for {name}"))
    }

    /// Asserts that a file is whole and shows one face in each of these frames, and nothing is to be said about it.
    #[track_caller]
    fn is_ok(&self, name: &str, frames: &[u64]) -> &Json {
        let video = self.found(name);
        assert_eq!((&video["status"], &video["note"]), (&"ok".into(), &Json::Null), "{name}: {video}");
        let counts = (&video["frames"], &video["faces"]);
        assert_eq!(counts, (&frames.len().into(), &frames.len().into()), "{name}: {video}");
        let looked_at = video["frame_scores"].as_array().unwrap().iter();
        let looked_at: Vec<u64> = looked_at.map(|frame| frame["frame"].as_u64().unwrap()).collect();
        assert_eq!(looked_at, frames, "{name}");
        video
    }

    /// Asserts a file's status, and a note with all of `parts`.
    #[track_caller]
    fn is_noted(&self, name: &str, status: &str, parts: &[&str]) -> &Json {
        let video = self.found(name);
        assert_eq!(video["status"], status, "{name}: {video}");
        let note = video["note"].as_str().unwrap_or_default();
        assert!(parts.iter().all(|part| note.contains(part)), "{name}: {video}");
        video
    }

    /// Asserts that two files have the same score in each frame, to the last bit.
    #[track_caller]
    fn score_the_same(&self, one: &str, other: &str) {
        let (a, b) = (self.found(one), self.found(other));
        assert!(a["score"].is_f64(), "{one}: {a}");
        assert_eq!((&a["score"], &a["frame_scores"]), (&b["score"], &b["frame_scores"]), "{one}, {other}");
    }
}

/// The mean difference of two images' values, 0 to 255.
#[track_caller]
fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!((one.width(), one.height()), (other.width(), other.height()));
    let values = one.data().iter().zip(other.data());
    values.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / one.data().len() as f64
}
