//! Makes a small test set in the layout of FaceForensics++ from one portrait:
//!
//! ```text
//! cargo run --release --bin sample_set -- data/sample/astronaut.png data/sample
//! ```
//!
//! A program of its own and no example, because the quick start needs it, and examples are built with everything that
//! tests depend on.
//!
//! Each original moves, zooms and relights the portrait. A stand-in fake is the same video with a changed face: blended
//! by this library as in training (Deepfakes), swapped for another face by landmarks and Poisson blending (FaceSwap), or
//! by a blend of its own, an ellipse with a warped and recoloured copy of the face (Face2Face, NeuralTextures). Training
//! shows only the first.
//!
//! With `--odd-files`, it makes small files that break readers of videos and photographs instead ([`odd`]):
//!
//! ```text
//! cargo run --release --bin sample_set -- --odd-files data/sample/astronaut.png FOLDER
//! ```

mod odd;
mod swap;

use sbi::blending::source_target::Side;
use sbi::blending::{Phase, Recipe};
use sbi::face::{FaceDetectorChoice, FaceDetectorConfig, LandmarkConfig, LandmarkDetector};
use sbi::imaging::{read_image, resized, warped};
use sbi::model::Execution;
use sbi::model::RetinaFaceBody;
use sbi::rng::{Purpose, generator};
use sbi::training_pairs::Pair;
use sbi::types::{FaceBox, RgbImage};
use sbi::video::VideoWriter;
use std::f64::consts::TAU;
use std::fs;
use std::path::Path;
use tch::Device;

const WIDTH: usize = 480;
const HEIGHT: usize = 360;
const FRAMES: usize = 40;
const FPS: f64 = 20.0;
/// The portrait is brought to this side before it is moved.
const PORTRAIT: usize = 512;
/// Centre and half axes of the face in the portrait at that size.
const FACE: Ellipse = Ellipse { x: 224.0, y: 118.0, rx: 44.0, ry: 58.0 };
/// Width of the soft border of the pasted region, as a share of the half axes.
const SOFT: f64 = 0.25;

struct Ellipse {
    x: f64,
    y: f64,
    rx: f64,
    ry: f64,
}

impl Ellipse {
    /// 1 well inside, 0 outside, linear over the soft border.
    fn weight(&self, x: f64, y: f64) -> f64 {
        let radius = (((x - self.x) / self.rx).powi(2) + ((y - self.y) / self.ry).powi(2)).sqrt();
        ((1.0 - radius) / SOFT).clamp(0.0, 1.0)
    }
}

/// How an original moves.
struct Scene {
    id: &'static str,
    /// The original it is paired with, which names its fakes.
    partner: &'static str,
    zoom: f64,
    sway: f64,
    light: f64,
}

const SCENES: [Scene; 4] = [
    Scene { id: "000", partner: "001", zoom: 1.5, sway: 20.0, light: 0.10 },
    Scene { id: "001", partner: "000", zoom: 1.2, sway: 35.0, light: 0.20 },
    Scene { id: "002", partner: "003", zoom: 1.8, sway: 12.0, light: 0.05 },
    Scene { id: "003", partner: "002", zoom: 1.35, sway: 28.0, light: 0.15 },
];

/// How a stand-in fake is made.
enum Forgery {
    /// The self-blended fake of a training pair, made with the recipe of this number.
    SelfBlended(u64),
    /// Another face in its place.
    Swapped,
    /// An ellipse around the face, changed.
    Ellipse {
        /// Horizontal stretch; the vertical one is its inverse.
        stretch: f64,
        /// To the right, in pixels of the portrait.
        shift: f64,
        /// Factors on red, green, blue.
        tint: [f64; 3],
    },
}

