//! The stage *doctor*: tries what is installed and says what is missing. Every answer is a [`Check`].

mod data_sets;
mod decoding;
mod weights;

use crate::causes::with_causes;
use crate::datasets::TestSet;
use crate::face::RetinaFaceBody;
use crate::model::DeviceChoice;
use serde::{Serialize, Serializer};
use std::fmt;
use std::path::Path;

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// This program: its version.
    Program,
    /// The libtorch it is linked with: its version.
    Libtorch,
    /// The OpenCV it is linked with: its version.
    OpenCv,
    /// The FFmpeg whose libraries are loaded for videos: its version.
    Ffmpeg,
    /// The library for HEIC and AVIF photographs.
    Libheif,
    /// What stands around the process in which videos and photographs are decoded.
    Walls,
    /// The build of the inference kernels that this processor runs.
    Kernels,
    /// Threads for computing.
    Threads,
    /// Where networks run.
    Device,
    /// A network that finds faces, with its weights.
    FaceDetector(RetinaFaceBody),
    /// A weight file, by its name.
    WeightFile(&'static str),
    /// The folder of all data sets.
    DataRoot,
    /// A test set under the data root.
    TestSet(TestSet),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Program => f.write_str("sbi"),
            Subject::Libtorch => f.write_str("libtorch"),
            Subject::OpenCv => f.write_str("OpenCV"),
            Subject::Ffmpeg => f.write_str("FFmpeg"),
            Subject::Libheif => f.write_str("libheif"),
            Subject::Walls => f.write_str("walls"),
            Subject::Kernels => f.write_str("kernels"),
            Subject::Threads => f.write_str("threads"),
            Subject::Device => f.write_str("device"),
            Subject::FaceDetector(variant) => write!(f, "face detector {}", variant.name()),
            Subject::WeightFile(name) => f.write_str(name),
            Subject::DataRoot => f.write_str("data root"),
            Subject::TestSet(set) => write!(f, "test set {set}"),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is there and was tried.
    Ok,
    /// It is not there; the program works without it.
    Missing,
    /// It is there and cannot be used.
    Bad,
}

impl State {
    /// `ok`, `missing` or `bad`.
    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Missing => "missing",
            State::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    #[serde(rename = "name")]
    pub subject: Subject,
    /// How it came out.
    pub state: State,
    /// What was found, in one line.
    pub detail: String,
}

impl Check {
    fn new(subject: Subject, state: State, detail: &str) -> Self {
        // What other libraries say may have several lines.
        let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
        Check { subject, state, detail }
    }

    fn tried<E: std::error::Error>(subject: Subject, found: Result<String, E>) -> Self {
        match found {
            Ok(found) => Check::new(subject, State::Ok, &found),
            Err(error) => Check::new(subject, State::Bad, &with_causes(&error)),
        }
    }
}

/// Looks at everything: versions, the device, weight files (which are read), data sets (which are listed).
pub fn run(device: DeviceChoice, data_root: &Path) -> Vec<Check> {
    let mut checks = versions();
    checks.extend(decoding::checks());
    checks.push(device_check(device));
    checks.extend(weights::face_detectors());
    checks.extend(weights::files());
    checks.extend(data_sets::checks(data_root));
    checks
}

fn versions() -> Vec<Check> {
    use crate::native::process;
    let kernels = crate::engine::Kernels::all()[0].name;
    let opencv = opencv::core::get_version_string().unwrap_or_else(|_| "unknown".to_owned());
    let found = |subject, detail: &str| Check::new(subject, State::Ok, detail);
    vec![
        found(Subject::Program, env!("CARGO_PKG_VERSION")),
        found(Subject::Libtorch, process::LIBTORCH_VERSION),
        found(Subject::OpenCv, &opencv),
        found(Subject::Kernels, &format!("{kernels}, for inference on the processor")),
        found(Subject::Threads, &format!("{} for computing", process::threads())),
    ]
}

fn device_check(choice: DeviceChoice) -> Check {
    let cuda = match tch::Cuda::is_available() {
        true => format!("{} CUDA devices", tch::Cuda::device_count()),
        false => "no CUDA device".to_owned(),
    };
    let used = choice.resolve().map(|device| format!("{device:?} would be used; {cuda}"));
    Check::tried(Subject::Device, used)
}
