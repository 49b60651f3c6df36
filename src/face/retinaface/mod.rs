//! RetinaFace as a face detector: preparing frames, decoding and filtering what the network puts out.

mod candidates;
mod nms;
mod preprocess;
mod priors;
mod quick;
mod sized;

pub use candidates::candidates;
pub use nms::{iou, suppress};
pub use preprocess::{Input, PreparedImages, input_size, prepare, resized_shape};
pub use priors::{Candidate, Prior, decode, priors};

use super::{Error, FaceDetector, FaceDetectorIdentity};
use crate::engine::Images;
use crate::model::retinaface::{RetinaFaceNet, description};
use crate::model::weights::fingerprint;
use crate::model::{Execution, NamedWeights, RetinaFaceBody};
use crate::native;
use crate::network::Work;
use crate::types::{BBox, DetectedFace, RgbImage};
use rayon::prelude::*;
use sized::SizedImage;
use std::path::Path;
use tch::Device;

/// Overlap above which the worse of two boxes goes.
const MAX_IOU: f32 = 0.4;
/// Longest side in pixels that photographs are looked at in by ResNet-50, which takes some gigabytes for so large a one:
/// larger ones are brought down to it. Published: never.
const LARGEST_PHOTOGRAPH: usize = 4096;
/// The network's coarsest stride: smaller inputs have no feature map left.
const MIN_SIDE: usize = 32;

impl RetinaFaceBody {
    /// The longest side in pixels to which frames are resized as published; `None`: they keep their size.
    pub fn default_max_size(self) -> Option<usize> {
        match self {
            RetinaFaceBody::ResNet50 => Some(2048),
            RetinaFaceBody::MobileNet025 => None,
        }
    }
}

/// A network with its weights, ready to find faces.
pub struct RetinaFace {
    body: RetinaFaceBody,
    /// As it was asked for; `None`: the body's default.
    max_size: Option<usize>,
    largest: Option<usize>,
    quick: Option<usize>,
    net: RetinaFaceNet,
    device: Device,
    weights: String,
    notes: Vec<String>,
}

impl RetinaFace {
    /// Loads the weights and makes the network ready to run.
    ///
    /// `max_size`: longest side of the network's input in pixels, `None` for the body's default.
    /// Fails when the file is no checkpoint or one of another network.
    pub fn load(
        body: RetinaFaceBody,
        weights: &Path,
        max_size: Option<usize>,
        execution: Execution,
    ) -> Result<Self, Error> {
        let NamedWeights { checkpoint: file, notes } = NamedWeights::read(weights)?;
        let net = RetinaFaceNet::new(body, &file.state, weights, execution)?;
        let weights = fingerprint(&file.state);
        let device = execution.device();
        Ok(RetinaFace { body, max_size, largest: None, quick: None, net, device, weights, notes })
    }

    /// What a person should know about its file, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// This face detector, shrinking frames whose longest side is more than `largest` pixels to that size and leaving
    /// smaller ones as they are. A `max_size` takes precedence.
    pub fn with_largest(self, largest: Option<usize>) -> Self {
        RetinaFace { largest, ..self }
    }

    /// This face detector, looking at frames of videos with the longest side `quick` first, and as it would else where that
    /// does not find large faces alone. A `max_size` takes precedence.
    pub fn with_quick_look(self, quick: Option<usize>) -> Self {
        RetinaFace { quick, ..self }
    }

    /// What the network's convolutions do to find the faces of this image.
    pub fn work(&self, image: &RgbImage) -> Work {
        description(self.body).work(input_size(image, self.side_for(image)))
    }

    /// To how many pixels a frame's longest side is resized.
    fn side_for(&self, image: &RgbImage) -> Option<usize> {
        let max_size = self.max_size.or(self.body.default_max_size());
        max_size.or(self.largest.filter(|largest| longest_side(image) > *largest))
    }

