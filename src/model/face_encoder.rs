//! The face encoders that can guide EG, and how each wants the faces that it is shown.

use super::dlib_encoder::{self, DlibEncoder};
use super::encoder::{self, Depth, Encoder, Pooling};
use super::{Error, Execution, weights};
use crate::checkpoint::{StateDict, TensorData};
use crate::network::{Weight, Weights};
use std::path::Path;
use tch::Tensor;

/// What stands before the names of a face encoder's weights in an EG file.
pub const FACE_ENCODER_PREFIX: &str = "face_model.";

/// Which network, and how it is read out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderSpec {
    /// ArcFace's iresnet.
    Iresnet {
        /// Its depth.
        depth: Depth,
        /// How its last map becomes an embedding.
        pooling: Pooling,
    },
    /// dlib's face recognition network.
    Dlib,
}

impl EncoderSpec {
    /// Width of the embedding.
    pub fn embedding(self) -> usize {
        match self {
            EncoderSpec::Iresnet { .. } => encoder::EMBEDDING,
            EncoderSpec::Dlib => dlib_encoder::EMBEDDING,
        }
    }

    /// Side in pixels of the faces it was trained on.
    pub fn side(self) -> usize {
        match self {
            EncoderSpec::Iresnet { .. } => encoder::SIDE,
            EncoderSpec::Dlib => dlib_encoder::SIDE,
        }
    }

    /// All weights.
    pub fn weights(self) -> Vec<Weight> {
        match self {
            EncoderSpec::Iresnet { depth, .. } => encoder::weights(depth),
            EncoderSpec::Dlib => dlib_encoder::weights(),
        }
    }
}

/// A face encoder with its weights, which never move.
pub struct FaceEncoder {
    network: Network,
    side: usize,
    weights: StateDict,
}

enum Network {
    Iresnet(Encoder),
    Dlib(DlibEncoder),
}

impl FaceEncoder {
    /// An encoder that is shown faces of `side` x `side` pixels. `weights` holds what [`EncoderSpec::weights`] lists,
    /// each name behind [`FACE_ENCODER_PREFIX`]; further entries are left aside.
    ///
    /// Fails when a weight is missing or of another shape, and when libtorch runs out of memory.
    pub fn new(
        spec: EncoderSpec,
        side: usize,
        weights: &StateDict,
        execution: Execution,
    ) -> Result<Self, Error> {
        let mut own = StateDict::new();
        for weight in spec.weights() {
            let name = weight.under(FACE_ENCODER_PREFIX).name;
            if let Some(data) = weights.get(&name) {
                own.insert(name, TensorData::from_f32(data.shape(), &data.to_f32_vec())?)?;
            }
        }
        let named = Weights::new(&own, FACE_ENCODER_PREFIX);
        let network = match spec {
            EncoderSpec::Iresnet { depth, pooling } => {
                Network::Iresnet(Encoder::new(depth, pooling, named, execution)?)
            }
            EncoderSpec::Dlib => Network::Dlib(DlibEncoder::new(named, execution)?),
        };
        Ok(FaceEncoder { network, side, weights: own })
    }

    /// An encoder from the file that holds its weights: an EG file, which has much else, or a file of its own, whose names
    /// lack [`FACE_ENCODER_PREFIX`].
    ///
    /// `network` and `path` are only for messages. Fails when the file is of another encoder, or lacks or has more of it
    /// than it should, and when libtorch runs out of memory.
    pub fn from_file(
        spec: EncoderSpec,
        side: usize,
        file: &StateDict,
        (network, path): (&str, &Path),
        execution: Execution,
    ) -> Result<Self, Error> {
        let own = |name: &str| name.starts_with(FACE_ENCODER_PREFIX);
        if file.names().any(own) {
            let expected: Vec<Weight> =
                spec.weights().into_iter().map(|weight| weight.under(FACE_ENCODER_PREFIX)).collect();
            weights::check(&expected, file, network, path, |name| !own(name))?;
            return Self::new(spec, side, file, execution);
        }
        weights::check(&spec.weights(), file, network, path, |_| false)?;
        let mut prefixed = StateDict::new();
        for (name, data) in file.iter() {
            prefixed.insert(format!("{FACE_ENCODER_PREFIX}{name}"), data.clone())?;
        }
        Self::new(spec, side, &prefixed, execution)
    }

    /// Its weights, float32, under the names that they have in an EG file.
    pub fn weights(&self) -> &StateDict {
        &self.weights
    }

    /// Embeddings `[n, width]` of face crops `[n, 3, h, w]` of any size, RGB, 0..1; no gradient.
    pub fn embed(&self, faces: &Tensor) -> Tensor {
        tch::no_grad(|| {
            let faces = faces.upsample_bilinear2d([self.side as i64; 2], false, None, None);
            match &self.network {
                Network::Iresnet(network) => network.embed(&((faces - 0.5) / 0.5)),
                Network::Dlib(network) => network.embed(&faces),
            }
        })
    }
}
