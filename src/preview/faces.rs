//! The faces of a preview: read from a prepared set, or found in files.

use super::config::{Config, PreviewSource};
use crate::blending::kinds::{Available, Material};
use crate::blending::{DrawnRecipe, Geometry, Recipe};
use crate::causes::with_causes;
use crate::face::{FaceDetector, LandmarkDetector};
use crate::media::{MediaFiles, media_files_by_name, read_one_frame};
use crate::model::Execution;
use crate::progress::{Cancel, Progress};
use crate::rng::SampleRng;
use crate::training_pairs::{FrameList, FramePool, Given, read_faces};
use crate::types::{FaceBox, Landmarks, RgbImage};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A frame together with the face that a pair is made of.
pub struct Face {
    pub image: RgbImage,
    pub landmarks: Landmarks,
    pub boxes: Vec<FaceBox>,
}

/// Frames that may show a face, read one by one.
pub enum Faces {
    Prepared(FramePool),
    Files {
        paths: Vec<PathBuf>,
        landmark_detector: Box<dyn LandmarkDetector>,
        face_detector: Box<dyn FaceDetector>,
    },
}

impl Faces {
    /// Lists the frames and loads the models. Fails when there are none or a model file is missing.
    pub fn open(source: &PreviewSource, progress: &dyn Progress) -> Result<Faces> {
        match source {
            PreviewSource::Prepared(selections) => {
                let mut all = FrameList::default();
                for selection in selections {
                    all.join(selection.list()?);
                }
                Ok(Faces::Prepared(FramePool::new(all.frames)))
            }
            PreviewSource::Files { paths, landmarks, face_detector, device } => {
                let MediaFiles { files, notes } = media_files_by_name(paths)?;
                notes.iter().for_each(|note| progress.note(note));
                let paths = files;
                let (landmark_model, warning) = landmarks.load()?;
                warning.iter().for_each(|warning| progress.note(warning));
                let (face_detector, notes) = face_detector.load(Execution::fastest(device.resolve()?))?;
                notes.iter().for_each(|note| progress.note(note));
                let landmark_detector = Box::new(landmark_model);
                Ok(Faces::Files { paths, landmark_detector, face_detector })
            }
        }
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        match self {
            Faces::Prepared(pool) => pool.frames().len(),
            Faces::Files { paths, .. } => paths.len(),
        }
    }

    /// The file of frame number `index`.
    pub fn path(&self, index: usize) -> &Path {
        match self {
            Faces::Prepared(pool) => &pool.frames()[index].frame,
            Faces::Files { paths, .. } => &paths[index],
        }
    }

    /// Draws the recipe of a pair of frame number `index`. Files lend their faces to nobody and have no counterparts.
    pub fn draw(&self, index: usize, rng: &mut SampleRng, config: &Config) -> DrawnRecipe {
        match self {
            Faces::Prepared(pool) => pool.draw(index, rng, config.phase, &config.extras),
            Faces::Files { .. } => Recipe::draw_with(rng, config.phase, &config.extras, Available::default()),
        }
    }

    /// Reads the pixels from elsewhere that a recipe wants for frame number `index`, which is of this size. Fails, with a
    /// sentence, when they cannot be read.
    pub fn material(
        &self,
        index: usize,
        size: (usize, usize),
        recipe: &Recipe,
        geometry: &Geometry,
    ) -> Result<Given, String> {
        match self {
            Faces::Prepared(pool) => {
                pool.material(index, size, recipe, geometry).map_err(|e| with_causes(&e))
            }
            Faces::Files { .. } => Ok(Given { material: Material::Own, path: None }),
        }
    }

    /// Reads frame number `index` and finds its face. Fails, with a sentence, when it cannot be read or shows no face.
    pub fn read(&self, index: usize, cancel: &Cancel) -> Result<Face, String> {
        match self {
            Faces::Prepared(pool) => {
                let files = &pool.frames()[index];
                let (landmarks, boxes) = read_faces(files).map_err(|e| with_causes(&e))?;
                let image = files.read_frame().map_err(|e| with_causes(&e))?;
                Ok(Face { image, landmarks, boxes })
            }
            Faces::Files { paths, landmark_detector, face_detector } => {
                find_face(&paths[index], landmark_detector.as_ref(), face_detector.as_ref(), cancel)
            }
        }
    }
}

fn find_face(
    path: &Path,
    landmark_detector: &dyn LandmarkDetector,
    face_detector: &dyn FaceDetector,
    cancel: &Cancel,
) -> Result<Face, String> {
    let image = read_one_frame(path, cancel).map_err(|e| with_causes(&e))?;
    let Some(image) = image else { return Err(format!("{}: interrupted", path.display())) };
    let found = landmark_detector.detect(&image).map_err(|e| Error::from(e).to_string())?;
    let Some(landmarks) = found.into_iter().next() else {
        return Err(format!("{}: dlib finds no face", path.display()));
    };
    let found = face_detector.detect(&[&image]).map_err(|e| with_causes(&e))?.pop().unwrap_or_default();
    if found.is_empty() {
        return Err(format!("{}: the face detector finds no face", path.display()));
    }
    Ok(Face { image, landmarks, boxes: FaceBox::largest_first(&found) })
}
