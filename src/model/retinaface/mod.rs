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
use tch::{TchError, Tensor};

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

    /// Outputs for images that are written where they are needed.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn forward_images(&self, images: &dyn Images) -> Result<RawOutputs, TchError> {
        separated(&self.network.run_images(images)?)
    }
}

/// The three heads' outputs from the maps that hold them side by side, `[n, 32, h, w]`, one per level.
fn separated(levels: &[Tensor]) -> Result<RawOutputs, TchError> {
    let widths = HEAD_WIDTHS.map(|width| (width * ANCHORS_PER_POSITION) as i64);
    let row: i64 = widths.iter().sum();
    let rows = levels.iter().map(|map| map.f_permute([0, 2, 3, 1])?.f_reshape([map.size()[0], -1, row]));
    let rows = Tensor::f_cat(&rows.collect::<Result<Vec<_>, _>>()?, 1)?;
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
