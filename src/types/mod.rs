//! Plain data that all rooms share, with its invariants and nothing else.

mod face;
mod image;
mod label;
mod video_status;

pub use face::{BBox, DetectedFace};
pub use image::{Frame, RgbImage, Window};
pub use label::{Label, LabelError};
pub use video_status::VideoStatus;
