//! The RetinaFace network: a body, a feature pyramid, three context modules, three heads.
//!
//! Deng et al., "RetinaFace: Single-shot Multi-level Face Localisation in the Wild", CVPR 2020,
//! <https://arxiv.org/abs/1905.00641>. Names as in the Python package `retinaface_pytorch`; what becomes
//! of the raw outputs is in [`crate::face::retinaface`].

mod description;

pub use description::description;

use super::execution::{Executable, Execution, Trunk};
use super::{Error, weights};
use crate::checkpoint::StateDict;
use crate::engine::Images;
use crate::network::Weights;
use std::path::Path;
use tch::{Device, TchError, Tensor};

/// Boxes, sizes 1 and 2, at every position of a feature map.
pub const ANCHORS_PER_POSITION: usize = 2;
/// Numbers per anchor of the three heads: boxes, classes, points.
const HEAD_WIDTHS: [usize; 3] = [4, 2, 10];

/// The two published bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetinaFaceBody {
    /// ResNet-50, 256 channels in pyramid and heads: what the published detectors were made with.
    ResNet50,
    /// MobileNet of width 0.25, 64 channels, batch norms folded into the convolutions: about thirty times faster; other
    /// boxes, so other scores.
    MobileNet025,
}

impl RetinaFaceBody {
    /// What the network is called on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            RetinaFaceBody::ResNet50 => "retinaface-r50",
            RetinaFaceBody::MobileNet025 => "retinaface-mnet",
        }
    }
}

/// Raw network outputs for a batch, before softmax and decoding.
pub struct RawOutputs {
    /// `[n, anchors, 4]`: offsets of centre and size.
    pub boxes: Tensor,
    /// `[n, anchors, 2]`: logits of background and face.
    pub classes: Tensor,
    /// `[n, anchors, 10]`: offsets of five points (x, y).
    pub points: Tensor,
}

/// A RetinaFace with its weights, ready to run.
pub struct RetinaFaceNet {
    network: Executable,
}

impl RetinaFaceNet {
    /// Takes the weights from a state dict, which must hold this network and nothing else.
    ///
    /// `path` is only for messages. Fails when the state dict is of another network.
    pub fn new(
        body: RetinaFaceBody,
        state: &StateDict,
        path: &Path,
        execution: Execution,
    ) -> Result<Self, Error> {
        let description = description(body);
        weights::check(&description.weights(), state, body.name(), path, |_| false)?;
        Ok(RetinaFaceNet { network: execution.executable(&description, Weights::new(state, ""))? })
    }

    /// `x`: `[n, 3, h, w]`, normalised as the body expects; any size of at least 32 pixels.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn forward(&self, x: &Tensor) -> Result<RawOutputs, TchError> {
        separated(&self.network.run(x))
    }

    /// Outputs for images that are written where they are needed: of each level a tensor `[n, positions, 32]`, contiguous
    /// on the CPU, that has the outputs of the three heads side by side.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn forward_images(&self, images: &dyn Images) -> Result<Vec<Tensor>, TchError> {
        level_rows(&self.network.run_images(images)?)
    }

    /// The same for several sets of images, whose sizes may differ, each run by a thread of its own where the engine runs
    /// them.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn forward_apart(&self, sets: &[&dyn Images]) -> Result<Vec<Vec<Tensor>>, TchError> {
        self.network.run_apart(sets)?.iter().map(|levels| level_rows(levels)).collect()
    }
}

/// Numbers of a position: those of the three heads, one head after the other, each with those of its anchors.
pub const ROW: usize = ANCHORS_PER_POSITION * (HEAD_WIDTHS[0] + HEAD_WIDTHS[1] + HEAD_WIDTHS[2]);

/// What one anchor's numbers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnchorOutputs<'a> {
    /// Offsets of centre and size.
    pub offsets: &'a [f32],
    /// Logits of background and face.
    pub logits: [f32; 2],
    /// Offsets of five points (x, y).
    pub points: &'a [f32],
}

