//! Landmarks by dlib: faces by its HOG detector, points by a shape predictor with 68 or 81 of them.

use super::Error;
use super::forehead::with_forehead;
use crate::hash::Fnv1a64;
use crate::native::dlib::{DlibError, DlibFaceDetector, DlibRect, DlibShape};
use crate::types::{Landmarks, RgbImage};
use crate::weight_files::catalogue::{LANDMARKS_68, LANDMARKS_81};
use crate::weight_files::weights_dir;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Finds the landmarks of the faces in frames, on any number of threads at once.
pub trait LandmarkDetector: Send + Sync {
    /// The faces of a frame, the largest first: by the area of the landmarks' bounding box, equal ones in the face
    /// scanner's order. All have equally many points.
    fn detect(&self, image: &RgbImage) -> Result<Vec<Landmarks>, Error>;
}

/// Names a landmark model, so that results of different ones are never mixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandmarkIdentity {
    /// The model's file name.
    pub model: String,
    /// Fingerprint of the file, 16 hex digits.
    pub fingerprint: String,
    /// Points per face that come out.
    pub points: usize,
    /// Whether the forehead's are estimated from the others.
    pub estimated_forehead: bool,
}

/// Which landmark model to use, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandmarkConfig {
    /// A shape predictor's file; `None`: the 81-point file in `weights_dir` if it is there, else the 68-point file.
    pub model: Option<PathBuf>,
    /// Where the usual files are.
    pub weights_dir: PathBuf,
    /// Whether a model with 68 points gets thirteen estimated ones of the forehead.
    pub estimate_forehead: bool,
}

impl Default for LandmarkConfig {
    fn default() -> Self {
        LandmarkConfig { model: None, weights_dir: weights_dir(), estimate_forehead: true }
    }
}

impl LandmarkConfig {
    /// The model file that this configuration means, and a warning where the published one is not there.
    ///
    /// Fails when there is none.
    pub fn resolve(&self) -> Result<(PathBuf, Option<String>), Error> {
        let missing = |path: PathBuf| Error::NoLandmarkModel { path };
        if let Some(path) = &self.model {
            return if path.is_file() { Ok((path.clone(), None)) } else { Err(missing(path.clone())) };
        }
        let (best, fallback) =
            (self.weights_dir.join(LANDMARKS_81.name()), self.weights_dir.join(LANDMARKS_68.name()));
        match (best.is_file(), fallback.is_file()) {
            (true, _) => Ok((best, None)),
            (false, true) => {
                let forehead = match self.estimate_forehead {
                    true => "the forehead's points are estimated",
                    false => "masks end at the brows",
                };
                let warning = format!(
                    "{} is not there, so landmarks come from {} and {forehead}: published numbers need the \
                     81-point model; weights/README.md says where it is",
                    best.display(),
                    LANDMARKS_68.name()
                );
                Ok((fallback, Some(warning)))
            }
            (false, false) => Err(missing(best)),
        }
    }

    /// Loads the model; the text is a warning for the user, if any.
    pub fn load(&self) -> Result<(LandmarkModel, Option<String>), Error> {
        let (path, warning) = self.resolve()?;
        Ok((LandmarkModel::load(&path, self.estimate_forehead)?, warning))
    }
}

/// A loaded face detector and shape predictor, shared by all threads.
#[derive(Clone)]
pub struct LandmarkModel {
    faces: Arc<DlibFaceDetector>,
    shape: Arc<DlibShape>,
    identity: LandmarkIdentity,
}

impl LandmarkModel {
    /// Reads a shape predictor in dlib's own format.
    ///
    /// Fails when the file cannot be read, is none, or has neither 68 nor 81 points.
    pub fn load(path: &Path, estimate_forehead: bool) -> Result<Self, Error> {
        let unusable = |cause: Box<dyn std::error::Error + Send + Sync>| Error::LandmarkModel {
            path: path.to_owned(),
            cause,
        };
        let fingerprint = fingerprint(path).map_err(|e| unusable(e.into()))?;
        // Either takes a good part of a second.
        let (shape, faces) = rayon::join(|| DlibShape::load(path), DlibFaceDetector::new);
        let shape = shape.map_err(|e| unusable(e.into()))?;
        let points = shape.points();
        if points != Landmarks::FACE && points != Landmarks::WITH_FOREHEAD {
            return Err(unusable(format!("it has {points} landmarks, expected 68 or 81").into()));
        }
        let estimated_forehead = estimate_forehead && points == Landmarks::FACE;
        let model = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let points = if estimated_forehead { Landmarks::WITH_FOREHEAD } else { points };
        let identity = LandmarkIdentity { model, fingerprint, points, estimated_forehead };
        Ok(LandmarkModel { faces: Arc::new(faces?), shape: Arc::new(shape), identity })
    }

