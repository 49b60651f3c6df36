//! How a stage reports what it is doing, and how it is asked to stop.

use std::sync::atomic::{AtomicBool, Ordering};

/// Receives a stage's progress; the binary draws bars, tests listen, [`Silent`] ignores it. It may be
/// told from several threads.
pub trait Progress: Sync {
    /// Work begins: `total` things called `unit` ("videos").
    fn begin(&self, total: usize, unit: &str);
    /// One of them is done, well or badly; `name` is what it was.
    fn advance(&self, name: &str);
    /// The current one is under way: `done` of at least `total` parts of it ("frames") are done.
    fn part(&self, _name: &str, _done: usize, _total: usize, _unit: &str) {}
    /// Something a person should know, in one line.
    fn note(&self, message: &str);
    /// Work has ended, or was broken off.
    fn end(&self);
}

/// A [`Progress`] that ignores everything.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: usize, _: &str) {}
    fn advance(&self, _: &str) {}
    fn note(&self, _: &str) {}
    fn end(&self) {}
}

/// A request to stop, which a signal handler may set. Stages look at it between frames.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// A request that has not been made yet.
    pub const fn new() -> Self {
        Cancel(AtomicBool::new(false))
    }

    /// Asks the stage to drop its current item and come back with what is done.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether stopping has been requested.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
