//! Weight files: whether they are there and can be read.

use super::{Check, State, Subject};
use crate::checkpoint;
use crate::face::{LandmarkModel, RetinaFace, RetinaFaceBody};
use crate::model::{Execution, dlib_encoder};
use crate::weight_files::catalogue::ALL;
use crate::weight_files::{WeightFile, WeightFormat, weights_dir};

const FACE_DETECTORS: [RetinaFaceBody; 2] = [RetinaFaceBody::ResNet50, RetinaFaceBody::MobileNet025];

pub fn face_detectors() -> [Check; 2] {
    FACE_DETECTORS.map(face_detector)
}

fn face_detector(variant: RetinaFaceBody) -> Check {
    let subject = Subject::FaceDetector(variant);
    let file = variant.weight_file();
    let Some(path) = file.find_in(&weights_dir()) else {
        let path = weights_dir().join(file.name());
        let detail = format!("{} is not there; {}", path.display(), file.origin);
        return Check::new(subject, State::Missing, &detail);
    };
    let plan = Execution::plain(tch::Device::Cpu);
    let loaded = RetinaFace::load(variant, &path, None, plan);
    Check::tried(subject, loaded.map(|_| path.display().to_string()))
}

/// All files of the catalogue but those that have been tried as face detectors.
pub fn files() -> impl Iterator<Item = Check> {
    let tried = FACE_DETECTORS.map(RetinaFaceBody::weight_file);
    ALL.into_iter().filter(move |file| !tried.contains(file)).map(weight_file)
}

fn weight_file(file: &'static WeightFile) -> Check {
    let subject = Subject::WeightFile(file.name());
    let Some(path) = file.find_in(&weights_dir()) else {
        let detail = format!("{}; {}", file.purpose, file.origin);
        return Check::new(subject, State::Missing, &detail);
    };
    let with_purpose = |found: String| format!("{found}; {}", file.purpose);
    match file.format {
        WeightFormat::Checkpoint => Check::tried(
            subject,
            checkpoint::read(&path).map(|file| with_purpose(format!("{} tensors", file.state.len()))),
        ),
        WeightFormat::DlibLandmarks => Check::tried(
            subject,
            LandmarkModel::load(&path, false)
                .map(|model| with_purpose(format!("{} points", model.identity().points))),
        ),
        WeightFormat::DlibFaceEncoder => Check::tried(
            subject,
            dlib_encoder::read(&path)
                .map(|_| with_purpose(format!("{} numbers per face", dlib_encoder::EMBEDDING))),
        ),
    }
}
