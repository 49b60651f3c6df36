//! Names and shapes in the published weight files, and files of the same layout with filled weights.

use super::efficientnet::{self, Variant};
use super::encoder::{self, IRESNET18};
use super::forgery_network::{self, CLASSES, Method};
use super::guide_layers::guide_weights;
use super::objective::GuideSpec;
use super::retinaface::{self, RetinaFaceBody};
use super::{Error, fill};
use crate::checkpoint::{BATCH_COUNTER, StateDict, TensorData};
use crate::network::Weight;

/// What a published weight file holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    /// A bare EfficientNet with two classes.
    Backbone(Variant),
    /// A detector; an EG file holds the face encoder and the parts that only training uses, too.
    ForgeryDetector(Method, Variant),
    /// iresnet18 with its `fc` layer.
    ArcFace,
    /// A face detector: RetinaFace with this body.
    RetinaFace(RetinaFaceBody),
}

impl Layout {
    /// All weights: the entries but PyTorch's batch counters.
    fn weights(self) -> Vec<Weight> {
        match self {
            Layout::Backbone(variant) => efficientnet::weights(variant, CLASSES),
            Layout::ForgeryDetector(Method::Sbi, variant) => forgery_network::weights(Method::Sbi, variant),
            Layout::ForgeryDetector(Method::Eg, variant) => {
                let mut all = forgery_network::weights(Method::Eg, variant);
                all.extend(guide_weights(variant, GuideSpec::default().encoder));
                all
            }
            Layout::ArcFace => encoder::weights(IRESNET18),
            Layout::RetinaFace(body) => retinaface::description(body).weights(),
        }
    }

    /// Names and shapes of all entries, with PyTorch's batch counters, sorted by name.
    pub fn entries(self) -> Vec<(String, Vec<usize>)> {
        let weights = self.weights();
        let counters = weights.iter().filter_map(|weight| weight.name.strip_suffix("running_var"));
        let counters: Vec<_> = counters.map(|stem| (format!("{stem}{BATCH_COUNTER}"), Vec::new())).collect();
        let mut entries: Vec<_> = weights.into_iter().map(|weight| (weight.name, weight.shape)).collect();
        entries.extend(counters);
        entries.sort();
        entries
    }

    /// A state dict of this layout with the deterministic fill: untrained, for checks and demonstrations.
    pub fn filled(self, seed: u64) -> Result<StateDict, Error> {
        let mut state = StateDict::new();
        for (name, shape) in self.entries() {
            let tensor = match fill::state_entry(&name, &shape, seed) {
                Some(values) => TensorData::from_f32(&shape, &values)?,
                None => TensorData::from_i64(&shape, &[0])?,
            };
            state.insert(name, tensor)?;
        }
        Ok(state)
    }
}
