//! From a frame and its points on disk to two images of floats, as the training loader does it, and the steps
//! that cost most.

use criterion::{Criterion, Throughput, criterion_group};
use sbi::blending::hull::Hull;
use sbi::blending::kinds::{Fakes, Kind};
use sbi::blending::{Extras, Geometry, Phase, Recipe, blend_mask, self_blend, warp};
use sbi::imaging::{self, PngRegion};
use sbi::prepared_frames::{FrameFiles, VideoFolders, write_boxes, write_landmarks};
use sbi::rng::{Purpose, generator};
use sbi::training_pairs::{FramePool, read_faces, read_pair};
use sbi::types::{BBox, FaceBox, Landmarks, RgbImage, Window};
use std::path::Path;

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
const SIDE: usize = 380;
/// Side of the portrait in the frame, and its left edge; the lower part is cut off.
const PORTRAIT: usize = 900;
const LEFT: usize = 190;

/// The sample portrait, enlarged, on a slowly changing background.
fn frame() -> RgbImage {
    let portrait = imaging::read_image(Path::new("data/sample/astronaut.png")).unwrap();
    let portrait = imaging::resized(&portrait, PORTRAIT, PORTRAIT).unwrap();
    let mut frame = RgbImage::filled(WIDTH, HEIGHT, [0; 3]);
    for (i, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (i % WIDTH, i / WIDTH);
        let inside = (LEFT..LEFT + PORTRAIT).contains(&x);
        pixel.copy_from_slice(&if inside {
            portrait.pixel(x - LEFT, y)
        } else {
            [(x / 8) as u8, (y / 4) as u8, 90]
        });
    }
    frame
}

/// Points and box of a frontal face where the portrait's is: 162 x 216 pixels.
fn face() -> (Landmarks, FaceBox) {
    // The astronaut's, 512 pixels to a side.
    const BOX: (f64, f64, f64, f64) = (178.0, 72.0, 270.0, 195.0);
    let scale = PORTRAIT as f64 / 512.0;
    let (x0, y0) = (LEFT as f64 + scale * BOX.0, scale * BOX.1);
    let (w, h) = (scale * (BOX.2 - BOX.0), scale * (BOX.3 - BOX.1));
    let ring = |i: usize, of: usize, from: f64, to: f64, size: f64, cx: f64, cy: f64| {
        let angle = from + (to - from) * i as f64 / of as f64;
        (cx + size * angle.cos(), cy + size * angle.sin())
    };
    use std::f64::consts::PI;
    let point = |i: usize| match i {
        0..17 => ring(i, 16, PI, 0.0, 0.5, 0.5, 0.5),
        17..27 => (0.1 + 0.8 * (i - 17) as f64 / 9.0, 0.33),
        27..36 => (0.5 + 0.02 * (i % 3) as f64, 0.4 + 0.03 * (i - 27) as f64),
        36..48 => ring(i, 6, 0.0, 2.0 * PI, 0.08, if i < 42 { 0.3 } else { 0.7 }, 0.42),
        48..68 => ring(i, 10, 0.0, 2.0 * PI, 0.15, 0.5, 0.8),
        _ => ring(i - 68, 12, 1.05 * PI, 1.95 * PI, 0.48, 0.5, 0.45),
    };
    let points = (0..81).map(point).map(|(x, y)| ((x0 + w * x) as i32, (y0 + h * y) as i32));
    let landmarks = Landmarks::new(points.collect()).unwrap();
    let bbox = BBox { x0: x0 + 1.5, y0: y0 + 6.25, x1: x0 + w - 2.5, y1: y0 + h + 3.75 };
    (landmarks, FaceBox { bbox, points: [(x0, y0); 5] })
}

fn recipe(index: u64) -> Recipe {
    Recipe::draw(&mut generator(super::SEED, 0, index, Purpose::Sample), Phase::Train)
}

/// The three files of a prepared frame.
fn files(folder: &Path) -> FrameFiles {
    let at = |name: &str| folder.join(name);
    let (landmarks, boxes) = (at("landmarks.npy"), at("boxes.npy"));
    FrameFiles { frame: at("000.png"), landmarks, boxes, archived: None }
}

fn write_files(files: &FrameFiles) {
    let (landmarks, face_box) = face();
    imaging::write_png(&files.frame, &frame()).unwrap();
    write_landmarks(&files.landmarks, &[landmarks]).unwrap();
    write_boxes(&files.boxes, &[face_box]).unwrap();
}

/// One sample, as a worker of the training loader makes it.
fn pair_from_disk(files: &FrameFiles, index: u64, planes: &mut [f32]) {
    let pair = read_pair(files, &recipe(index), SIDE).unwrap();
    let (fake, real) = planes.split_at_mut(3 * SIDE * SIDE);
    imaging::write_planes(&pair.fake, fake);
    imaging::write_planes(&pair.real, real);
}

/// Recipes gone through in turn, so that every kind of sample has its share.
const RECIPES: u64 = 64;

