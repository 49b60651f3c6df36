//! A folder per test, the program run in it, the fixtures that all tests share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use sbi::media::{MediaFile, MediaLimits, Reading, Wanted};
use sbi::model::Method;
use sbi::types::RgbImage;
use serde_json::Value as Json;

use crate::made;

/// Far beyond what any run here takes: a program that hangs fails its test instead of stopping all.
const PATIENCE: Duration = Duration::from_secs(180);

/// Videos with a face in each frame.
pub const FACES: [&str; 4] = ["face0.mp4", "face1.mp4", "face2.mp4", "face3.mp4"];
/// Frames of each of the made videos.
pub const FRAMES: usize = 12;

/// What is slow to make, made once per test process.
fn fixtures() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = target.join("fixtures");
        fs::create_dir_all(&folder).unwrap();
        // Each file is moved in whole, so that test processes side by side do not disturb one another.
        let workshop = tempfile::tempdir_in(target).unwrap();
        let at = |name: &str| workshop.path().join(name);
        made::forgery_detector(&at("sbi.tar"), Method::Sbi);
        made::forgery_detector(&at("eg.tar"), Method::Eg);
        made::bare_efficientnet(&at("imagenet.pth"));
        made::face_detector(&at("retinaface_mnet025.safetensors"));
        for (seed, name) in FACES.iter().enumerate() {
            made::video(&at(name), FRAMES, |frame| made::portrait(seed as u64, frame));
        }
        made::video(&at("dark.mp4"), FRAMES, |frame| made::dark(made::WIDTH, made::HEIGHT, frame));
        // An AVI declares its length at the beginning: cut, it opens and then ends too early.
        made::video(&at("whole.avi"), FRAMES, |frame| made::portrait(9, frame));
        let whole = fs::read(at("whole.avi")).unwrap();
        fs::write(at("cut.avi"), &whole[..whole.len() * 8 / 10]).unwrap();
        for entry in fs::read_dir(workshop.path()).unwrap() {
            let entry = entry.unwrap();
            fs::rename(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        folder
    })
}

/// A fixture by its name.
pub fn fixture(name: &str) -> PathBuf {
    fixtures().join(name)
}

/// A folder of one test's own, with `weights/` in it as a user has it.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path("weights")).unwrap();
        for name in ["sbi.tar", "eg.tar", "retinaface_mnet025.safetensors"] {
            // Links, because a copy of megabytes per test is a second of its own.
            std::os::unix::fs::symlink(fixture(name), place.path("weights").join(name)).unwrap();
        }
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies a fixture to `name`, whatever kind of file the new name claims it to be.
    pub fn copy(&self, fixture_name: &str, name: &str) {
        let to = self.path(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(fixture(fixture_name), to).unwrap();
    }

    /// Writes a file, with its folders.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn json(&self, name: &str) -> Json {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Names in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs `sbi` here with these arguments, separated by blanks.
    pub fn sbi(&self, arguments: &str) -> Done {
        Done::of(arguments, self.command(arguments))
    }

    /// Starts `sbi` here without waiting for it.
    pub fn start(&self, arguments: &str) -> std::process::Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The command that [`Place::sbi`] runs.
    pub fn command(&self, arguments: &str) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sbi"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        // On any machine the same: no device, no settings of the user.
        command.env("CUDA_VISIBLE_DEVICES", "").env_remove("SBI_DATA_ROOT").env("RUST_BACKTRACE", "1");
        // Tests run side by side; more busily waiting threads than cores take many times as long.
        command.env("OMP_NUM_THREADS", "1").env("OMP_WAIT_POLICY", "passive");
        command
    }
}

/// A finished run.
pub struct Done {
    pub arguments: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Runs a command to its end.
    pub fn of(arguments: &str, command: std::process::Command) -> Self {
        let mut command = assert_cmd::Command::from_std(command);
        Done::from_output(arguments, command.timeout(PATIENCE).output().unwrap())
    }

