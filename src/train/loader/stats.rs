//! What an epoch's loader tells about itself.

use super::maker::MadePair;
use crate::blending::kinds::Kind;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// From this share of replaced pairs on, a run should say so loudly.
const MANY_REPLACED: f64 = 0.1;
/// Reasons for replacements that are kept word for word.
const KEPT_REASONS: usize = 20;

/// What happened in an epoch so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoaderStats {
    /// How many pairs were handed out.
    pub pairs: usize,
    /// How many of them stand for a frame that gave none.
    pub replaced: usize,
    /// Why, for the first few.
    pub reasons: Vec<String>,
    /// How many pairs are of another kind of forgery because their frames have nothing for the one that was drawn.
    pub other_kinds: usize,
    /// The first such kind.
    pub missing: Option<Kind>,
    /// How long the consumer waited for batches.
    pub waited: Duration,
}

impl LoaderStats {
    /// What the loaders of several processes tell together; the longest wait is that of all.
    pub fn joined(parts: impl IntoIterator<Item = LoaderStats>) -> LoaderStats {
        parts.into_iter().fold(LoaderStats::default(), |mut all, part| {
            all.pairs += part.pairs;
            all.replaced += part.replaced;
            let room = KEPT_REASONS.saturating_sub(all.reasons.len());
            all.reasons.extend(part.reasons.into_iter().take(room));
            all.other_kinds += part.other_kinds;
            all.missing = all.missing.or(part.missing);
            all.waited = all.waited.max(part.waited);
            all
        })
    }

    /// Counts a pair that has been made.
    pub(super) fn count(&mut self, made: MadePair) {
        self.replaced += usize::from(made.is_replacement());
        self.other_kinds += usize::from(made.instead_of.is_some());
        self.missing = self.missing.or(made.instead_of);
        let room = KEPT_REASONS.saturating_sub(self.reasons.len());
        self.reasons.extend(made.failed.into_iter().take(room));
    }

    /// A line for the user where kinds of forgery were drawn that frames have nothing for.
    pub fn kinds_note(&self) -> Option<String> {
        self.missing.map(|kind| {
            let nothing = match kind {
                Kind::Counterpart => "their frames have no counterparts",
                _ => "there is no frame of anybody else",
            };
            let (others, pairs) = (self.other_kinds, self.pairs);
            format!(
                "{others} of {pairs} training pairs are of another kind of forgery than {kind}: {nothing}"
            )
        })
    }

    /// A line for the user where too many frames gave no pair.
    pub fn warning(&self) -> Option<String> {
        let share = self.replaced as f64 / self.pairs.max(1) as f64;
        (share > MANY_REPLACED).then(|| {
            let reason = self.reasons.first().map_or("", String::as_str);
            format!(
                "{} of {} training pairs ({:.0} %) could not be used and were replaced by others; first: {reason}",
                self.replaced,
                self.pairs,
                100.0 * share
            )
        })
    }
}