    /// To how many pixels a photograph's longest side is resized: as published, none where nothing is asked for.
    fn side_for_photograph(&self, image: &RgbImage) -> Option<usize> {
        let largest = self.largest.or(match self.body {
            RetinaFaceBody::ResNet50 => Some(LARGEST_PHOTOGRAPH),
            RetinaFaceBody::MobileNet025 => None,
        });
        self.max_size.or(largest.filter(|largest| longest_side(image) > *largest))
    }

    /// The faces of frames that are looked at quickly first, where that is worth it.
    fn detect_quickly(&self, images: &[&RgbImage], quick: usize) -> Result<Vec<Vec<DetectedFace>>, Error> {
        let full_side = |image: &RgbImage| self.side_for(image).unwrap_or(longest_side(image));
        let worth_it = |image: &RgbImage| quick::is_worth_it(full_side(image), quick);
        let side = |image: &RgbImage| if worth_it(image) { Some(quick) } else { self.side_for(image) };
        let mut found = self.detect_at(images, side)?;
        let unsure = |at: &usize| worth_it(images[*at]) && !quick::is_enough(images[*at], quick, &found[*at]);
        let again: Vec<usize> = (0..images.len()).filter(unsure).collect();
        let frames: Vec<&RgbImage> = again.iter().map(|&at| images[at]).collect();
        let better = self.detect_at(&frames, |image| self.side_for(image))?;
        again.into_iter().zip(better).for_each(|(at, faces)| found[at] = faces);
        Ok(found)
    }

    /// The faces of frames whose longest sides become what `side_for` says.
    fn detect_at(
        &self,
        images: &[&RgbImage],
        side_for: impl Fn(&RgbImage) -> Option<usize>,
    ) -> Result<Vec<Vec<DetectedFace>>, Error> {
        let sized: Vec<SizedImage> = images
            .iter()
            .map(|image| SizedImage { image, size: input_size(image, side_for(image)) })
            .collect();
        let mut found = Vec::with_capacity(images.len());
        for run in sized.chunk_by(|one, other| self.runs_apart(one) == self.runs_apart(other)) {
            // Alone, it has all threads.
            if run.len() > 1 && self.runs_apart(&run[0]) {
                found.extend(self.detect_apart(run)?);
                continue;
            }
            let shape = |one: &SizedImage| (one.image.height(), one.image.width());
            for alike in run.chunk_by(|one, other| shape(one) == shape(other)) {
                for group in alike.chunks(self.preferred_batch()) {
                    found.extend(self.detect_batch(group)?);
                }
            }
        }
        Ok(found)
    }

    /// Whether an image is looked at by one thread while others look at other images, of whatever size. A large one has
    /// work for all threads, and takes memory that is better had once.
    fn runs_apart(&self, image: &SizedImage) -> bool {
        const LARGE: usize = 4 << 20;
        let (height, width) = image.size;
        let small = height.min(width) >= MIN_SIDE && height * width < LARGE;
        small && self.body == RetinaFaceBody::MobileNet025 && !self.device.is_cuda()
    }

