//! `sbi doctor`: what is installed, what is missing, what to do about it.

use crate::args::DoctorArgs;
use crate::{Outcome, Session};
use sbi::checkpoint;
use sbi::datasets::{Compression, TestSet};
use sbi::face::{LandmarkModel, Variant};
use sbi::model::{BUNDLED_FILE, DeviceChoice, ExecutionPlan, dlib_encoder};
use sbi::weights_dir::weights_dir;
use std::path::Path;

/// One line of the report.
#[derive(serde::Serialize)]
struct Check {
    name: String,
    /// `ok`, `missing` (works without it) or `bad`.
    state: &'static str,
    detail: String,
}

/// What a weight file holds, which decides how it is tried.
#[derive(Clone, Copy)]
enum Holds {
    Checkpoint,
    Landmarks,
    DlibEncoder,
}

use Holds::*;

/// Weight files besides the face detectors', and what they are for.
const OTHER_FILES: [(&str, &str, Holds); 10] = [
    (BUNDLED_FILE, "the detector in the box, for `sbi infer` without -w", Checkpoint),
    ("EG-weights.tar", "released EG detector; weights/README.md says where from", Checkpoint),
    ("FFraw.tar", "released SBI detector; weights/README.md says where from", Checkpoint),
    ("FFc23.tar", "released SBI detector; weights/README.md says where from", Checkpoint),
    ("adv-efficientnet-b4-44fb3a87.pth", "ImageNet weights to start training from", Checkpoint),
    ("efficientnet-lite0-imagenet.pth", "ImageNet weights of the smallest light backbone", Checkpoint),
    ("backbone.pth", "ArcFace encoder for EG training", Checkpoint),
    (
        "dlib_face_recognition_resnet_model_v1.dat",
        "dlib's encoder for EG training; scripts/setup.sh fetches it",
        DlibEncoder,
    ),
    ("shape_predictor_81_face_landmarks.dat", "81-point landmarks, as the originals use", Landmarks),
    ("shape_predictor_68_face_landmarks.dat", "68-point landmarks; scripts/setup.sh fetches it", Landmarks),
];

pub fn run(args: &DoctorArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut checks = versions();
    checks.push(device(session.global.device));
    checks.extend([Variant::ResNet50, Variant::MobileNet025].map(face_detector));
    checks.extend(OTHER_FILES.map(|(file, purpose, holds)| weight_file(file, purpose, holds)));
    checks.extend(data_sets(&session.global.data_root));
    if args.json {
        println!("{}", serde_json::to_string_pretty(&checks)?);
    } else {
        for Check { name, state, detail } in &checks {
            println!("{state:<8}{name}: {detail}");
        }
    }
    Ok(match checks.iter().any(|check| check.state == "bad") {
        true => Outcome::SomeFailed,
        false => Outcome::AllDone,
    })
}

fn check(name: impl Into<String>, state: &'static str, detail: impl Into<String>) -> Check {
    Check { name: name.into(), state, detail: detail.into() }
}

fn versions() -> Vec<Check> {
    let kernels = sbi::engine::Kernels::all()[0].name;
    let opencv = opencv::core::get_version_string().unwrap_or_else(|_| "unknown".to_owned());
    vec![
        check("sbi", "ok", env!("CARGO_PKG_VERSION")),
        check("libtorch", "ok", sbi::native::process::LIBTORCH_VERSION),
        check("OpenCV", "ok", opencv),
        check("kernels", "ok", format!("{kernels}, for inference on the processor")),
        check("threads", "ok", format!("{} for computing", sbi::native::process::threads())),
    ]
}

fn device(choice: DeviceChoice) -> Check {
    let cuda = match tch::Cuda::is_available() {
        true => format!("{} CUDA devices", tch::Cuda::device_count()),
        false => "no CUDA device".to_owned(),
    };
    match choice.resolve() {
        Ok(device) => check("device", "ok", format!("{device:?} would be used; {cuda}")),
        Err(error) => check("device", "bad", error.to_string()),
    }
}

fn face_detector(variant: Variant) -> Check {
    let name = format!("face detector {}", variant.name());
    let Some(path) = variant.find_weights(&weights_dir()) else {
        let file = variant.usual_files()[0];
        return check(
            name,
            "missing",
            format!("{} is not there; {}", weights_dir().join(file).display(), variant.source()),
        );
    };
    let plan = ExecutionPlan::plain(tch::Device::Cpu);
    match sbi::face::RetinaFace::load(variant, &path, None, plan) {
        Ok(_) => check(name, "ok", path.display().to_string()),
        Err(error) => check(name, "bad", one_line(&error.to_string())),
    }
}

fn weight_file(file: &str, purpose: &str, holds: Holds) -> Check {
    let path = weights_dir().join(file);
    if !path.exists() {
        return check(file, "missing", purpose);
    }
    let found = match holds {
        Checkpoint => checkpoint::read(&path)
            .map(|file| format!("{} tensors", file.state.len()))
            .map_err(|e| e.to_string()),
        Landmarks => LandmarkModel::load(&path, false)
            .map(|model| format!("{} points", model.identity().points))
            .map_err(|e| e.to_string()),
        DlibEncoder => dlib_encoder::read(&path)
            .map(|_| format!("{} numbers per face", dlib_encoder::EMBEDDING))
            .map_err(|e| e.to_string()),
    };
    match found {
        Ok(found) => check(file, "ok", format!("{found}; {purpose}")),
        Err(error) => check(file, "bad", one_line(&error)),
    }
}

fn data_sets(root: &Path) -> Vec<Check> {
    if !root.is_dir() {
        let hint = "no such folder; --data-root or SBI_DATA_ROOT names another one";
        return vec![check("data root", "missing", format!("{}: {hint}", root.display()))];
    }
    let sets = [TestSet::Ff(None), TestSet::Dfd, TestSet::Dfdc, TestSet::Dfdcp, TestSet::Ffiw, TestSet::Cdf];
    sets.map(|set| data_set(set, root)).into()
}

/// A set is listed at the first compression level for which it is there.
fn data_set(set: TestSet, root: &Path) -> Check {
    let name = format!("test set {set}");
    let mut first_error = None;
    for compression in Compression::ALL {
        match set.list(root, compression, false) {
            Ok(list) => {
                let level =
                    if compression == Compression::Raw { String::new() } else { format!(" ({compression})") };
                let notes: String = list.notes.iter().map(|note| format!("; {note}")).collect();
                return check(name, "ok", format!("{} videos{level}{notes}", list.videos.len()));
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let detail = first_error.map(|error| one_line(&error.to_string())).unwrap_or_default();
    check(name, "missing", detail)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
