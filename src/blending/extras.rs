//! What training may add to the published pairs.

/// What goes beyond the published way of making pairs. [`Extras::default`] adds nothing: pairs are as published.
///
/// Photographs are sharp and swaps are not all self-blends: whoever trains on other data than the papers' needs these.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// How often both images of a pair are shrunk and compressed alike, 0..=1
    /// ([`Degradation`](super::degradation::Degradation)).
    pub degradation: f64,
}