/// The outputs of the anchors of a level, in their order, from its rows of [`ROW`] numbers.
pub fn anchors(rows: &[f32]) -> impl Iterator<Item = AnchorOutputs<'_>> {
    let [boxes, classes, points] = HEAD_WIDTHS;
    let (first_class, first_point) = (ANCHORS_PER_POSITION * boxes, ANCHORS_PER_POSITION * (boxes + classes));
    rows.chunks_exact(ROW).flat_map(move |row| {
        (0..ANCHORS_PER_POSITION).map(move |anchor| {
            let logits = &row[first_class + anchor * classes..];
            AnchorOutputs {
                offsets: &row[anchor * boxes..][..boxes],
                logits: [logits[0], logits[1]],
                points: &row[first_point + anchor * points..][..points],
            }
        })
    })
}

fn level_rows(levels: &[Tensor]) -> Result<Vec<Tensor>, TchError> {
    levels.iter().map(|map| rows_of(map)?.f_to_device(Device::Cpu)?.f_contiguous()).collect()
}

/// `[n, positions, 32]` of a level's map.
fn rows_of(map: &Tensor) -> Result<Tensor, TchError> {
    map.f_permute([0, 2, 3, 1])?.f_reshape([map.size()[0], -1, ROW as i64])
}

impl RawOutputs {
    /// All levels' positions with the outputs of the heads side by side: `[n, positions, 32]`.
    pub fn rows(&self) -> Result<Tensor, TchError> {
        let n = self.boxes.size()[0];
        let heads = [&self.boxes, &self.classes, &self.points].into_iter().zip(HEAD_WIDTHS);
        let wide =
            |(head, width): (&Tensor, usize)| head.f_reshape([n, -1, (width * ANCHORS_PER_POSITION) as i64]);
        Tensor::f_cat(&heads.map(wide).collect::<Result<Vec<_>, _>>()?, 2)
    }
}

/// The three heads' outputs from the maps that hold them side by side, `[n, 32, h, w]`, one per level.
fn separated(levels: &[Tensor]) -> Result<RawOutputs, TchError> {
    let widths = HEAD_WIDTHS.map(|width| (width * ANCHORS_PER_POSITION) as i64);
    let rows = Tensor::f_cat(&levels.iter().map(rows_of).collect::<Result<Vec<_>, _>>()?, 1)?;
    let mut first = 0;
    let mut head = |number: usize| {
        let own = rows.f_narrow(2, first, widths[number])?;
        first += widths[number];
        own.f_reshape([rows.size()[0], -1, HEAD_WIDTHS[number] as i64])
    };
    Ok(RawOutputs { boxes: head(0)?, classes: head(1)?, points: head(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::published::Layout;
    use tch::{Device, Kind};

    #[test]
    fn compiled_and_plain_agree_for_both_bodies_and_several_sizes() {
        for body in [RetinaFaceBody::ResNet50, RetinaFaceBody::MobileNet025] {
            let state = Layout::RetinaFace(body).filled(1).unwrap();
            let inputs = [(2, 96, 128), (1, 75, 101), (1, 33, 32)]
                .map(|(n, h, w)| Tensor::rand([n, 3, h, w], (Kind::Float, Device::Cpu)));
            let run = |execution| {
                let net = RetinaFaceNet::new(body, &state, Path::new("filled"), execution).unwrap();
                let all = inputs.iter().map(|x| tch::no_grad(|| net.forward(x).unwrap()));
                all.flat_map(|raw| [raw.boxes, raw.classes, raw.points]).collect::<Vec<Tensor>>()
            };
            let plain = run(Execution::plain(Device::Cpu));
            for (plain, compiled) in plain.iter().zip(run(Execution::fastest(Device::Cpu))) {
                assert_eq!(plain.size(), compiled.size());
                let scale = plain.abs().max().double_value(&[]);
                let worst = (plain - compiled).abs().max().double_value(&[]);
                assert!(worst < 1e-4 * scale, "{body:?}: {worst} of {scale}");
            }
        }
    }
}
