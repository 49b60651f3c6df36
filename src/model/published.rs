//! Names and shapes in the published weight files, and files of the same layout with filled weights.

use super::efficientnet::{EfficientNet, Variant};
use super::encoder::{Encoder, IRESNET18, Pooling};
use super::forgery_detector::{ForgeryDetector, Method};
use super::objective::{GuideSpec, TrainingModel};
use super::retinaface::{Body, RetinaFaceNet};
use super::{Error, InputSpec, fill};
use crate::checkpoint::{StateDict, TensorData};
use tch::Device;
use tch::nn::VarStore;

/// What a published weight file holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    /// A bare EfficientNet with two classes.
    Backbone(Variant),
    /// A detector; an EG file holds the face encoder and the parts that only training uses, too.
    ForgeryDetector(Method, Variant),
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
            Layout::ForgeryDetector(Method::Sbi, variant) => {
                drop(ForgeryDetector::build(&root, Method::Sbi, variant, InputSpec::default(), Device::Cpu))
            }
            Layout::ForgeryDetector(Method::Eg, variant) => {
                let model = TrainingModel::new(
                    variant,
                    Some(GuideSpec::default()),
                    InputSpec::default(),
                    Device::Cpu,
                );
                return sorted_entries([model.variables(), model.frozen_variables()]);
            }
            Layout::ArcFace => drop(Encoder::new(&root, IRESNET18, Pooling::Fc)),
            Layout::RetinaFace(body) => drop(RetinaFaceNet::new(&root, body)),
        }
        sorted_entries([&vs])
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

/// Names and shapes of all variables and of their batch norms' counters, sorted by name.
fn sorted_entries<'a>(stores: impl IntoIterator<Item = &'a VarStore>) -> Vec<(String, Vec<i64>)> {
    let variables = stores.into_iter().flat_map(VarStore::variables);
    let mut entries: Vec<_> = variables.map(|(name, t)| (name, t.size())).collect();
    let counters = entries.iter().filter_map(|(name, _)| name.strip_suffix("running_var"));
    let counters: Vec<_> = counters.map(|stem| (format!("{stem}num_batches_tracked"), Vec::new())).collect();
    entries.extend(counters);
    entries.sort();
    entries
}
