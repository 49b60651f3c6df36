//! How a stage tells what it is doing and learns that it should stop.

use std::sync::atomic::{AtomicBool, Ordering};

/// Receives a stage's progress; the binary draws bars, tests listen, [`Silent`] ignores it.
pub trait Progress {
    /// Work begins: `total` things called `unit` ("videos").
    fn begin(&self, total: usize, unit: &str);
    /// One of them is done, well or badly; `name` is what it was.
    fn advance(&self, name: &str);
    /// Something a person should know, in one line.
    fn note(&self, message: &str);
    /// Work has ended, or was broken off.
    fn end(&self);
}

/// Says nothing.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: usize, _: &str) {}
    fn advance(&self, _: &str) {}
    fn note(&self, _: &str) {}
    fn end(&self) {}
}

/// A wish to stop, set from anywhere (a signal handler), looked at between frames.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// Not cancelled.
    pub const fn new() -> Self {
        Cancel(AtomicBool::new(false))
    }

    /// Asks the stage to drop its current item and come back with what is done.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
