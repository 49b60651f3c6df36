//! The stages, each on an input of its own.

use super::inputs::{face_at, frame};
use super::{Config, Timer};
use crate::blending::{Phase, Recipe};
use crate::face::{FaceDetector, RetinaFace, RetinaFaceBody};
use crate::media::{MediaFile, MediaLimits, Reading, Wanted};
use crate::model::{Execution, ForgeryDetector};
use crate::rng::{Purpose, generator};
use crate::training_pairs::Pair;
use crate::types::{FACE_SIDE, RgbImage};
use crate::video::VideoWriter;
use crate::weight_files::weights_dir;
use crate::{Error, Result};
use std::ops::ControlFlow;
use tch::{Device, Kind, Tensor};

/// The frame that stages get: 720p.
const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
/// Frames of the made video.
const FRAMES: usize = 60;
/// Samples in a step of blending, so that every kind has its share.
const PAIRS: u64 = 16;
/// Side of the matrices that the peak is measured with.
const MATRIX: i64 = 1536;

/// What came out of a stage.
pub(super) enum Found {
    /// How often a second, and the floating-point operations of one.
    Rate { what: String, rate: f64, unit: &'static str, flops: Option<f64> },
    /// Why it could not be measured.
    Missing(String),
}

type Measure = fn(&Config, Device, &Timer) -> Result<Found>;

/// A stage by its name.
pub(super) struct Stage {
    pub name: &'static str,
    pub measure: Measure,
}

/// In the order of a run.
pub(super) fn all() -> [Stage; 5] {
    let stage = |name, measure: Measure| Stage { name, measure };
    [
        stage("decoding", decoding),
        stage("faces, MobileNet", |_, device, timer| detection(RetinaFaceBody::MobileNet025, device, timer)),
        stage("faces, ResNet-50", |_, device, timer| detection(RetinaFaceBody::ResNet50, device, timer)),
        stage("scores", scores),
        stage("self-blending", blending),
    ]
}

/// What the machine reaches when it multiplies large matrices.
pub(super) fn peak_gflops(device: Device, timer: &Timer) -> Result<f64> {
    let matrix = || Tensor::rand([MATRIX, MATRIX], (Kind::Float, device));
    let (a, b) = (matrix(), matrix());
    let seconds = timer.median(|| {
        let product = a.matmul(&b);
        // A device works on its own time until a value is asked for.
        let _ = product.double_value(&[0, 0]);
        Ok(())
    })?;
    Ok(2.0 * (MATRIX as f64).powi(3) / seconds / 1e9)
}

fn decoding(_: &Config, _: Device, timer: &Timer) -> Result<Found> {
    let folder = tempfile::tempdir().map_err(|cause| Error::Output { path: std::env::temp_dir(), cause })?;
    let path = folder.path().join("made.mp4");
    let mut writer = VideoWriter::create(&path, WIDTH, HEIGHT, 25.0)?;
    for number in 0..FRAMES {
        writer.write(&frame(WIDTH, HEIGHT, number))?;
    }
    writer.finish()?;
    let reading = Reading::as_is(MediaLimits::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let seconds = timer.median(|| {
        MediaFile::open(&path, reading, threads)?.read(&Wanted::All, |_| ControlFlow::Continue(()))?;
        Ok(())
    })?;
    Ok(Found::Rate {
        what: "decoding 720p".to_owned(),
        rate: FRAMES as f64 / seconds,
        unit: "frames/s",
        flops: None,
    })
}

fn detection(body: RetinaFaceBody, device: Device, timer: &Timer) -> Result<Found> {
    let Some(weights) = body.weight_file().find_in(&weights_dir()) else {
        let file = body.weight_file();
        let path = weights_dir().join(file.name());
        return Ok(Found::Missing(format!("{} is not there; {}", path.display(), file.origin)));
    };
    let image = frame(WIDTH, HEIGHT, 0);
    let face_detector = RetinaFace::load(body, &weights, None, Execution::fastest(device))?;
    let work = face_detector.work(&image);
    let seconds = timer.median(|| Ok(face_detector.detect(&[&image]).map(drop)?))?;
    let what = format!("finding faces in 720p, {}", body.name());
    Ok(Found::Rate {
        what,
        rate: 1.0 / seconds,
        unit: "frames/s",
        flops: Some(2.0 * work.multiplications as f64),
    })
}

fn scores(config: &Config, device: Device, timer: &Timer) -> Result<Found> {
    let forgery_detector = ForgeryDetector::load(&config.weights, Execution::fastest(device))?;
    let side = forgery_detector.input().side;
    let work = forgery_detector.backbone().work(side as usize);
    let crops: Vec<RgbImage> =
        (0..config.batch_size).map(|number| frame(FACE_SIDE, FACE_SIDE, number)).collect();
    let crops: Vec<&RgbImage> = crops.iter().collect();
    let seconds = timer.median(|| Ok(forgery_detector.scores(&crops).map(drop)?))?;
    let what = format!(
        "scoring, {} at {side} px, {} at once",
        forgery_detector.backbone().variant.name,
        config.batch_size
    );
    let rate = config.batch_size as f64 / seconds;
    Ok(Found::Rate { what, rate, unit: "faces/s", flops: Some(2.0 * work.multiplications as f64) })
}

fn blending(_: &Config, _: Device, timer: &Timer) -> Result<Found> {
    let image: RgbImage = frame(WIDTH, HEIGHT, 0);
    let (landmarks, bbox) = face_at(WIDTH as f64 / 2.0, HEIGHT as f64 / 2.0, 110.0);
    let seconds = timer.median(|| {
        for index in 0..PAIRS {
            let recipe = Recipe::draw(&mut generator(1, 0, index, Purpose::Sample), Phase::Train);
            Pair::of_image(&image, &landmarks, &[bbox], &recipe, FACE_SIDE)?;
        }
        Ok(())
    })?;
    Ok(Found::Rate {
        what: "self-blending at 380 px, one thread".to_owned(),
        rate: PAIRS as f64 / seconds,
        unit: "pairs/s",
        flops: None,
    })
}