const FORGERIES: [(&str, Forgery); 4] = [
    ("Deepfakes", Forgery::SelfBlended(1)),
    ("Face2Face", Forgery::Ellipse { stretch: 1.06, shift: 3.0, tint: [1.06, 1.0, 0.93] }),
    ("FaceSwap", Forgery::Swapped),
    ("NeuralTextures", Forgery::Ellipse { stretch: 0.95, shift: -3.0, tint: [0.92, 0.97, 1.05] }),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (portrait, root) = match arguments.as_slice() {
        [flag, portrait, folder] if flag == "--odd-files" => {
            let files = odd::write(&read_image(Path::new(portrait))?, Path::new(folder))?;
            println!("{folder}: {files} odd files");
            return Ok(());
        }
        [portrait, root] => (portrait, root),
        _ => return Err("usage: sample_set [--odd-files] PORTRAIT FOLDER".into()),
    };
    let portrait = resized(&read_image(Path::new(portrait))?, PORTRAIT, PORTRAIT)?;

    let root = Path::new(root).join("FaceForensics++");
    let forged: Vec<(&str, RgbImage)> = FORGERIES
        .iter()
        .map(|(manipulation, forgery)| Ok((*manipulation, forged(&portrait, forgery)?)))
        .collect::<Result<_, Box<dyn std::error::Error>>>()?;
    for scene in &SCENES {
        let original = format!("original_sequences/youtube/raw/videos/{}.mp4", scene.id);
        write_video(&root.join(original), &portrait, scene)?;
        for (manipulation, forged) in &forged {
            let folder = format!("manipulated_sequences/{manipulation}/raw/videos");
            let name = format!("{}_{}.mp4", scene.id, scene.partner);
            write_video(&root.join(folder).join(name), forged, scene)?;
        }
    }
    let (first, second) = (r#"["000", "001"]"#, r#"["002", "003"]"#);
    for (list, pairs) in
        [("train", first.to_owned()), ("val", second.to_owned()), ("test", format!("{first}, {second}"))]
    {
        fs::write(root.join(format!("{list}.json")), format!("[{pairs}]"))?;
    }
    let fakes = SCENES.len() * FORGERIES.len();
    println!("{}: {} originals, {fakes} stand-in fakes", root.display(), SCENES.len());
    Ok(())
}

fn forged(portrait: &RgbImage, forgery: &Forgery) -> Result<RgbImage, Box<dyn std::error::Error>> {
    Ok(match forgery {
        Forgery::SelfBlended(draw) => self_blended(portrait, *draw)?,
        Forgery::Swapped => swap::swapped(portrait, &LandmarkConfig::default().load()?.0)?,
        Forgery::Ellipse { stretch, shift, tint } => pasted(portrait, *stretch, *shift, *tint)?,
    })
}

/// The portrait with the face of a training pair's fake, whatever the pair's crop is.
fn self_blended(portrait: &RgbImage, draw: u64) -> Result<RgbImage, Box<dyn std::error::Error>> {
    /// More pixels than the crop has: resizing there and back then costs next to nothing.
    const SIDE: usize = 1024;
    let (landmarks, _) = LandmarkConfig::default().load()?;
    let detector = FaceDetectorConfig {
        choice: FaceDetectorChoice::Fixed(RetinaFaceBody::MobileNet025),
        ..FaceDetectorConfig::default()
    };
    let (boxes, _) = detector.load(Execution::fastest(Device::Cpu))?;
    let faces = landmarks.detect(portrait)?;
    let face = faces.first().ok_or("the portrait shows no face")?;
    let boxes: Vec<FaceBox> = boxes.detect(&[portrait])?.iter().flatten().map(FaceBox::from).collect();
    let mut recipe = Recipe::draw(&mut generator(0, 0, draw, Purpose::Sample), Phase::Validation);
    // Or the crop's straight edge would give the fake away.
    recipe.source_transforms.of = Side::Source;
    let pair = Pair::of_image(portrait, face, &boxes, &recipe, SIDE)?;
    let (window, crop) = (pair.geometry.window(), pair.geometry.crop());
    let fake = resized(&pair.blended.fake, crop.width(), crop.height())?;
    let mut out = portrait.clone();
    for y in 0..crop.height() {
        let at = 3 * ((window.y0 + crop.y0 + y) * PORTRAIT + window.x0 + crop.x0);
        let (row, from) = (3 * crop.width(), 3 * crop.width() * y);
        out.data_mut()[at..at + row].copy_from_slice(&fake.data()[from..from + row]);
    }
    Ok(out)
}

/// The portrait with a changed copy of the face in an ellipse with a soft border.
fn pasted(
    portrait: &RgbImage,
    stretch: f64,
    shift: f64,
    tint: [f64; 3],
) -> Result<RgbImage, sbi::imaging::Error> {
    let squeeze = 1.0 / stretch;
    let matrix = [[stretch, 0.0, FACE.x * (1.0 - stretch) + shift], [0.0, squeeze, FACE.y * (1.0 - squeeze)]];
    let source = warped(portrait, matrix, PORTRAIT, PORTRAIT)?;
    let mut blended = portrait.clone();
    for (i, (out, new)) in blended.data_mut().iter_mut().zip(source.data()).enumerate() {
        let (x, y) = ((i / 3 % PORTRAIT) as f64, (i / 3 / PORTRAIT) as f64);
        let weight = FACE.weight(x, y);
        let coloured = (f64::from(*new) * tint[i % 3]).min(255.0);
        *out = (weight * coloured + (1.0 - weight) * f64::from(*out)) as u8;
    }
    Ok(blended)
}

fn write_video(path: &Path, portrait: &RgbImage, scene: &Scene) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut writer = VideoWriter::create(path, WIDTH, HEIGHT, FPS)?;
    for number in 0..FRAMES {
        writer.write(&frame(portrait, scene, number as f64 / FRAMES as f64)?)?;
    }
    Ok(writer.finish()?)
}

/// The image at `time` from 0 to 1: the face sways around the middle, the camera breathes, the light changes.
fn frame(portrait: &RgbImage, scene: &Scene, time: f64) -> Result<RgbImage, sbi::imaging::Error> {
    let zoom = scene.zoom * (1.0 + 0.08 * (TAU * time).sin());
    let centre_x = WIDTH as f64 / 2.0 + scene.sway * (TAU * time).cos();
    let centre_y = HEIGHT as f64 / 2.0 + 0.5 * scene.sway * (2.0 * TAU * time).sin();
    let matrix = [[zoom, 0.0, centre_x - zoom * FACE.x], [0.0, zoom, centre_y - zoom * FACE.y]];
    let mut image = warped(portrait, matrix, WIDTH, HEIGHT)?;
    let light = 1.0 + scene.light * (TAU * time + scene.zoom).sin();
    for value in image.data_mut() {
        *value = (f64::from(*value) * light).min(255.0) as u8;
    }
    Ok(image)
}
