//! The weights that EG has in training alone, by name and shape.

use super::efficientnet::Variant;
use super::face_encoder::{EncoderSpec, FACE_ENCODER_PREFIX};
use super::forgery_network::CLASSES;
use crate::network::{Linear, Norm, Weight};

/// Width of the hidden layer of the reconstruction network.
const HIDDEN: usize = 1024;

/// The layers that EG has only in training, beside its face encoder.
pub struct GuideLayers {
    pub residual_head: HeadLayers,
    pub rebuilt_head: HeadLayers,
    /// With a ReLU between.
    pub reconstruction: [Linear; 2],
    /// In published files, and strictly loaded by the original program; no use is made of them.
    pub unused: [Linear; 2],
}

/// A batch norm whose bias stays 0, and a linear layer without bias.
pub struct HeadLayers {
    pub norm: Norm,
    pub classifier: Linear,
}

impl HeadLayers {
    pub fn new(name: &str, features: usize) -> Self {
        let norm = Norm { fixed_bias: true, ..Norm::new(format!("{name}.bn"), features) };
        HeadLayers { norm, classifier: Linear::without_bias(format!("{name}.classifier"), features, CLASSES) }
    }

    pub fn weights(&self) -> Vec<Weight> {
        self.norm.weights().into_iter().chain(self.classifier.weights()).collect()
    }
}

impl GuideLayers {
    pub fn new(features: usize, embedding: usize) -> Self {
        let both = embedding + features;
        GuideLayers {
            residual_head: HeadLayers::new("fc_cat", features),
            rebuilt_head: HeadLayers::new("fc_cat1", features),
            reconstruction: [
                Linear::new("reconstruction_network.fc.0", both, HIDDEN),
                Linear::new("reconstruction_network.fc.2", HIDDEN, features),
            ],
            unused: [Linear::new("reshape_layer", features, both), Linear::new("fc", embedding, CLASSES)],
        }
    }

    pub fn unused_weights(&self) -> impl Iterator<Item = Weight> {
        let fixed = |weight| Weight { trained: false, ..weight };
        self.unused.iter().flat_map(Linear::weights).map(fixed)
    }
}

/// The weights that an EG file has only for training: those of the guide's layers and of its face encoder.
pub fn guide_weights(variant: Variant, encoder: EncoderSpec) -> Vec<Weight> {
    let layers = GuideLayers::new(variant.features(), encoder.embedding());
    let mut all = [layers.residual_head.weights(), layers.rebuilt_head.weights()].concat();
    all.extend(layers.reconstruction.iter().flat_map(Linear::weights));
    all.extend(layers.unused_weights());
    all.extend(encoder.weights().into_iter().map(|weight| weight.under(FACE_ENCODER_PREFIX)));
    all
}