    /// What a command that was started and waited for has left.
    pub fn from_output(arguments: &str, output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let done = Done { arguments: arguments.to_owned(), code: output.status.code(), stdout, stderr };
        for sign in ["panicked", "stack backtrace", "RUST_BACKTRACE"] {
            assert!(!done.stderr.contains(sign) && !done.stdout.contains(sign), "{done}");
        }
        done
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self}");
        self
    }

    /// Asserts that the run refused to work: exit code 2, nothing on standard output, and one line of error
    /// that holds all of `parts`.
    #[track_caller]
    pub fn refused(self, parts: &[&str]) -> Self {
        let done = self.code(2);
        assert_eq!(done.stdout, "", "{done}");
        let errors: Vec<&str> = done.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{done}");
        assert_eq!(done.stderr.lines().last(), Some(errors[0]), "{done}");
        assert_parts(errors[0], parts, &done);
        done
    }

    /// Asserts wrong usage: exit code 2, nothing on standard output, and an error with all of `parts`, which a hint at
    /// `--help` may follow.
    #[track_caller]
    pub fn misused(self, parts: &[&str]) -> Self {
        let done = self.code(2);
        assert_eq!(done.stdout, "", "{done}");
        let error = done.stderr.lines().next().unwrap_or_default();
        assert!(error.starts_with("error: "), "{done}");
        assert_parts(error, parts, &done);
        done
    }

    /// Asserts that one line of standard output holds all of `parts`.
    #[track_caller]
    pub fn tells(self, parts: &[&str]) -> Self {
        let found = self.stdout.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "no line with {parts:?}: {self}");
        self
    }

    pub fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

#[track_caller]
fn assert_parts(line: &str, parts: &[&str], done: &Done) {
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in the error of {done}");
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Done { arguments, code, stdout, stderr } = self;
        write!(f, "sbi {arguments}\nexit code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// The scores of a JSON result by path, in order.
pub fn scores(json: &Json) -> Vec<(String, Option<f64>)> {
    let videos = json["videos"].as_array().unwrap().iter();
    videos.map(|video| (video["path"].as_str().unwrap().to_owned(), video["score"].as_f64())).collect()
}

/// Asserts that two results have the same videos with the same scores, frame by frame.
#[track_caller]
pub fn assert_same_scores(one: &Json, other: &Json) {
    const CLOSE: f64 = 1e-6;
    let close = |a: &Json, b: &Json| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= CLOSE,
        _ => a == b,
    };
    let (ours, theirs) = (one["videos"].as_array().unwrap(), other["videos"].as_array().unwrap());
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        for field in ["path", "label", "group", "status", "frames", "faces"] {
            assert_eq!(a[field], b[field], "{field}: {a} {b}");
        }
        assert!(close(&a["score"], &b["score"]), "{a} {b}");
        let frames = |video: &Json| video["frame_scores"].as_array().unwrap().clone();
        assert_eq!(frames(a).len(), frames(b).len());
        for (a, b) in frames(a).iter().zip(&frames(b)) {
            assert!(a["frame"] == b["frame"] && close(&a["score"], &b["score"]), "{a} {b}");
        }
    }
}

/// All frames of a file, of which none may be missing.
pub fn frames_of(path: &Path) -> Vec<RgbImage> {
    let file = MediaFile::open(path, Reading::as_is(MediaLimits::default()), 2).unwrap();
    let count = file.frame_count();
    let mut frames = Vec::new();
    let report = file.read(&Wanted::All, |frame| {
        frames.push(frame.image);
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!((report.unwrap().decoded, frames.len()), (count, count));
    frames
}

// Data sets.

impl Place {
    /// `data/DFDC` with these videos (fixtures) and labels.
    pub fn dfdc(&self, videos: &[(&str, i64)]) {
        let mut rows = "filename,label\n".to_owned();
        for (number, (source, label)) in videos.iter().enumerate() {
            self.copy(source, &format!("data/DFDC/videos/v{number}.mp4"));
            rows += &format!("v{number}.mp4,{label}\n");
        }
        self.write("data/DFDC/labels.csv", rows);
    }

    /// `data/FaceForensics++` with two originals and each method's fakes of them, in one compression.
    pub fn ff(&self, compression: &str) {
        let root = "data/FaceForensics++";
        self.write(&format!("{root}/test.json"), r#"[["000", "001"]]"#);
        for (number, name) in ["000", "001", "002"].into_iter().enumerate() {
            let folder = format!("{root}/original_sequences/youtube/{compression}/videos");
            self.copy(FACES[number], &format!("{folder}/{name}.mp4"));
        }
        for (at, method) in ["Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"].into_iter().enumerate() {
            for (number, name) in ["000_001", "001_000", "002_003"].into_iter().enumerate() {
                let folder = format!("{root}/manipulated_sequences/{method}/{compression}/videos");
                self.copy(FACES[(at + number) % FACES.len()], &format!("{folder}/{name}.mp4"));
            }
        }
    }

    /// `data/Celeb-DF-v2` with two real videos and a fake.
    pub fn cdf(&self) {
        let root = "data/Celeb-DF-v2";
        let list =
            "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/id0_id1_0000.mp4\n1 Celeb-real/id0_0001.mp4\n";
        self.write(&format!("{root}/List_of_testing_videos.txt"), list);
        for (source, name) in FACES.iter().zip(list.lines()) {
            let (set, file) = name[2..].split_once('/').unwrap();
            self.copy(source, &format!("{root}/{set}/videos/{file}"));
        }
    }
}
