//! What a weight file holds that is no forgery detector.

use std::fmt;

/// The network in a file where a forgery detector was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherNetwork {
    /// An EfficientNet without a detector's head: ImageNet weights, to start training from.
    Backbone,
    /// A RetinaFace, which finds faces.
    FaceDetector,
    /// An ArcFace encoder, which guides EG's training.
    FaceEncoder,
    /// An EfficientNet whose size is none of the known ones.
    UnknownSize {
        /// Number of its blocks.
        blocks: usize,
        /// Channels of its last layer before the pooling, if that layer is there.
        features: Option<usize>,
    },
    /// An EfficientNet whose names begin with something that is not known here.
    Prefixed {
        /// What stands before the names.
        prefix: String,
    },
    /// Tensors of a network that is not known here.
    Unknown {
        /// Number of entries in the state dict.
        entries: usize,
        /// The names of the first few.
        first: Vec<String>,
    },
}

impl fmt::Display for OtherNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OtherNetwork::Backbone => {
                f.write_str("a bare EfficientNet (ImageNet weights, to start training from)")
            }
            OtherNetwork::FaceDetector => f.write_str("a RetinaFace face detector"),
            OtherNetwork::FaceEncoder => f.write_str("an ArcFace face encoder"),
            OtherNetwork::UnknownSize { blocks, features } => {
                let features = features.map_or("no".to_owned(), |features| features.to_string());
                write!(
                    f,
                    "an EfficientNet with {blocks} blocks and {features} features, which is none of b0 to b7 and lite0 to lite2"
                )
            }
            OtherNetwork::Prefixed { prefix } => write!(
                f,
                "an EfficientNet whose names begin with `{prefix}`; such parts as `module.`, `_orig_mod.`, `model.` and `net.` are taken off, others must be before the file is saved"
            ),
            OtherNetwork::Unknown { entries, first } => {
                write!(f, "another network ({entries} entries: {}, …)", first.join(", "))
            }
        }
    }
}
