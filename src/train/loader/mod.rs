//! Batches of training pairs, made ahead of training on threads of their own.
//!
//! What a pair looks like depends on (seed, epoch, position of the pair in the epoch) and on nothing else: not on
//! the number of threads, nor on where a resumed run starts. A frame that gives no pair is replaced by another one,
//! drawn by the same rule, and counted.

mod epoch;
mod maker;
mod stats;
#[cfg(test)]
mod tests;

pub use epoch::EpochBatches;
pub use stats::LoaderStats;

use crate::blending::{Extras, Phase};
use crate::prepared_frames::FrameFiles;
use crate::rng::{Purpose, generator};
use crate::training_pairs::{self, FramePool};
use maker::PairMaker;
use rand::seq::SliceRandom;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use tch::{Device, Tensor};

/// How batches are made.
#[derive(Clone, Debug, PartialEq)]
pub struct LoaderConfig {
    /// Pairs in a batch.
    pub pairs: usize,
    /// Side of the images in pixels.
    pub image_size: usize,
    /// Training draws and shuffles anew in each epoch; validation has the same pairs in the same order in all.
    pub phase: Phase,
    /// What pairs have beyond the published ones.
    pub extras: Extras,
    /// The run's seed.
    pub seed: u64,
    /// Threads that make pairs.
    pub threads: usize,
    /// Batches under way at the same time, which bounds memory.
    pub read_ahead: usize,
    /// Whether masks are made as well.
    pub masks: bool,
    /// Whether the last batch of an epoch is dropped if it is not full.
    pub drop_last: bool,
    /// What of it this process makes.
    pub deal: Deal,
    /// Where batches will go: for CUDA they are put into pinned memory.
    pub device: Device,
}

/// How batches are dealt out to processes that train together. What a pair looks like depends on its place in the whole
/// batch, so it is the same whoever makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deal {
    /// One process makes all.
    #[default]
    All,
    /// Each makes its part of every batch: process `rank` of `size`.
    Pairs {
        /// This process's number.
        rank: usize,
        /// How many there are.
        size: usize,
    },
    /// Each makes every `size`-th batch as a whole, from number `rank` on.
    Batches {
        /// This process's number.
        rank: usize,
        /// How many there are.
        size: usize,
    },
}

impl Deal {
    /// The pairs of a batch of `count` that this process makes.
    fn pairs(self, count: usize) -> Range<usize> {
        match self {
            Deal::Pairs { rank, size } => rank * count / size..(rank + 1) * count / size,
            Deal::All | Deal::Batches { .. } => 0..count,
        }
    }

    /// The numbers of this process's batches among `batches`, from `first` on.
    fn batches(self, first: usize, batches: usize) -> Vec<usize> {
        match self {
            Deal::Batches { rank, size } => (first..batches).filter(|batch| batch % size == rank).collect(),
            Deal::All | Deal::Pairs { .. } => (first..batches).collect(),
        }
    }
}

/// The training pairs of one batch, or of this process's part of it.
#[derive(Debug)]
pub struct PairBatch {
    /// `[pairs, 3, image_size, image_size]`, float32 on the CPU, RGB, 0..=1.
    pub real: Tensor,
    /// The fakes made of the same faces, in the same form.
    pub fake: Tensor,
    /// The share of the source in each pixel of the fakes, `[pairs, 1, image_size, image_size]`, float32, 0..=1; `None`
    /// where nobody asked for it.
    pub masks: Option<Tensor>,
    /// The frame each pair was made of.
    pub frames: Vec<PathBuf>,
    /// How many pairs stand for a frame that gave none.
    pub replaced: usize,
    /// The batch's number in the epoch.
    pub number: usize,
    /// Place of the first pair in the whole batch.
    pub first: usize,
    /// Pairs of the whole batch.
    pub whole: usize,
}

/// Why no batch came.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// One frame after the other gave no pair.
    #[error("{attempts} frames in a row gave no pair; the last of them")]
    NothingUsable {
        /// How many were tried.
        attempts: usize,
        /// What was wrong with the last one.
        #[source]
        cause: training_pairs::Error,
    },
    /// A thread ended before its time, most likely for want of memory.
    #[error(
        "a thread that makes training pairs has stopped: fewer threads or a smaller batch need less memory"
    )]
    Stopped,
    /// libtorch refused, most likely for want of memory.
    #[error("a batch could not be made")]
    Tensor(#[from] tch::TchError),
}

/// Makes the batches of epochs from a list of frames.
pub struct Loader {
    pool: Arc<FramePool>,
    config: LoaderConfig,
}

impl Loader {
    /// # Panics
    /// Without frames, and with a batch, image side, number of threads or read-ahead of 0.
    pub fn new(frames: Vec<FrameFiles>, config: LoaderConfig) -> Self {
        assert!(!frames.is_empty(), "a loader needs frames");
        let LoaderConfig { pairs, image_size, threads, read_ahead, .. } = config;
        assert!(pairs > 0 && image_size > 0 && threads > 0 && read_ahead > 0, "{config:?}");
        Loader { pool: Arc::new(FramePool::new(frames)), config }
    }

    /// A loader of the same frames that makes its batches otherwise. What is known of the frames is known to both.
    pub fn otherwise(&self, config: LoaderConfig) -> Self {
        Loader { pool: Arc::clone(&self.pool), config }
    }

    /// How its batches are made.
    pub fn config(&self) -> &LoaderConfig {
        &self.config
    }

    /// The frames of an epoch, in the order of the list.
    pub fn frames(&self) -> &[FrameFiles] {
        self.pool.frames()
    }

    /// Batches in an epoch.
    pub fn batches(&self) -> usize {
        match self.config.drop_last {
            true => self.frames().len() / self.config.pairs,
            false => self.frames().len().div_ceil(self.config.pairs),
        }
    }

    /// The batches of an epoch, from number `first_batch` on, as far as they are dealt to this process.
    pub fn epoch(&self, epoch: u64, first_batch: usize) -> EpochBatches {
        let LoaderConfig { phase, seed, .. } = self.config;
        let mut order: Vec<usize> = (0..self.frames().len()).collect();
        // Validation shows the same pairs in each epoch.
        let epoch = if phase == Phase::Train { epoch } else { 0 };
        if phase == Phase::Train {
            order.shuffle(&mut generator(seed, epoch, 0, Purpose::Order));
        }
        let maker = PairMaker { pool: Arc::clone(&self.pool), config: self.config.clone(), epoch };
        let batches = self.config.deal.batches(first_batch, self.batches());
        EpochBatches::start(maker, order, batches)
    }
}
