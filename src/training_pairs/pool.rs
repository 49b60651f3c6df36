//! The frames of a split: each gives pairs, and lends its face to pairs of others.

use super::{Error, read_faces};
use crate::blending::kinds::{Alignment, Available, Kind, Material, Wants};
use crate::blending::mirror::{mirror_landmarks, reorder_forehead};
use crate::blending::{self, BlendedPair, DrawnRecipe, Extras, Geometry, Phase, Recipe, blended_pair};
use crate::imaging::{self, PngRegion};
use crate::prepared_frames::FrameFiles;
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
    /// The names of each frame's counterparts, once they were looked for.
    counterparts: Vec<OnceLock<Vec<String>>>,
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
        let counterparts = frames.iter().map(|_| OnceLock::new()).collect();
        let donors = frames.iter().any(|other| video(other) != video(&frames[0]));
        FramePool { frames, landmarks, counterparts, donors }
    }

    /// The frames, in the order given.
    pub fn frames(&self) -> &[FrameFiles] {
        &self.frames
    }

    /// Draws a recipe for frame number `index`, of a kind of forgery that there is material for.
    pub fn draw(&self, index: usize, rng: &mut SampleRng, phase: Phase, extras: &Extras) -> DrawnRecipe {
        let kinds = [Kind::Counterpart, Kind::Mouth, Kind::Whole];
        let counterparts = kinds.into_iter().any(|kind| extras.fakes.weight(kind) > 0.0)
            && !self.counterparts(index).is_empty();
        Recipe::draw_with(rng, phase, extras, Available { counterparts, donors: self.donors })
    }

    /// Reads what a recipe needs of frame number `index` and of others and makes its pair, `image_size` x `image_size`.
    ///
    /// Only the rows that the pair shows are decoded. Fails when a file is damaged or has another shape, and when the face
    /// cannot be blended.
    pub fn read_pair(&self, index: usize, recipe: &Recipe, image_size: usize) -> Result<BlendedPair, Error> {
        let files = &self.frames[index];
        let (landmarks, boxes) = read_faces(files)?;
        let region = files.open_image()?;
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
                let names = self.counterparts(index);
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

    /// The names of a frame's counterparts, as they are when they are first asked for: a run draws among the same ones from
    /// then on.
    fn counterparts(&self, index: usize) -> &[String] {
        self.counterparts[index].get_or_init(|| self.frames[index].counterparts())
    }

    /// The landmarks of a frame's largest face, the forehead in order.
    fn landmarks(&self, index: usize) -> Option<&Landmarks> {
        let read = || {
            let faces = self.frames[index].read_landmarks().ok()?;
            faces.first().map(reorder_forehead)
        };
        self.landmarks[index].get_or_init(read).as_ref()
    }

    /// The pixels around a frame's face and its landmarks in them.
    fn read_donor(&self, index: usize, mirror: bool) -> Result<(RgbImage, Landmarks), Error> {
        let path = &self.frames[index].frame;
        let no_face = || unusable(path, blending::Error::Material);
        let landmarks = self.landmarks(index).ok_or_else(no_face)?;
        let region = self.frames[index].open_image()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blending::kinds::Fakes;
    use crate::blending::testing::{face_of, frame};
    use crate::imaging::write_png;
    use crate::prepared_frames::{
        ArchiveWriter, PreparedVideos, VideoFolders, archive_path, write_boxes, write_landmarks,
    };
    use crate::rng::{Purpose, generator};
    use std::path::Path;

    const SIDE: usize = 48;

    /// A set with a frame of each of `people`.
    fn pool(base: &Path, people: &[&str]) -> FramePool {
        let mut frames = Vec::new();
        for (number, person) in people.iter().enumerate() {
            let folders = VideoFolders::new(base, Path::new(person));
            folders.create().unwrap();
            let files = folders.files(0);
            let (landmarks, face_box) = face_of(90 + 3 * number as i32, 80, 40);
            write_landmarks(&files.landmarks, &[landmarks]).unwrap();
            write_boxes(&files.boxes, &[face_box]).unwrap();
            write_png(&files.frame, &frame(200, 160)).unwrap();
            frames.push(files);
        }
        FramePool::new(frames)
    }

    fn extras(fakes: Fakes) -> Extras {
        Extras { fakes: Fakes { self_blend: 0.0, ..fakes }, ..Extras::default() }
    }

    fn draw(pool: &FramePool, index: usize, sample: u64, fakes: Fakes) -> DrawnRecipe {
        let mut rng = generator(3, 0, sample, Purpose::Sample);
        pool.draw(index, &mut rng, Phase::Train, &extras(fakes))
    }

    fn given(pool: &FramePool, index: usize, recipe: &Recipe) -> Result<Given, Error> {
        let (landmarks, boxes) = read_faces(&pool.frames()[index])?;
        let geometry = Geometry::of(200, 160, &landmarks, &boxes, recipe).unwrap();
        pool.material(index, (200, 160), recipe, &geometry)
    }

    #[test]
    fn donors_are_other_people_and_the_same_each_time() {
        let base = tempfile::tempdir().unwrap();
        let pool = pool(base.path(), &["a", "b", "c", "d", "e"]);
        let swaps = Fakes { swap: 1.0, ..Fakes::default() };
        let mut donors = std::collections::BTreeSet::new();
        for sample in 0..20 {
            let drawn = draw(&pool, 2, sample, swaps);
            assert_eq!(drawn.instead_of, None);
            let one = given(&pool, 2, &drawn.recipe).unwrap();
            assert_eq!(given(&pool, 2, &drawn.recipe).unwrap(), one);
            assert_eq!(pool.read_pair(2, &drawn.recipe, SIDE).unwrap().fake.width(), SIDE);
            donors.insert(one.path.unwrap());
        }
        assert!(donors.len() > 1 && !donors.contains(&pool.frames()[2].frame), "{donors:?}");
    }

    #[test]
    fn the_nearest_pose_is_found_mirrored_or_not() {
        let base = tempfile::tempdir().unwrap();
        let pool = pool(base.path(), &["a", "b"]);
        // A face that looks aside.
        let (face, face_box) = face_of(90, 80, 40);
        let aside = face.points().iter().enumerate();
        let aside = aside.map(|(i, &(x, y))| if (27..36).contains(&i) { (x + 9, y) } else { (x, y) });
        let aside = Landmarks::new(aside.collect()).unwrap();
        write_landmarks(&pool.frames()[1].landmarks, std::slice::from_ref(&aside)).unwrap();
        write_boxes(&pool.frames()[1].boxes, &[face_box]).unwrap();
        let ordered = reorder_forehead(&aside);
        assert_eq!(pool.donor(0, 7, &ordered), Some((1, false)));
        assert_eq!(pool.donor(0, 7, &mirror_landmarks(&ordered, 200)), Some((1, true)));
    }

    #[test]
    fn counterparts_are_read_and_have_to_be_as_large_as_their_frames() {
        let base = tempfile::tempdir().unwrap();
        let pool = pool(base.path(), &["a"]);
        let wanted = Fakes { counterpart: 1.0, ..Fakes::default() };
        // Nothing there: another kind, of which there is self-blending alone.
        let drawn = draw(&pool, 0, 1, wanted);
        assert_eq!((drawn.instead_of, &drawn.recipe.forgery), (Some(Kind::Counterpart), &None));

        let path = pool.frames()[0].counterpart("other");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_png(&path, &RgbImage::filled(200, 160, [90, 60, 50])).unwrap();
        // What comes while a run goes on does not change it.
        assert_eq!(draw(&pool, 0, 1, wanted).instead_of, Some(Kind::Counterpart));
        let pool = FramePool::new(pool.frames().to_vec());
        let drawn = draw(&pool, 0, 1, wanted);
        assert_eq!(drawn.instead_of, None);
        let found = given(&pool, 0, &drawn.recipe).unwrap();
        let Material::Counterpart(image) = &found.material else { panic!("{found:?}") };
        assert_eq!((image.pixel(3, 3), found.path), ([90, 60, 50], Some(path.clone())));

        write_png(&path, &RgbImage::filled(200, 150, [90, 60, 50])).unwrap();
        let error = pool.read_pair(0, &drawn.recipe, SIDE).unwrap_err().to_string();
        assert!(error.ends_with("expected the size of its frame, 200 x 160, got 200 x 150"), "{error}");
        std::fs::remove_file(&path).unwrap();
        let error = crate::causes::with_causes(&pool.read_pair(0, &drawn.recipe, SIDE).unwrap_err());
        assert!(error.contains("other/a/000.png"), "{error}");
    }

    #[test]
    fn a_single_person_is_swapped_with_nobody() {
        let base = tempfile::tempdir().unwrap();
        let pool = pool(base.path(), &["a"]);
        let drawn = draw(&pool, 0, 1, Fakes { swap: 1.0, ..Fakes::default() });
        assert_eq!((drawn.instead_of, drawn.recipe.forgery), (Some(Kind::Swap), None));
    }

    #[test]
    fn an_archive_gives_the_pairs_of_its_folders() {
        let (base, set) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let people = ["a", "b", "c", "d", "e"];
        let folders = pool(base.path(), &people);
        let mut writer = ArchiveWriter::open(&archive_path(set.path(), "mine"), false).unwrap();
        for person in people {
            writer.add(Path::new(person), &VideoFolders::new(base.path(), Path::new(person))).unwrap();
        }
        let videos = PreparedVideos::open(set.path()).unwrap();
        let frames = people.iter().flat_map(|person| videos.frames(person).unwrap()).collect();
        let archive = FramePool::new(frames);
        for index in 0..people.len() {
            let of = |pool: &FramePool| {
                let plain = Recipe::draw(&mut generator(3, 0, index as u64, Purpose::Sample), Phase::Train);
                let swap =
                    draw(pool, index, 7 + index as u64, Fakes { swap: 1.0, ..Fakes::default() }).recipe;
                [plain, swap].map(|recipe| pool.read_pair(index, &recipe, SIDE).unwrap())
            };
            assert_eq!(of(&archive), of(&folders));
        }
    }
}
