//! Names and shapes in the published weight files, and files of the same layout with filled weights.

use super::detector::{Detector, Method};
use super::efficientnet::{EfficientNet, Variant};
use super::encoder::{Encoder, Pooling, EMBEDDING, IRESNET18};
use super::retinaface::{Body, RetinaFaceNet};
use super::{fill, Error};
use crate::checkpoint::{StateDict, TensorData};
use tch::nn::{self, VarStore};
use tch::Device;

/// What a published weight file holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    /// A bare EfficientNet with two classes.
    Backbone(Variant),
    /// A detector; an EG file holds the face encoder and the parts that only training uses, too.
    Detector(Method, Variant),
    /// iresnet18 with its `fc` layer.
    ArcFace,
    /// RetinaFace.
    RetinaFace(Body),
}

impl Layout {
    /// All entries, names with PyTorch's batch counters, sorted by name.
    pub fn entries(self) -> Vec<(String, Vec<i64>)> {
        let vs = VarStore::new(Device::Cpu);
        let root = vs.root();
        match self {
            Layout::Backbone(variant) => drop(EfficientNet::new(&root, variant, 2)),
            Layout::Detector(method, variant) => {
                Detector::build(&root, method, variant, Device::Cpu);
                if method == Method::Eg {
                    eg_training_parts(&root, variant.features());
                }
            }
            Layout::ArcFace => drop(Encoder::new(&root, IRESNET18, Pooling::Fc)),
            Layout::RetinaFace(body) => drop(RetinaFaceNet::new(&root, body)),
        }
        let mut entries: Vec<_> = vs.variables().into_iter().map(|(name, t)| (name, t.size())).collect();
        let counters = entries.iter().filter_map(|(name, _)| name.strip_suffix("running_var"));
        let counters: Vec<_> =
            counters.map(|stem| (format!("{stem}num_batches_tracked"), Vec::new())).collect();
        entries.extend(counters);
        entries.sort();
        entries
    }

    /// A state dict of this layout with the deterministic fill: untrained, for checks and demonstrations.
    pub fn filled(self, seed: u64) -> Result<StateDict, Error> {
        let mut state = StateDict::new();
        for (name, shape) in self.entries() {
            let sizes: Vec<usize> = shape.iter().map(|&side| side as usize).collect();
            let tensor = match fill::state_entry(&name, &shape, seed) {
                Some(values) => TensorData::from_f32(&sizes, &values)?,
                None => TensorData::from_i64(&sizes, &[0])?,
            };
            state.insert(name, tensor)?;
        }
        Ok(state)
    }
}

/// What an EG file holds besides its detector.
fn eg_training_parts(root: &nn::Path, features: i64) {
    const HIDDEN: i64 = 1024;
    let linear = |path: nn::Path, c_in: i64, c_out: i64, bias: bool| {
        let _ = path.zeros("weight", &[c_out, c_in]);
        if bias {
            let _ = path.zeros("bias", &[c_out]);
        }
    };
    Encoder::new(&(root / "face_model"), IRESNET18, Pooling::Pooled);
    for head in ["fc_cat", "fc_cat1"] {
        let head = root / head;
        super::layers::BatchNorm::new(&head / "bn", features, 1e-5, 0.1);
        linear(&head / "classifier", features, 2, false);
    }
    let rebuild = root / "reconstruction_network" / "fc";
    linear(&rebuild / 0, EMBEDDING + features, HIDDEN, true);
    linear(&rebuild / 2, HIDDEN, features, true);
    // In the published files, and used by nothing.
    linear(root / "reshape_layer", features, EMBEDDING + features, true);
    linear(root / "fc", EMBEDDING, 2, true);
}
