//! How far a job is, for whoever asks.

use crate::progress::Progress;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Notes of a job that are kept.
const NOTES: usize = 20;

/// A [`Progress`] that remembers.
#[derive(Default)]
pub(super) struct Telling {
    done: AtomicUsize,
    total: AtomicUsize,
    notes: Mutex<Vec<String>>,
}

impl Telling {
    /// Frames that were looked at, and how many there will be at least; 0 of 0 until the first.
    pub fn frames(&self) -> (usize, usize) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// What a person should know.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Progress for Telling {
    fn begin(&self, _: usize, _: &str) {}

    fn advance(&self, _: &str) {}

    fn part(&self, _: &str, done: usize, total: usize, _: &str) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    fn note(&self, message: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < NOTES {
            notes.push(message.to_owned());
        }
    }

    fn end(&self) {}
}
