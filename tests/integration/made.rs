//! Networks and images that tests need, made instead of carried along.

use std::collections::BTreeMap;
use std::path::Path;

use sbi::checkpoint::{StateDict, TensorData, write_bare_torch, write_safetensors, write_torch};
use sbi::model::efficientnet::{self, Variant};
use sbi::model::fill::{self, state_entry};
use sbi::model::{Method, RetinaFaceBody, forgery_network, retinaface};
use sbi::network::Weight;
use sbi::types::RgbImage;
use sbi::video::VideoWriter;

pub const WIDTH: usize = 160;
pub const HEIGHT: usize = 128;
/// Where the face of [`portrait`] is: a sampling point of the made face detector.
pub const FACE_CENTRE: (usize, usize) = (64, 64);
/// Side of the boxes that the made face detector draws.
pub const BOX_SIDE: usize = 96;
const FACE_RADIUS: f64 = 34.0;

/// A dark image with a bright patterned disc, which is a face to the made face detector.
pub fn portrait(seed: u64, frame: usize) -> RgbImage {
    with_faces(WIDTH, HEIGHT, &[FACE_CENTRE], seed, frame)
}

/// A dark image with such a disc around each of `centres`.
pub fn with_faces(
    width: usize,
    height: usize,
    centres: &[(usize, usize)],
    seed: u64,
    frame: usize,
) -> RgbImage {
    let mut image = dark(width, height, frame);
    let tone: Vec<f64> = fill::uniform("tone", seed, 5).map(f64::from).collect();
    for (i, rgb) in image.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = ((i % width) as f64, (i / width) as f64);
        let near = |&(cx, cy): &(usize, usize)| (x - cx as f64).hypot(y - cy as f64) <= FACE_RADIUS;
        if centres.iter().any(near) {
            let phase = (x * (0.2 + tone[3]) + y * (0.2 + tone[4])) / 2.0 + frame as f64;
            let stripe = 25.0 * phase.sin();
            for (channel, value) in rgb.iter_mut().enumerate() {
                *value = (170.0 + 55.0 * tone[channel] + stripe) as u8;
            }
        }
    }
    image
}

/// An image without a face: darker than what the made face detector reacts to.
pub fn dark(width: usize, height: usize, frame: usize) -> RgbImage {
    let mut image = RgbImage::filled(width, height, [0; 3]);
    for (i, rgb) in image.data_mut().chunks_exact_mut(3).enumerate() {
        let grey = (10 + (i % width + i / width + frame) % 40) as u8;
        rgb.fill(grey);
    }
    image
}

/// Writes a video of `frames` images; what container it becomes follows the extension.
pub fn video(path: &Path, frames: usize, image: impl Fn(usize) -> RgbImage) {
    let first = image(0);
    let mut writer = VideoWriter::create(path, first.width(), first.height(), 25.0).unwrap();
    (0..frames).for_each(|frame| writer.write(&image(frame)).unwrap());
    writer.finish().unwrap();
}

/// A detector of forgeries as PyTorch's training writes it. Untrained: its scores mean nothing, but they
/// differ from image to image.
pub fn forgery_detector(path: &Path, method: Method) {
    let state = filled(&forgery_network::weights(method, b0()));
    write_torch(path, &state, None, Some(7), &Default::default()).unwrap();
}

/// EfficientNet without a detector's head, as ImageNet weights come.
pub fn bare_efficientnet(path: &Path) {
    write_bare_torch(path, &filled(&efficientnet::weights(b0(), 10))).unwrap();
}

fn b0() -> Variant {
    Variant::named("efficientnet-b0").unwrap()
}

fn filled(weights: &[Weight]) -> StateDict {
    // Smaller variances than the rule fills in keep the signal alive through the layers.
    const LIVELY: f32 = 0.51;
    let mut state = StateDict::new();
    for Weight { name, shape, .. } in weights {
        let mut values = state_entry(name, shape, 1).unwrap();
        if name.ends_with("running_var") {
            values.iter_mut().for_each(|value| *value *= LIVELY);
        }
        state.insert(name, TensorData::from_f32(shape, &values).unwrap()).unwrap();
    }
    state
}

/// A RetinaFace that finds bright discs: one channel carries the brightness around every 32nd pixel up to
/// the coarsest level, whose smaller prior box answers to it; all other weights are silent.
pub fn face_detector(path: &Path) {
    let mut state = StateDict::new();
    for Weight { name, shape, .. } in retinaface::description(RetinaFaceBody::MobileNet025).weights() {
        let mut values = vec![0.0; shape.iter().product()];
        brightness_weights(&name, &shape, &mut values);
        state.insert(name, TensorData::from_f32(&shape, &values).unwrap()).unwrap();
    }
    write_safetensors(path, &state, &BTreeMap::new()).unwrap();
}

fn brightness_weights(name: &str, shape: &[usize], values: &mut [f32]) {
    /// No level and box but the one chosen below ever sees a face.
    const NEVER: f32 = -10.0;
    /// Side of the prior box that answers, centred half a stride of 32 pixels from the sampling point.
    const PRIOR: f32 = 256.0;
    match (name, shape) {
        ("body.stage1.0.0.weight", _) => values[..27].fill(1.0 / 27.0),
        // Averages while the maps are fine, samples once they are coarse.
        (_, [_, 1, 3, 3]) if name.starts_with("body.stage1.") => values[..9].fill(1.0 / 9.0),
        (_, [_, 1, 3, 3]) if name.starts_with("body.") => values[4] = 1.0,
        (_, [_, _, 1, 1]) if name.starts_with("body.") => values[0] = 1.0,
        ("fpn.output3.0.weight", _) => values[0] = 1.0,
        ("ssh3.conv3X3.0.weight", _) => values[4] = 1.0,
        // Outputs are background and face of the smaller, then of the larger prior.
        ("ClassHead.2.conv1x1.weight", &[_, inputs, ..]) => values[inputs] = 0.1,
        ("ClassHead.2.conv1x1.bias", _) => values.copy_from_slice(&[0.0, -4.0, 0.0, NEVER]),
        ("ClassHead.0.conv1x1.bias" | "ClassHead.1.conv1x1.bias", _) => {
            values.copy_from_slice(&[0.0, NEVER, 0.0, NEVER]);
        }
        ("BboxHead.2.conv1x1.bias", _) => {
            // The inverse of the decoding: offsets times 0.1, logarithms of sizes times 0.2.
            let shift = -16.0 / (0.1 * PRIOR);
            let size = (BOX_SIDE as f32 / PRIOR).ln() / 0.2;
            values[..4].copy_from_slice(&[shift, shift, size, size]);
        }
        _ => {}
    }
}