fn pairs(c: &mut Criterion) {
    sbi::native::process::set_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write_files(&files);
    let mut planes = vec![0.0; 2 * 3 * SIDE * SIDE];
    let mut group = c.benchmark_group("self-blending, one thread");
    group.throughput(Throughput::Elements(RECIPES));
    group.bench_function("64 pairs from disk to floats", |b| {
        b.iter(|| (0..RECIPES).for_each(|index| pair_from_disk(&files, index, &mut planes)))
    });
    group.finish();
}

/// The kinds of forgery, from disk to images, with donors and counterparts.
fn kinds(c: &mut Criterion) {
    sbi::native::process::set_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let people = ["a", "b", "c"].map(|person| {
        let folders = VideoFolders::new(folder.path(), Path::new(person));
        folders.create().unwrap();
        let files = folders.files(0);
        write_files(&files);
        let counterpart = files.counterpart("same");
        std::fs::create_dir_all(counterpart.parent().unwrap()).unwrap();
        std::fs::copy(&files.frame, counterpart).unwrap();
        files
    });
    let pool = FramePool::new(people.to_vec());
    let mut group = c.benchmark_group("kinds of forgery, one thread");
    group.throughput(Throughput::Elements(RECIPES));
    for kind in Kind::ALL {
        let extras = Extras { fakes: Fakes::only(kind), ..Extras::default() };
        group.bench_function(format!("64 pairs of {kind}"), |b| {
            b.iter(|| {
                (0..RECIPES).for_each(|index| {
                    let mut rng = generator(super::SEED, 0, index, Purpose::Sample);
                    let recipe = pool.draw(0, &mut rng, Phase::Train, &extras).recipe;
                    pool.read_pair(0, &recipe, SIDE).unwrap();
                })
            })
        });
    }
    group.finish();
}

/// What each step takes for 64 pairs, at the sizes of the same sample.
fn steps(c: &mut Criterion) {
    sbi::native::process::set_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write_files(&files);
    let (landmarks, boxes) = read_faces(&files).unwrap();
    let of = |recipe: &Recipe| Geometry::of(WIDTH, HEIGHT, &landmarks, &boxes, recipe).unwrap();
    let recipes: Vec<Recipe> = (0..RECIPES).map(recipe).collect();
    let geometry = of(&recipes[0]);
    let wide = frame().cropped(geometry.window());
    let (width, height) = (wide.width(), wide.height());
    let mut group = c.benchmark_group("self-blending, 64 times a step");

    group.bench_function("read the three files", |b| {
        b.iter(|| {
            recipes.iter().for_each(|recipe| {
                read_faces(&files).unwrap();
                PngRegion::open(&files.frame).unwrap().read(of(recipe).window()).unwrap();
            })
        })
    });
    group.bench_function("blend", |b| {
        let samples: Vec<_> = recipes
            .iter()
            .map(|recipe| (recipe, of(recipe)))
            .map(|(recipe, geometry)| (recipe, frame().cropped(geometry.window()), geometry))
            .collect();
        b.iter(|| {
            samples.iter().for_each(|(recipe, wide, geometry)| {
                self_blend(wide.clone(), geometry, recipe, SIDE).unwrap();
            })
        })
    });
    group.bench_function("hull", |b| {
        b.iter(|| {
            recipes.iter().for_each(|recipe| {
                recipe.hull.mask(geometry.landmarks(), width, height).unwrap();
            })
        })
    });
    let hull = Hull::FaceHull.mask(geometry.landmarks(), width, height).unwrap();
    group.bench_function("warp of the mask", |b| {
        b.iter(|| {
            recipes.iter().for_each(|recipe| {
                warp::warp_mask(&hull, &recipe.warp);
            })
        })
    });
    group.bench_function("softening of the mask", |b| {
        b.iter(|| {
            recipes.iter().for_each(|recipe| {
                let core = blend_mask::eroded(&hull, &recipe.softening).unwrap();
                blend_mask::feathered(&core, &recipe.softening, width, height, geometry.crop()).unwrap();
            })
        })
    });
    group.bench_function("source transforms", |b| {
        b.iter(|| {
            recipes.iter().for_each(|recipe| {
                recipe.source_transforms.apply(&wide, geometry.crop()).unwrap();
            })
        })
    });
    group.bench_function("affine map of the source", |b| {
        let whole = Window::whole(width, height);
        b.iter(|| {
            recipes.iter().for_each(|recipe| {
                warp::affine(&recipe.warp, width, height).image_window(&wide, whole, geometry.crop());
            })
        })
    });
    group.bench_function("joint transforms of both", |b| {
        b.iter(|| {
            recipes.iter().for_each(|recipe| {
                let joint = recipe.joint_transforms.as_ref().unwrap();
                for _ in 0..2 {
                    joint.apply(&mut wide.cropped(joint.needed(geometry.crop(), width, height))).unwrap();
                }
            })
        })
    });
    group.bench_function("resize and floats of both", |b| {
        let mut planes = vec![0.0; 3 * SIDE * SIDE];
        b.iter(|| {
            (0..2 * RECIPES).for_each(|_| {
                let resized = imaging::resized_window(&wide, geometry.crop(), SIDE, SIDE).unwrap();
                imaging::write_planes(&resized, &mut planes);
            })
        })
    });
    group.finish();
}

criterion_group! { name = benches; config = super::settings(); targets = pairs, kinds, steps }
