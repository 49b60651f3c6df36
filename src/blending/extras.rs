//! What training may add to the published pairs.

use super::codec::ENCODERS;
use super::kinds::Fakes;
use crate::video::{RecompressionError, require_encoders};
use std::fmt;

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
    /// How often the frame that a face is put into has a past of its own, 0..=1 ([`Past`](super::past::Past)).
    pub past: f64,
    /// How often both images of a pair are shown in other light, 0..=1 ([`Light`](super::light::Light)).
    pub light: f64,
    /// How often each kind of forgery is made.
    pub fakes: Fakes,
}

impl fmt::Display for Extras {
    /// What is added, as a list that ends with a sentence's noun phrase; nothing for published pairs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |share: f64, what: &str| (share > 0.0).then(|| format!("{share} of them {what}"));
        let kinds = (!self.fakes.is_published()).then(|| format!("kinds of forgery {}", self.fakes));
        let parts = [
            share(self.degradation, "degraded"),
            share(self.codec, "through a video encoder"),
            share(self.past, "put into frames with a past"),
            share(self.light, "in other light"),
            kinds,
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<String>>().join(", "))
    }
}

impl Extras {
    /// Fails when these need something that is not there: pairs are the same everywhere, or there are none.
    pub fn check(&self) -> Result<(), RecompressionError> {
        if self.codec > 0.0 || self.past > 0.0 { require_encoders(&ENCODERS) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_told_and_nothing_else() {
        assert_eq!(Extras::default().to_string(), "");
        let fakes = serde_json::from_str(r#"{"self": 2, "swap": 1}"#).unwrap();
        let extras = Extras { codec: 0.75, fakes, ..Extras::default() };
        assert_eq!(
            extras.to_string(),
            "0.75 of them through a video encoder, kinds of forgery self 2, swap 1"
        );
    }
}
