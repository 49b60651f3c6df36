//! Looks of faces in frames, by dlib's face recognition network.

use super::Embedding;
use crate::imaging::{Similarity, cut_square};
use crate::model::dlib_encoder::{self, DlibEncoder};
use crate::model::{Error, Execution};
use crate::network::Weights;
use crate::types::{DetectedFace, RgbImage};
use crate::weight_files::catalogue::DLIB_FACE_ENCODER;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// Where both eyes, the tip of the nose and both corners of the mouth of dlib's mean face lie in the square of 150 pixels
/// that its network was trained on: `get_face_chip_details` with a padding of 0.25, of which these five points are part.
const PLACES: [(f64, f64); 5] = [(47.5, 46.6), (100.5, 46.6), (74.0, 76.6), (50.4, 103.0), (97.6, 103.0)];

/// What tells faces apart by their looks.
pub trait FaceLooks: Send {
    /// The looks of some faces of a frame, in their order; `None` where there is no network to tell.
    fn looks(&mut self, frame: &RgbImage, faces: &[&DetectedFace]) -> Option<Vec<Embedding>>;

    /// Why looks do not count, in words for people; `None` while they do.
    fn missing(&self) -> Option<String>;
}

/// dlib's network, loaded when the first face is to be looked at: photographs never need it.
pub struct LooksEncoder {
    path: PathBuf,
    execution: Execution,
    network: State,
}

enum State {
    Unread,
    Ready(Box<DlibEncoder>),
    Missing(String),
}

impl LooksEncoder {
    /// The network of the usual file in `weights_dir`, to be run as `execution` says.
    pub fn new(weights_dir: &Path, execution: Execution) -> Self {
        let usual = weights_dir.join(DLIB_FACE_ENCODER.name());
        match DLIB_FACE_ENCODER.find_in(weights_dir) {
            Some(path) => LooksEncoder { path, execution, network: State::Unread },
            None => {
                let why = format!("{} is not there; {}", usual.display(), DLIB_FACE_ENCODER.origin);
                LooksEncoder { path: usual, execution, network: State::Missing(why) }
            }
        }
    }

    fn ready(&mut self) -> Option<&DlibEncoder> {
        if let State::Unread = self.network {
            self.network = match load(&self.path, self.execution) {
                Ok(network) => State::Ready(Box::new(network)),
                Err(error) => State::Missing(crate::causes::with_causes(&error)),
            };
        }
        match &self.network {
            State::Ready(network) => Some(network),
            State::Unread | State::Missing(_) => None,
        }
    }
}

fn load(path: &Path, execution: Execution) -> Result<DlibEncoder, Error> {
    let state = dlib_encoder::read(path)?;
    DlibEncoder::for_single_faces(Weights::new(&state, ""), execution)
}

impl FaceLooks for LooksEncoder {
    fn looks(&mut self, frame: &RgbImage, faces: &[&DetectedFace]) -> Option<Vec<Embedding>> {
        let device = self.execution.device();
        let network = self.ready()?;
        if faces.is_empty() {
            return Some(Vec::new());
        }
        let squares: Vec<Tensor> =
            faces.iter().map(|face| Tensor::from_slice(aligned(frame, face).data())).collect();
        let side = dlib_encoder::SIDE as i64;
        let embeddings = tch::no_grad(|| {
            let pixels = Tensor::stack(&squares, 0).view([-1, side, side, 3]).permute([0, 3, 1, 2]);
            network.embed(&(pixels.to_device(device).to_kind(Kind::Float) / 255.0).contiguous())
        });
        let numbers =
            Vec::<f32>::try_from(embeddings.to_device(tch::Device::Cpu).contiguous().view([-1])).ok()?;
        Some(numbers.chunks_exact(dlib_encoder::EMBEDDING).map(|look| Embedding(look.to_vec())).collect())
    }

    fn missing(&self) -> Option<String> {
        match &self.network {
            State::Missing(why) => Some(why.clone()),
            State::Unread | State::Ready(_) => None,
        }
    }
}

/// The face, upright in the network's square; where its points say nothing, its box with a quarter of its size around it.
fn aligned(frame: &RgbImage, face: &DetectedFace) -> RgbImage {
    let map = Similarity::fitted(&PLACES, &face.points).unwrap_or_else(|| {
        let side = face.bbox.width().max(face.bbox.height()).max(1.0) * 1.5;
        let (x, y) = ((face.bbox.x0 + face.bbox.x1) / 2.0, (face.bbox.y0 + face.bbox.y1) / 2.0);
        let scale = side / dlib_encoder::SIDE as f64;
        Similarity { a: scale, b: 0.0, x0: x - side / 2.0, y0: y - side / 2.0 }
    });
    cut_square(frame, &map, dlib_encoder::SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{read_image, resized};
    use crate::testing::placed;
    use crate::types::BBox;
    use tch::Device;

    /// The licence-free portrait's face, by its points.
    fn astronaut() -> DetectedFace {
        DetectedFace {
            bbox: BBox { x0: 180.0, y0: 70.0, x1: 270.0, y1: 190.0 },
            confidence: 0.99,
            points: [(203.0, 101.0), (246.0, 104.0), (225.0, 126.0), (205.0, 141.0), (242.0, 142.0)],
        }
    }

    #[test]
    fn one_face_in_two_sizes_looks_alike_and_what_is_no_face_does_not() {
        let name = format!("weights/{}", DLIB_FACE_ENCODER.name());
        let (Some(weights), Some(portrait)) = (placed(&name), placed("data/sample/astronaut.png")) else {
            return;
        };
        let portrait = read_image(&portrait).unwrap();
        let half = resized(&portrait, portrait.width() / 2, portrait.height() / 2).unwrap();
        let face = astronaut();
        let small = DetectedFace { points: face.points.map(|(x, y)| (x / 2.0, y / 2.0)), ..face.clone() };
        let elsewhere =
            DetectedFace { points: face.points.map(|(x, y)| (x + 150.0, y + 100.0)), ..face.clone() };
        let mut encoder = LooksEncoder::new(weights.parent().unwrap(), Execution::fastest(Device::Cpu));
        let looks = encoder.looks(&portrait, &[&face, &elsewhere]).unwrap();
        let of_half = encoder.looks(&half, &[&small]).unwrap();
        let (same, other) = (looks[0].distance(&of_half[0]), looks[0].distance(&looks[1]));
        assert!(same < 0.4 && other > 0.6, "{same} {other}");
        assert_eq!(encoder.missing(), None);
    }

    #[test]
    fn without_the_file_it_is_said_where_it_belongs() {
        let folder = tempfile::tempdir().unwrap();
        let execution = Execution::plain(Device::Cpu);
        let mut encoder = LooksEncoder::new(folder.path(), execution);
        assert_eq!(encoder.looks(&RgbImage::filled(9, 9, [0; 3]), &[&astronaut()]), None);
        assert!(encoder.missing().unwrap().contains("setup.sh"));
        // What is no such network is as good as none.
        std::fs::write(folder.path().join(DLIB_FACE_ENCODER.name()), "nothing").unwrap();
        let mut encoder = LooksEncoder::new(folder.path(), execution);
        assert_eq!(encoder.looks(&RgbImage::filled(9, 9, [0; 3]), &[&astronaut()]), None);
        assert!(encoder.missing().unwrap().contains("cannot be read as dlib's"));
    }
}
