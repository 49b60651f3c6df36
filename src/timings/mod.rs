//! Where a run's time goes.
//!
//! The stages of a run are spans of [`tracing`] under the target [`TARGET`]: `stage!` opens one, and it
//! lasts until its guard is dropped. Without a listener they cost next to nothing. [`StageClock`] is a listener that adds
//! up, for each thread, how long each stage was open, without the stages inside it; [`Timings`] is what it found, with the
//! processor time of every thread and of the decoders beside it, so that waiting shows as what it is.

mod clock;
mod processor;
mod report;

pub use clock::StageClock;
pub use report::{StageTime, ThreadTime, Timings};

/// The target of the spans that are stages.
pub const TARGET: &str = "sbi::stage";

/// Begins a stage on this thread; it ends when what this returns is dropped.
macro_rules! stage {
    ($name:literal) => {
        tracing::info_span!(target: $crate::timings::TARGET, $name).entered()
    };
}
pub(crate) use stage;
