//! The detectors of a run, and how many of each there are.

use super::{Config, Steps};
use crate::Result;
use crate::face::{FaceDetector, FaceDetectorConfig, LandmarkDetector, LandmarkModel, RetinaFaceBody};
use crate::model::Execution;
use crate::prepared_frames::{BoxSettings, LandmarkSettings};
use std::sync::Mutex;

/// Where a run gets its detectors from; tests give it made ones.
pub trait Tools: Sync {
    /// What identifies the landmark model; `None` where that step is not done.
    fn landmark_settings(&self) -> Option<LandmarkSettings>;
    /// What identifies the face detector; `None` where that step is not done.
    fn box_settings(&self) -> Option<BoxSettings>;
    /// The landmark detector; `None` where that step is not done.
    fn landmark_detector(&self) -> Option<&dyn LandmarkDetector>;
    /// A face detector for one thread.
    fn face_detector(&self) -> Result<Box<dyn FaceDetector>>;
    /// Whether one face detector serves all threads, in batches: on a GPU, or where it keeps all cores busy itself.
    fn shares_face_detector(&self) -> bool;
}

/// The detectors that a configuration names.
pub struct LoadedTools {
    landmarks: Option<LandmarkModel>,
    boxes: Option<LoadedBoxes>,
}

struct LoadedBoxes {
    config: FaceDetectorConfig,
    plan: Execution,
    settings: BoxSettings,
    shared: bool,
    /// The one that was loaded to learn its identity, until a thread takes it.
    first: Mutex<Option<Box<dyn FaceDetector>>>,
}

impl LoadedTools {
    /// Loads what the steps of `config` need; the texts are warnings for the user.
    ///
    /// Fails when a model file is missing or unusable, or the device is not there.
    pub fn load(config: &Config) -> Result<(Self, Vec<String>)> {
        let Steps { landmarks, boxes } = config.steps;
        let (landmarks, boxes) = rayon::join(
            || landmarks.then(|| config.landmarks.load()).transpose(),
            || boxes.then(|| LoadedBoxes::load(config)).transpose(),
        );
        let (landmarks, landmark_warning) = landmarks?.unzip();
        let (boxes, box_warnings) = boxes?.unzip();
        let warnings =
            landmark_warning.flatten().into_iter().chain(box_warnings.into_iter().flatten()).collect();
        Ok((LoadedTools { landmarks, boxes }, warnings))
    }
}

impl LoadedBoxes {
    fn load(config: &Config) -> Result<(Self, Vec<String>)> {
        let plan = Execution::fastest(config.device.resolve()?);
        let (variant, _, _) = config.face_detector.resolve()?;
        let (face_detector, notes) = config.face_detector.load(plan)?;
        let identity = face_detector.identity();
        let settings =
            BoxSettings { detector: identity.name, weights: identity.weights, max_size: identity.max_size };
        // On a CPU the small network runs once per thread. The large one fills all cores by itself and needs
        // gigabytes: one is enough.
        let shared = plan.device().is_cuda() || variant == RetinaFaceBody::ResNet50;
        let first = Mutex::new(Some(face_detector));
        Ok((LoadedBoxes { config: config.face_detector.clone(), plan, settings, shared, first }, notes))
    }
}

impl Tools for LoadedTools {
    fn landmark_settings(&self) -> Option<LandmarkSettings> {
        self.landmarks.as_ref().map(|model| {
            let identity = model.identity().clone();
            LandmarkSettings {
                model: identity.model,
                fingerprint: identity.fingerprint,
                points: identity.points,
                estimated_forehead: identity.estimated_forehead,
            }
        })
    }

    fn box_settings(&self) -> Option<BoxSettings> {
        self.boxes.as_ref().map(|boxes| boxes.settings.clone())
    }

    fn landmark_detector(&self) -> Option<&dyn LandmarkDetector> {
        self.landmarks.as_ref().map(|model| model as &dyn LandmarkDetector)
    }

    fn face_detector(&self) -> Result<Box<dyn FaceDetector>> {
        let boxes = self.boxes.as_ref().expect("asked for only where the step is done");
        let first = boxes.first.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        match first {
            Some(face_detector) => Ok(face_detector),
            None => Ok(boxes.config.load(boxes.plan)?.0),
        }
    }

    fn shares_face_detector(&self) -> bool {
        self.boxes.as_ref().is_some_and(|boxes| boxes.shared)
    }
}
