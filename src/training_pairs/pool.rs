//! The frames of a split: each gives pairs, and lends its face to pairs of others.

use super::{Error, read_faces};
use crate::blending::kinds::{Alignment, Available, Kind, Material, Wants};
use crate::blending::mirror::{mirror_landmarks, reorder_forehead};
use crate::blending::{self, BlendedPair, DrawnRecipe, Extras, Geometry, Phase, Recipe, blended_pair};
use crate::imaging::{self, PngRegion};
use crate::prepared_frames::{FrameFiles, read_landmarks};
use crate::rng::SampleRng;
use crate::types::{FaceBox, Landmarks, RgbImage, Window};
use rand::{Rng, SeedableRng};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Faces that are compared in pose with the one that is to be swapped.
const CANDIDATES: usize = 32;
/// One of so many that come closest is taken.
const CLOSEST: usize = 3;

/// The frames of one split, from which pairs are made. Threads may share it.
pub struct FramePool {
    frames: Vec<FrameFiles>,
    /// The landmarks of each frame's largest face, the forehead in order, once they were looked at; `None` where the file
    /// cannot be used.
    landmarks: Vec<OnceLock<Option<Landmarks>>>,
    /// Whether the frames show more than one video.
    donors: bool,
}

/// Pixels from elsewhere and the file they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The pixels.
    pub material: Material,
    /// The file of donor or counterpart; `None`: all comes from the frame itself.
    pub path: Option<PathBuf>,
}

impl FramePool {
    /// A pool of these frames.
    pub fn new(frames: Vec<FrameFiles>) -> Self {
        let landmarks = frames.iter().map(|_| OnceLock::new()).collect();
        let donors = frames.iter().any(|other| video(other) != video(&frames[0]));
        FramePool { frames, landmarks, donors }
    }

    /// The frames, in the order given.
    pub fn frames(&self) -> &[FrameFiles] {
        &self.frames
    }

    /// Draws a recipe for frame number `index`, of a kind of forgery that there is material for.
    pub fn draw(&self, index: usize, rng: &mut SampleRng, phase: Phase, extras: &Extras) -> DrawnRecipe {
        let kinds = [Kind::Counterpart, Kind::Mouth, Kind::Whole];
        let counterparts = kinds.into_iter().any(|kind| extras.fakes.weight(kind) > 0.0)
            && !self.frames[index].counterparts().is_empty();
        Recipe::draw_with(rng, phase, extras, Available { counterparts, donors: self.donors })
    }

    /// Reads what a recipe needs of frame number `index` and of others and makes its pair, `image_size` x `image_size`.
    ///
    /// Only the rows that the pair shows are decoded. Fails when a file is damaged or has another shape, and when the face
    /// cannot be blended.
    pub fn read_pair(&self, index: usize, recipe: &Recipe, image_size: usize) -> Result<BlendedPair, Error> {
        let files = &self.frames[index];
        let (landmarks, boxes) = read_faces(files)?;
        let region = PngRegion::open(&files.frame)?;
        let (width, height) = (region.width(), region.height());
        let geometry = self.geometry(index, (width, height), &landmarks, &boxes, recipe)?;
        let wide = region.read(geometry.window())?;
        let given = self.material(index, (width, height), recipe, &geometry)?;
        blended_pair(wide, &given.material, &geometry, recipe, image_size)
            .map_err(|cause| unusable(&files.frame, cause))
    }

    fn geometry(
        &self,
        index: usize,
        (width, height): (usize, usize),
        landmarks: &Landmarks,
        boxes: &[FaceBox],
        recipe: &Recipe,
    ) -> Result<Geometry, Error> {
        Geometry::of(width, height, landmarks, boxes, recipe)
            .map_err(|cause| unusable(&self.frames[index].frame, cause.into()))
    }

    /// Reads the pixels from elsewhere that a recipe wants for frame number `index`, which is of this size.
    ///
    /// Fails when the file is damaged, a counterpart has another size than its frame, or no other frame has a face.
    pub fn material(
        &self,
        index: usize,
        (width, height): (usize, usize),
        recipe: &Recipe,
        geometry: &Geometry,
    ) -> Result<Given, Error> {
        let files = &self.frames[index];
        match recipe.forgery.as_ref().map_or(Wants::Nothing, |forgery| forgery.wants()) {
            Wants::Nothing => Ok(Given { material: Material::Own, path: None }),
            Wants::Counterpart { pick } => {
                let names = files.counterparts();
                let number = pick.checked_rem(names.len() as u64);
                let name = number.and_then(|number| names.get(number as usize));
                let name = name.ok_or_else(|| unusable(&files.frame, blending::Error::Material))?;
                let path = files.counterpart(name);
                let region = PngRegion::open(&path)?;
                let found = (region.width(), region.height());
                if found != (width, height) {
                    return Err(Error::CounterpartSize { path, expected: (width, height), found });
                }
                let material = Material::Counterpart(region.read(geometry.window())?);
                Ok(Given { material, path: Some(path) })
            }
            Wants::Donor { seed } => {
                let donor = self.donor(index, seed, geometry.landmarks());
                let (donor, mirror) =
                    donor.ok_or_else(|| unusable(&files.frame, blending::Error::Material))?;
                let (image, landmarks) = self.read_donor(donor, mirror)?;
                let material = Material::Donor { image, landmarks };
                Ok(Given { material, path: Some(self.frames[donor].frame.clone()) })
            }
        }
    }

