//! `sbi doctor`: what is installed, what is missing, what to do about it.

use crate::args::DoctorArgs;
use crate::{Outcome, Session};
use sbi::causes::with_causes;
use sbi::checkpoint;
use sbi::datasets::{Compression, TestSet};
use sbi::face::{LandmarkModel, Variant};
use sbi::model::{DeviceChoice, ExecutionPlan, dlib_encoder};
use sbi::weight_files::catalogue::ALL;
use sbi::weight_files::{WeightFile, WeightFormat, weights_dir};
use std::path::Path;

/// One line of the report.
#[derive(serde::Serialize)]
struct Check {
    name: String,
    /// `ok`, `missing` (works without it) or `bad`.
    state: &'static str,
    detail: String,
}

pub fn run(args: &DoctorArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut checks = versions();
    checks.push(device(session.global.device));
    checks.extend([Variant::ResNet50, Variant::MobileNet025].map(face_detector));
    // The face detectors' have been tried as networks already.
    let tried = [Variant::ResNet50, Variant::MobileNet025].map(Variant::weight_file);
    checks.extend(ALL.into_iter().filter(|file| !tried.contains(file)).map(weight_file));
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
        Err(error) => check("device", "bad", with_causes(&error)),
    }
}

fn face_detector(variant: Variant) -> Check {
    let name = format!("face detector {}", variant.name());
    let file = variant.weight_file();
    let Some(path) = file.find_in(&weights_dir()) else {
        let path = weights_dir().join(file.name());
        return check(name, "missing", format!("{} is not there; {}", path.display(), file.origin));
    };
    let plan = ExecutionPlan::plain(tch::Device::Cpu);
    match sbi::face::RetinaFace::load(variant, &path, None, plan) {
        Ok(_) => check(name, "ok", path.display().to_string()),
        Err(error) => check(name, "bad", one_line(&with_causes(&error))),
    }
}

fn weight_file(file: &WeightFile) -> Check {
    let Some(path) = file.find_in(&weights_dir()) else {
        return check(file.name(), "missing", format!("{}; {}", file.purpose, file.origin));
    };
    let found = match file.format {
        WeightFormat::Checkpoint => checkpoint::read(&path)
            .map(|file| format!("{} tensors", file.state.len()))
            .map_err(|e| with_causes(&e)),
        WeightFormat::DlibLandmarks => LandmarkModel::load(&path, false)
            .map(|model| format!("{} points", model.identity().points))
            .map_err(|e| with_causes(&e)),
        WeightFormat::DlibFaceEncoder => dlib_encoder::read(&path)
            .map(|_| format!("{} numbers per face", dlib_encoder::EMBEDDING))
            .map_err(|e| with_causes(&e)),
    };
    match found {
        Ok(found) => check(file.name(), "ok", format!("{found}; {}", file.purpose)),
        Err(error) => check(file.name(), "bad", one_line(&error)),
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
    let detail = first_error.map(|error| one_line(&with_causes(&error))).unwrap_or_default();
    check(name, "missing", detail)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
