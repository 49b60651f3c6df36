//! RetinaFace as a detector: preparing pictures, decoding and filtering what the network says.

mod nms;
mod preprocess;
mod priors;

pub use nms::{iou, suppress};
pub use preprocess::{prepare, resized_shape, Input};
pub use priors::{decode, priors, Candidate, Prior};

use super::{DetectorIdentity, Error, FaceDetector};
use crate::checkpoint;
use crate::model::retinaface::{Body, RawOutputs, RetinaFaceNet};
use crate::model::weights::{fingerprint, load_weights};
use crate::model::{self, ExecutionPlan};
use crate::types::{BBox, DetectedFace, RgbImage};
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Candidates below or at this probability are no faces.
const MIN_SCORE: f32 = 0.7;
/// Overlap above which the worse of two boxes goes.
const MAX_IOU: f32 = 0.4;
/// The network's coarsest stride: smaller inputs have no feature map left.
const MIN_SIDE: usize = 32;

/// The two published networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// ResNet-50: what the published detectors were made with.
    ResNet50,
    /// MobileNet-0.25: about thirty times faster; other boxes, so other scores.
    MobileNet025,
}

impl Variant {
    /// As it is called on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Variant::ResNet50 => "retinaface-r50",
            Variant::MobileNet025 => "retinaface-mnet",
        }
    }

    fn body(self) -> Body {
        match self {
            Variant::ResNet50 => Body::ResNet50,
            Variant::MobileNet025 => Body::MobileNet025,
        }
    }

    /// The longest side that the published way brings pictures to; `None`: left as they are.
    pub fn default_max_size(self) -> Option<usize> {
        match self {
            Variant::ResNet50 => Some(2048),
            Variant::MobileNet025 => None,
        }
    }
}

/// A network with its weights, ready to find faces.
pub struct RetinaFace {
    variant: Variant,
    max_size: Option<usize>,
    largest: Option<usize>,
    net: RetinaFaceNet,
    device: Device,
    weights: String,
}

impl RetinaFace {
    /// Loads the weights and prepares the network for `plan`.
    ///
    /// `max_size`: longest side of the network's input in pixels, `None` for the variant's default.
    /// Fails when the file is no checkpoint or one of another network.
    pub fn load(
        variant: Variant,
        weights: &Path,
        max_size: Option<usize>,
        plan: ExecutionPlan,
    ) -> Result<Self, Error> {
        let file = checkpoint::read(weights).map_err(model::Error::from)?;
        let vs = VarStore::new(plan.device());
        let mut net = RetinaFaceNet::new(&vs.root(), variant.body());
        load_weights(&vs, &file.state, variant.name(), weights, |_| false)?;
        if plan.compiles() {
            net.compile();
        }
        let max_size = max_size.or(variant.default_max_size());
        let weights = fingerprint(&file.state);
        Ok(RetinaFace { variant, max_size, largest: None, net, device: plan.device(), weights })
    }

    /// The same that brings pictures whose longest side is more than `largest` pixels down to that, and leaves smaller
    /// ones as they are. `max_size` goes first.
    pub fn with_largest(self, largest: Option<usize>) -> Self {
        RetinaFace { largest, ..self }
    }

    /// What the longest side of a picture is brought to.
    fn side_for(&self, image: &RgbImage) -> Option<usize> {
        let too_large = |largest: &usize| image.width().max(image.height()) > *largest;
        self.max_size.or(self.largest.filter(too_large))
    }

    /// The faces of pictures that share one input size.
    fn detect_batch(&self, images: &[&RgbImage], inputs: &[Input]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        let _no_grad = tch::no_grad_guard();
        let (height, width) = (inputs[0].height, inputs[0].width);
        let failed = |e: tch::TchError| Error::Network { height, width, message: e.to_string() };
        let shape = [1, height as i64, width as i64, 3];
        let rows: Vec<Tensor> = inputs.iter().map(|i| Tensor::from_slice(&i.hwc).view(shape)).collect();
        let batch = Tensor::f_cat(&rows, 0).map_err(failed)?;
        let x = batch.permute([0, 3, 1, 2]).f_to_device(self.device).map_err(failed)?;
        let raw = self.net.forward(&x);
        let priors = priors(height, width);
        images
            .iter()
            .enumerate()
            .map(|(i, image)| {
                let candidates = candidates(&raw, i as i64, &priors, (height, width)).map_err(failed)?;
                let kept = suppress(candidates, MAX_IOU);
                Ok(kept.iter().filter_map(|c| to_face(c, image, height)).collect())
            })
            .collect()
    }
}