    /// Another person's frame whose face has a pose like these landmarks', and whether it has it mirrored. Frames are
    /// drawn, and of those that come closest in pose and are not much smaller, one is drawn.
    fn donor(&self, index: usize, seed: u64, face: &Landmarks) -> Option<(usize, bool)> {
        let mut rng = SampleRng::seed_from_u64(seed);
        let mut found: Vec<(f64, usize, bool)> = Vec::new();
        for _ in 0..CANDIDATES {
            let candidate = rng.random_range(0..self.frames.len());
            if video(&self.frames[candidate]) == video(&self.frames[index]) {
                continue;
            }
            let Some(plain) = self.landmarks(candidate) else { continue };
            let unlikeness = |landmarks: &Landmarks| {
                /// A face half as large counts as that much farther in pose.
                const HALF_AS_LARGE: f64 = 0.05;
                let map = Alignment::of(landmarks, face)?;
                Some(map.distance() + HALF_AS_LARGE * map.scale().log2().max(0.0))
            };
            // How wide its frame is does not matter: the mirror image is moved to its place.
            let mirrored = mirror_landmarks(plain, 0);
            let both = [(unlikeness(plain), false), (unlikeness(&mirrored), true)];
            let nearer = both.into_iter().filter_map(|(far, mirror)| Some((far?, candidate, mirror)));
            found.extend(nearer.min_by(|one, other| one.0.total_cmp(&other.0)));
        }
        found.sort_by(|one, other| one.0.total_cmp(&other.0));
        found.dedup_by_key(|(_, candidate, _)| *candidate);
        found.truncate(CLOSEST);
        let number = rng.random_range(0..CLOSEST);
        let (_, donor, mirror) = *found.get(number.checked_rem(found.len())?)?;
        Some((donor, mirror))
    }

    /// The landmarks of a frame's largest face, the forehead in order.
    fn landmarks(&self, index: usize) -> Option<&Landmarks> {
        let read = || {
            let faces = read_landmarks(&self.frames[index].landmarks).ok()?;
            faces.first().map(reorder_forehead)
        };
        self.landmarks[index].get_or_init(read).as_ref()
    }

    /// The pixels around a frame's face and its landmarks in them.
    fn read_donor(&self, index: usize, mirror: bool) -> Result<(RgbImage, Landmarks), Error> {
        let path = &self.frames[index].frame;
        let no_face = || unusable(path, blending::Error::Material);
        let landmarks = self.landmarks(index).ok_or_else(no_face)?;
        let region = PngRegion::open(path)?;
        let window = around(landmarks, region.width(), region.height()).ok_or_else(no_face)?;
        let image = region.read(window)?;
        let landmarks = landmarks.shifted(-(window.x0 as i32), -(window.y0 as i32));
        match mirror {
            false => Ok((image, landmarks)),
            true => {
                let landmarks = mirror_landmarks(&landmarks, image.width());
                Ok((imaging::mirrored(&image)?, landmarks))
            }
        }
    }
}

/// The part of a frame that holds a face and what may be shown around it; `None` when it lies outside.
fn around(landmarks: &Landmarks, width: usize, height: usize) -> Option<Window> {
    const MARGIN: f64 = 0.35;
    let bounds = landmarks.bounds();
    let (across, down) = (MARGIN * bounds.width(), MARGIN * bounds.height());
    let limit = |at: f64, side: usize| at.clamp(0.0, side as f64) as usize;
    let window = Window {
        y0: limit(bounds.y0 - down, height),
        y1: limit(bounds.y1 + down + 1.0, height),
        x0: limit(bounds.x0 - across, width),
        x1: limit(bounds.x1 + across + 1.0, width),
    };
    (!window.is_empty()).then_some(window)
}

/// The video that a frame is of, which shows one person, whatever set it is in.
fn video(files: &FrameFiles) -> Option<&std::ffi::OsStr> {
    files.frame.parent().and_then(Path::file_name)
}

fn unusable(path: &Path, cause: blending::Error) -> Error {
    Error::Blending { path: path.to_owned(), cause }
}
