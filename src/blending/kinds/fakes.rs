//! How often each kind of forgery is made.

use super::{Available, Kind};
use crate::rng::SampleRng;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How often each kind of forgery is made, as weights of at least 0 of which one is above it. The default is
/// self-blending alone, as published.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fakes {
    /// The face blended with a changed copy of itself ([`Kind::SelfBlend`]).
    #[serde(rename = "self")]
    pub self_blend: f64,
    /// Another person's face ([`Kind::Swap`]).
    pub swap: f64,
    /// What another program made of the face ([`Kind::Counterpart`]).
    pub counterpart: f64,
    /// Mouth and chin only ([`Kind::Mouth`]).
    pub mouth: f64,
    /// Everything, as if a generator had made it ([`Kind::Whole`]).
    pub whole: f64,
    /// Fine structures of another origin ([`Kind::Frequency`]).
    pub frequency: f64,
}

impl Default for Fakes {
    fn default() -> Self {
        Fakes { self_blend: 1.0, swap: 0.0, counterpart: 0.0, mouth: 0.0, whole: 0.0, frequency: 0.0 }
    }
}

impl fmt::Display for Fakes {
    /// The kinds that have a weight, with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weighing = Kind::ALL.into_iter().filter(|kind| self.weight(*kind) > 0.0);
        let parts: Vec<String> = weighing.map(|kind| format!("{kind} {}", self.weight(kind))).collect();
        f.write_str(&parts.join(", "))
    }
}

/// A kind that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnKind {
    /// The kind to make.
    pub kind: Kind,
    /// The kind that was drawn first and that this frame has nothing for.
    pub instead_of: Option<Kind>,
}

impl Fakes {
    /// One kind alone.
    pub fn only(kind: Kind) -> Fakes {
        let mut fakes = Fakes { self_blend: 0.0, ..Fakes::default() };
        *fakes.weight_mut(kind) = 1.0;
        fakes
    }

    fn weight_mut(&mut self, kind: Kind) -> &mut f64 {
        match kind {
            Kind::SelfBlend => &mut self.self_blend,
            Kind::Swap => &mut self.swap,
            Kind::Counterpart => &mut self.counterpart,
            Kind::Mouth => &mut self.mouth,
            Kind::Whole => &mut self.whole,
            Kind::Frequency => &mut self.frequency,
        }
    }

    /// The weight of a kind.
    pub fn weight(&self, kind: Kind) -> f64 {
        let mut fakes = *self;
        *fakes.weight_mut(kind)
    }

    /// Whether all is self-blending, so that nothing needs to be drawn.
    pub fn is_published(&self) -> bool {
        Kind::ALL.into_iter().all(|kind| kind == Kind::SelfBlend || self.weight(kind) <= 0.0)
    }

    /// Draws a kind; where there is nothing to make it of, one of the others, and self-blending where none has a weight.
    pub(in super::super) fn draw(&self, rng: &mut SampleRng, available: Available) -> DrawnKind {
        let first = self.draw_among(rng, |_| true);
        if available.allows(first) {
            return DrawnKind { kind: first, instead_of: None };
        }
        DrawnKind { kind: self.draw_among(rng, |kind| available.allows(kind)), instead_of: Some(first) }
    }

    fn draw_among(&self, rng: &mut SampleRng, among: impl Fn(Kind) -> bool) -> Kind {
        let weights =
            || Kind::ALL.into_iter().filter(|&kind| among(kind)).map(|kind| (kind, self.weight(kind)));
        let mut left = rng.random_range(0.0..1.0) * weights().map(|(_, weight)| weight).sum::<f64>();
        let mut last = Kind::SelfBlend;
        for (kind, weight) in weights().filter(|(_, weight)| *weight > 0.0) {
            if left < weight {
                return kind;
            }
            left -= weight;
            last = kind;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, generator};

    const ALL: Available = Available { counterparts: true, donors: true };

    #[test]
    fn kinds_come_as_often_as_their_weights_say() {
        let fakes = Fakes { swap: 2.0, mouth: 1.0, ..Fakes::default() };
        let mut rng = generator(5, 0, 0, Purpose::Sample);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..8000 {
            let drawn = fakes.draw(&mut rng, ALL);
            assert_eq!(drawn.instead_of, None);
            *counts.entry(drawn.kind).or_insert(0u32) += 1;
        }
        // 2000, 4000 and 2000, within five standard deviations.
        let expected = [(Kind::SelfBlend, 2000u32), (Kind::Swap, 4000), (Kind::Mouth, 2000)];
        assert_eq!(counts.len(), expected.len());
        assert!(expected.iter().all(|(kind, count)| counts[kind].abs_diff(*count) < 225), "{counts:?}");
    }

    #[test]
    fn what_there_is_nothing_for_becomes_another_kind_and_says_so() {
        let none = Available { counterparts: false, donors: false };
        let mut rng = generator(5, 0, 1, Purpose::Sample);
        let only = Fakes { self_blend: 0.0, counterpart: 1.0, ..Fakes::default() };
        let drawn = only.draw(&mut rng, none);
        assert_eq!(drawn, DrawnKind { kind: Kind::SelfBlend, instead_of: Some(Kind::Counterpart) });
        let two = Fakes { whole: 1.0, ..only };
        for _ in 0..50 {
            assert_eq!(two.draw(&mut rng, none).kind, Kind::Whole);
        }
    }

    #[test]
    fn the_default_is_the_published_one() {
        assert!(Fakes::default().is_published());
        assert!(!Fakes { swap: 0.1, ..Fakes::default() }.is_published());
        let read: Fakes = serde_json::from_str(r#"{"self": 2}"#).unwrap();
        assert_eq!(read, Fakes { self_blend: 2.0, ..Fakes::default() });
        assert!(serde_json::from_str::<Fakes>(r#"{"swop": 2}"#).is_err());
    }
}
