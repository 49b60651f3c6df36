//! What training may add to the published pairs.

use super::codec::ENCODERS;
use super::kinds::Fakes;
use crate::video::{RecompressionError, require_encoders};

/// What goes beyond the published way of making pairs. [`Extras::default`] adds nothing: pairs are as published.
///
/// Photographs are sharp and swaps are not all self-blends: whoever trains on other data than the papers' needs these.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// How often both images of a pair are shrunk and compressed alike, 0..=1
    /// ([`Degradation`](super::degradation::Degradation)).
    pub degradation: f64,
    /// How often both images of a pair go through the same video encoder, 0..=1
    /// ([`CodecStep`](super::codec::CodecStep)).
    pub codec: f64,
    /// How often each kind of forgery is made.
    pub fakes: Fakes,
}

impl Extras {
    /// Fails when these need something that is not there: pairs are the same everywhere, or there are none.
    pub fn check(&self) -> Result<(), RecompressionError> {
        if self.codec > 0.0 { require_encoders(&ENCODERS) } else { Ok(()) }
    }
}