    /// What is written beside results made with it.
    pub fn identity(&self) -> &LandmarkIdentity {
        &self.identity
    }
}

impl LandmarkModel {
    /// dlib's rectangles of the faces of a frame, the most certain first.
    pub(super) fn rectangles(&self, image: &RgbImage) -> Result<Vec<DlibRect>, Error> {
        Ok(self.faces.detect(image)?)
    }

    /// The landmarks of the face in a rectangle, as many as the identity says; `None` where the forehead's cannot be
    /// estimated.
    pub(super) fn landmarks_in(
        &self,
        image: &RgbImage,
        rectangle: &DlibRect,
    ) -> Result<Option<Landmarks>, Error> {
        let points = self.shape.predict(image, rectangle)?;
        let points = points.into_iter().map(|(x, y)| (clamped(x), clamped(y))).collect();
        let landmarks = Landmarks::new(points).map_err(|e| DlibError::from(e.to_string()))?;
        Ok(match self.identity.estimated_forehead {
            true => with_forehead(&landmarks),
            false => Some(landmarks),
        })
    }
}

impl LandmarkDetector for LandmarkModel {
    fn detect(&self, image: &RgbImage) -> Result<Vec<Landmarks>, Error> {
        let rectangles = self.rectangles(image)?;
        let mut faces = Vec::with_capacity(rectangles.len());
        for rectangle in &rectangles {
            // Whoever writes them relies on every face having as many points as the identity says.
            faces.extend(self.landmarks_in(image, rectangle)?);
        }
        sort_by_area(&mut faces);
        Ok(faces)
    }
}

/// FNV-1a of a file, which need not fit memory.
fn fingerprint(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut block = vec![0; 1 << 16];
    let mut state = Fnv1a64::default();
    loop {
        match file.read(&mut block)? {
            0 => return Ok(format!("{:016x}", state.finish())),
            n => state.update(&block[..n]),
        }
    }
}

/// A model file with absurd numbers gives absurd points, but none that later sums could not hold.
fn clamped(value: i64) -> i32 {
    const FARTHEST: i64 = Landmarks::FARTHEST as i64;
    value.clamp(-FARTHEST, FARTHEST) as i32
}

/// Largest bounding box first; of equal ones the later comes first, as in the original programs, which sort upwards and
/// turn the list round.
fn sort_by_area(faces: &mut [Landmarks]) {
    faces.reverse();
    faces.sort_by(|a, b| b.bounds().area().total_cmp(&a.bounds().area()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_faces_of_equal_size_the_later_comes_first() {
        let square = |x: i32, side: i32| {
            let mut points = vec![(x, 0); 68];
            points[1] = (x + side, side);
            Landmarks::new(points).unwrap()
        };
        let mut faces = [square(0, 5), square(10, 9), square(20, 9), square(30, 5)];
        sort_by_area(&mut faces);
        assert_eq!(faces.map(|face| face.points()[0].0), [20, 10, 30, 0]);
    }

    #[test]
    fn the_81_point_model_comes_first_and_its_absence_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let config = LandmarkConfig { weights_dir: folder.path().to_owned(), ..LandmarkConfig::default() };
        let error = config.resolve().unwrap_err().to_string();
        assert!(error.contains(LANDMARKS_81.name()) && error.contains("setup.sh"), "{error}");
        std::fs::write(folder.path().join(LANDMARKS_68.name()), "").unwrap();
        let (path, warning) = config.resolve().unwrap();
        assert!(path.ends_with(LANDMARKS_68.name()) && warning.unwrap().contains("estimated"));
        std::fs::write(folder.path().join(LANDMARKS_81.name()), "").unwrap();
        let (path, warning) = config.resolve().unwrap();
        assert!(path.ends_with(LANDMARKS_81.name()) && warning.is_none());
    }

    #[test]
    fn a_file_that_is_no_model_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "not a shape predictor").unwrap();
        let error = LandmarkModel::load(file.path(), true).err().unwrap().to_string();
        assert!(
            error.contains("shape predictor") && error.contains(file.path().to_str().unwrap()),
            "{error}"
        );
    }
}
