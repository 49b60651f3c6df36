//! The face encoders that can guide EG, and how each wants the faces that it is shown.

use super::dlib_encoder::{self, DlibEncoder};
use super::encoder::{self, Depth, Encoder, Pooling};
use tch::Tensor;
use tch::nn;

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
    pub fn embedding(self) -> i64 {
        match self {
            EncoderSpec::Iresnet { .. } => encoder::EMBEDDING,
            EncoderSpec::Dlib => dlib_encoder::EMBEDDING,
        }
    }

    /// Side in pixels of the faces it was trained on.
    pub fn side(self) -> i64 {
        match self {
            EncoderSpec::Iresnet { .. } => encoder::SIDE,
            EncoderSpec::Dlib => dlib_encoder::SIDE,
        }
    }
}

/// A face encoder, always in eval mode.
pub struct FaceEncoder {
    network: Network,
    side: i64,
}

enum Network {
    Iresnet(Encoder),
    Dlib(DlibEncoder),
}

impl FaceEncoder {
    /// All parameters under `root`. It is shown faces of `side` x `side` pixels.
    pub fn new(root: &nn::Path, spec: EncoderSpec, side: i64) -> Self {
        let network = match spec {
            EncoderSpec::Iresnet { depth, pooling } => Network::Iresnet(Encoder::new(root, depth, pooling)),
            EncoderSpec::Dlib => Network::Dlib(DlibEncoder::new(root)),
        };
        FaceEncoder { network, side }
    }

    /// Switches to the compiled form (CPU). Later changes of the weights no longer take effect.
    pub fn compile(&mut self) {
        match &mut self.network {
            Network::Iresnet(network) => network.compile(),
            Network::Dlib(network) => network.compile(),
        }
    }

    /// Embeddings `[n, width]` of face crops `[n, 3, h, w]` of any size, RGB, 0..1; no gradient.
    pub fn embed(&self, faces: &Tensor) -> Tensor {
        tch::no_grad(|| {
            let faces = faces.upsample_bilinear2d([self.side; 2], false, None, None);
            match &self.network {
                Network::Iresnet(network) => network.embed(&((faces - 0.5) / 0.5)),
                Network::Dlib(network) => network.embed(&faces),
            }
        })
    }
}
