//! Who is in a video: the faces of its frames, grouped into persons.
//!
//! Faces of neighbouring frames belong together where position and size settle it: within a scene, one face near the
//! other and no third one about. Everything else is settled by looks, dlib's 128 numbers of a face, whose authors take two
//! faces for one person up to a distance of 0.6. Looks cost several times what a position does, so only faces that their
//! position does not settle are looked at, and of those that it does every eighth, so that a person is known from all sides.
//! A place that is settled is never overruled by looks: a face that becomes another one within a scene has been swapped, and
//! belongs to the person whose it was. Without the network position alone decides, which whoever asks has to say.
//!
//! Two faces of one frame are always two persons. Everything here is pure: sightings in, groups out.

mod embedding;
mod encoder;
mod grouping;
mod merging;
mod person;

pub use embedding::Embedding;
pub use encoder::{FaceLooks, LooksEncoder};
pub use grouping::{Grouper, Moment, Sighting, group};
pub use person::{MIN_SIDE, Person, Stray, persons};

/// So many frames must show what is to be more than a glimpse, where there were more.
pub const MIN_FRAMES: usize = 3;

/// How many of `all` are enough, where one in `divisor` is asked for: at least [`MIN_FRAMES`], and all of few.
pub fn enough(all: usize, divisor: usize) -> usize {
    all.div_ceil(divisor).max(MIN_FRAMES).min(all)
}