    /// The faces of frames, each looked at by a thread of its own.
    fn detect_apart(&self, images: &[SizedImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        let _no_grad = tch::no_grad_guard();
        let body = self.body;
        let prepared = images.par_iter().map(|one| one.prepared(body)).collect::<Result<Vec<_>, _>>()?;
        let sets: Vec<&dyn Images> = prepared.iter().map(|set| set as &dyn Images).collect();
        let failed = |cause| images[0].failed(cause);
        let raw = self.net.forward_apart(&sets).map_err(failed)?;
        images.iter().zip(&raw).map(|(one, raw)| one.faces(raw, (0, 1))).collect()
    }

    /// The faces of frames of one size.
    fn detect_batch(&self, images: &[SizedImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        let _no_grad = tch::no_grad_guard();
        let (first, count) = (&images[0], images.len());
        if first.size.0.min(first.size.1) < MIN_SIDE {
            return Ok(vec![Vec::new(); count]);
        }
        let pixels: Vec<&RgbImage> = images.iter().map(|one| one.image).collect();
        let prepared = PreparedImages::new(&pixels, self.body, first.size)?;
        let raw = self.net.forward_images(&prepared).map_err(|cause| first.failed(cause))?;
        images.iter().enumerate().map(|(at, one)| one.faces(&raw, (at, count))).collect()
    }
}

impl FaceDetector for RetinaFace {
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        match self.quick.filter(|_| self.max_size.is_none()) {
            Some(quick) => self.detect_quickly(images, quick),
            None => self.detect_at(images, |image| self.side_for(image)),
        }
    }

    fn detect_in_photographs(&self, images: &[&RgbImage]) -> Result<Vec<Vec<DetectedFace>>, Error> {
        self.detect_at(images, |image| self.side_for_photograph(image))
    }

    fn identity(&self) -> FaceDetectorIdentity {
        FaceDetectorIdentity {
            name: self.body.name().to_owned(),
            weights: self.weights.clone(),
            max_size: self.max_size.or(self.body.default_max_size()),
        }
    }

    fn preferred_batch(&self) -> usize {
        const ON_GPU: usize = 4;
        // Two frames per thread, with everything around the network, because one may take longer than another: but no more
        // than memory is worth.
        const EACH: usize = 2;
        const MOST: usize = 8;
        match self.body {
            _ if self.device.is_cuda() => ON_GPU,
            // One frame has work for all threads, and takes a gigabyte.
            RetinaFaceBody::ResNet50 => 1,
            RetinaFaceBody::MobileNet025 => match native::process::threads() {
                1 => 1,
                threads => (EACH * threads).min(MOST),
            },
        }
    }
}

/// A candidate in pixels of the frame, rounded to hundredths; `None` when nothing of it is inside.
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

fn longest_side(image: &RgbImage) -> usize {
    image.width().max(image.height())
}

/// Whether something is left of an interval after clipping it to a frame's `side`.
fn spans_a_pixel(low: f32, high: f32, side: usize) -> bool {
    let last = side as f32 - 1.0;
    let low = low.max(0.0).min(last);
    let high = high.max(low + 1.0).min(last);
    low < high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::write_safetensors;
    use crate::model::published::Layout;
    use std::collections::BTreeMap;

    #[test]
    fn photographs_are_looked_at_in_their_own_size_and_frames_in_the_published_one() {
        let folder = tempfile::tempdir().unwrap();
        let load = |body, max_size| {
            let path = folder.path().join("weights.safetensors");
            let state = Layout::RetinaFace(body).filled(1).unwrap();
            write_safetensors(&path, &state, &BTreeMap::new()).unwrap();
            RetinaFace::load(body, &path, max_size, Execution::plain(Device::Cpu)).unwrap()
        };
        let (small, large) = (RgbImage::filled(700, 300, [9; 3]), RgbImage::filled(40, 5000, [9; 3]));
        let sides = |detector: &RetinaFace| {
            let frames = [&small, &large].map(|image| detector.side_for(image));
            (frames, [&small, &large].map(|image| detector.side_for_photograph(image)))
        };
        let published = load(RetinaFaceBody::ResNet50, None);
        assert_eq!(sides(&published), ([Some(2048); 2], [None, Some(4096)]));
        assert_eq!(published.identity().max_size, Some(2048));
        let asked = load(RetinaFaceBody::ResNet50, Some(640));
        assert_eq!(sides(&asked), ([Some(640); 2], [Some(640); 2]));
        let light = load(RetinaFaceBody::MobileNet025, None);
        assert_eq!(sides(&light), ([None; 2], [None; 2]));
        assert_eq!(sides(&light.with_largest(Some(1280))), ([None, Some(1280)], [None, Some(1280)]));
    }
}