impl FaceDetector for RetinaFace {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        let mut found = Vec::with_capacity(images.len());
        let mut rest = images;
        let shape = |image: &RgbImage| (image.height(), image.width());
        while let Some(first) = rest.first() {
            let run = rest.iter().take_while(|image| shape(image) == shape(first)).count();
            let (group, later) = rest.split_at(run.min(self.preferred_batch()));
            let inputs = group
                .iter()
                .map(|image| prepare(image, self.variant, self.side_for(image)))
                .collect::<Result<Vec<_>, _>>()?;
            if inputs[0].height.min(inputs[0].width) < MIN_SIDE {
                found.extend(group.iter().map(|_| Vec::new()));
            } else {
                found.extend(self.detect_batch(group, &inputs)?);
            }
            rest = later;
        }
        Ok(found)
    }

    fn identity(&self) -> DetectorIdentity {
        DetectorIdentity {
            name: self.variant.name().to_owned(),
            weights: self.weights.clone(),
            max_size: self.max_size,
        }
    }

    fn preferred_batch(&self) -> usize {
        // A CPU gains nothing from batches and pays in memory.
        if self.device.is_cuda() {
            4
        } else {
            1
        }
    }
}

/// Decodes the priors whose face probability is above the limit; `size`: height, width of the input.
pub fn candidates(
    raw: &RawOutputs,
    image: i64,
    priors: &[Prior],
    size: (usize, usize),
) -> Result<Vec<Candidate>, tch::TchError> {
    let flat = |t: &Tensor| -> Result<Vec<f32>, tch::TchError> {
        let row = t.f_get(image)?.f_to_device(Device::Cpu)?.f_contiguous()?.f_view([-1])?;
        Vec::<f32>::try_from(row)
    };
    let scores = raw.classes.f_softmax(-1, Kind::Float)?.f_select(2, 1)?;
    let (scores, boxes, points) = (flat(&scores)?, flat(&raw.boxes)?, flat(&raw.points)?);
    let above = scores.iter().enumerate().filter(|(_, score)| **score > MIN_SCORE);
    Ok(above
        .map(|(prior, &score)| {
            let (box_offsets, point_offsets) = (&boxes[prior * 4..][..4], &points[prior * 10..][..10]);
            let (corners, points) = decode(priors[prior], box_offsets, point_offsets, size);
            Candidate { corners, points, score, prior }
        })
        .collect())
}

/// A candidate in pixels of the picture, rounded to hundredths; `None` when nothing of it is inside.
///
/// The ratio of heights serves both axes and the box is not clipped: kept so that published weights give
/// published numbers.
pub fn to_face(candidate: &Candidate, image: &RgbImage, input_height: usize) -> Option<DetectedFace> {
    let back = (image.height() as f64 / input_height as f64) as f32;
    let [x0, y0, x1, y1] = candidate.corners.map(|v| v * back);
    if !spans_a_pixel(x0, x1, image.width()) || !spans_a_pixel(y0, y1, image.height()) {
        return None;
    }
    let rounded = |v: f32| (f64::from(v) * 100.0).round_ties_even() / 100.0;
    let points = std::array::from_fn(|i| {
        let [x, y] = [candidate.points[2 * i], candidate.points[2 * i + 1]];
        (rounded(x * back), rounded(y * back))
    });
    let bbox = BBox { x0: rounded(x0), y0: rounded(y0), x1: rounded(x1), y1: rounded(y1) };
    Some(DetectedFace { bbox, confidence: candidate.score, points })
}

/// Whether something is left of an interval after clipping to the picture's `side`.
fn spans_a_pixel(low: f32, high: f32, side: usize) -> bool {
    let last = side as f32 - 1.0;
    let low = low.max(0.0).min(last);
    let high = high.max(low + 1.0).min(last);
    low < high
}
