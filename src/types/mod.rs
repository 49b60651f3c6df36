//! Plain data types that all other modules share: frames, masks, boxes, landmarks, labels, and their invariants.

mod face;
mod image;
mod label;
mod landmarks;
mod mask;
mod shard;
mod video_status;

pub use face::{BBox, DetectedFace, FACE_SIDE, FaceBox};
pub use image::{Frame, RgbImage, Window};
pub use label::{Label, LabelError};
pub use landmarks::{LandmarkCountError, Landmarks};
pub use mask::Mask;
pub use shard::{Shard, ShardError};
pub use video_status::VideoStatus;
