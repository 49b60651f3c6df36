//! The batches of one epoch: work handed out ahead, results put together in order.

use super::maker::{PairDone, PairJob, PairMaker};
use super::{LoaderConfig, LoaderError, LoaderStats, PairBatch};
use crate::training_pairs::FramePool;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;
use tch::{Device, Kind, Tensor};

/// A batch, or a part of one, that is being filled.
pub struct Filling {
    /// Place of its first pair in the whole batch, and how many pairs that has.
    first: usize,
    whole: usize,
    real: Tensor,
    fake: Tensor,
    masks: Option<Tensor>,
    missing: usize,
    replaced: usize,
    frames: Vec<usize>,
}

/// The batches of one epoch, in order. Dropping it stops the threads.
pub struct EpochBatches {
    config: LoaderConfig,
    pool: Arc<FramePool>,
    order: Vec<usize>,
    /// Numbers of the batches.
    batches: Vec<usize>,
    /// How many of them have been handed out.
    next: usize,
    /// How many of them threads know of.
    issued: usize,
    jobs: Option<Sender<PairJob>>,
    done: Receiver<PairDone>,
    pub(super) under_way: BTreeMap<usize, Filling>,
    threads: Vec<JoinHandle<()>>,
    stats: LoaderStats,
    failure: Option<LoaderError>,
}

impl EpochBatches {
    /// Starts the threads. `order`: the frames of the epoch as they come; `batches`: the numbers of batches to make.
    pub(super) fn start(maker: PairMaker, order: Vec<usize>, batches: Vec<usize>) -> Self {
        let maker = Arc::new(maker);
        let (jobs, queue) = unbounded();
        let (results, done) = unbounded();
        let threads = (0..maker.config.threads)
            .map(|_| {
                let (maker, queue, results) = (Arc::clone(&maker), queue.clone(), results.clone());
                std::thread::spawn(move || maker.work(&queue, &results))
            })
            .collect();
        let mut epoch = EpochBatches {
            config: maker.config.clone(),
            pool: Arc::clone(&maker.pool),
            order,
            batches,
            next: 0,
            issued: 0,
            jobs: Some(jobs),
            done,
            under_way: BTreeMap::new(),
            threads,
            stats: LoaderStats::default(),
            failure: None,
        };
        epoch.issue();
        epoch
    }

    /// What happened so far.
    pub fn stats(&self) -> &LoaderStats {
        &self.stats
    }

    /// Gives the threads what they may work on while the consumer has the next batch.
    fn issue(&mut self) {
        while self.failure.is_none()
            && self.issued < self.batches.len()
            && self.issued < self.next + self.config.read_ahead
        {
            if let Err(error) = self.issue_batch(self.batches[self.issued]) {
                self.failure = Some(error);
            }
            self.issued += 1;
        }
    }

    fn issue_batch(&mut self, batch: usize) -> Result<(), LoaderError> {
        let start = batch * self.config.pairs;
        let whole = self.order.len().min(start + self.config.pairs) - start;
        let own = self.config.deal.pairs(whole);
        let first = start + own.start;
        let frames = self.order[first..start + own.end].to_vec();
        let (n, side) = (frames.len() as i64, self.config.image_size as i64);
        let room = || -> Result<Tensor, LoaderError> {
            let tensor = Tensor::f_empty([n, 3, side, side], (Kind::Float, Device::Cpu))?;
            match self.config.device.is_cuda() {
                true => Ok(tensor.f_pin_memory(self.config.device)?),
                false => Ok(tensor),
            }
        };
        let (real, fake) = (room()?, room()?);
        let masks = match self.config.masks {
            true => Some(Tensor::f_empty([n, 1, side, side], (Kind::Float, Device::Cpu))?),
            false => None,
        };
        let jobs = self.jobs.as_ref().expect("there until this is dropped");
        for (slot, &frame) in frames.iter().enumerate() {
            let view = |of: &Tensor| of.f_get(slot as i64);
            let (real, fake) = (view(&real)?, view(&fake)?);
            let mask = masks.as_ref().map(view).transpose()?;
            let job = PairJob { batch, slot, position: (first + slot) as u64, frame, real, fake, mask };
            jobs.send(job).map_err(|_| LoaderError::Stopped)?;
        }
        let (missing, replaced) = (frames.len(), 0);
        let filling = Filling { first: own.start, whole, real, fake, masks, missing, replaced, frames };
        self.under_way.insert(batch, filling);
        Ok(())
    }

    fn receive(&mut self) -> Result<(), LoaderError> {
        let waiting = Instant::now();
        let done = self.done.recv().map_err(|_| LoaderError::Stopped);
        self.stats.waited += waiting.elapsed();
        let done = done?;
        let made = done.result?;
        let filling = self.under_way.get_mut(&done.batch).expect("a batch is there until it is full");
        filling.missing -= 1;
        filling.replaced += usize::from(made.is_replacement());
        filling.frames[done.slot] = made.frame;
        self.stats.count(made);
        Ok(())
    }
}

impl Iterator for EpochBatches {
    type Item = Result<PairBatch, LoaderError>;

    /// The next batch; after an error, none.
    fn next(&mut self) -> Option<Self::Item> {
        let number = *self.batches.get(self.next)?;
        while self.under_way.get(&number).is_none_or(|filling| filling.missing > 0) {
            let failed = match self.failure.take() {
                Some(error) => Err(error),
                None => self.receive(),
            };
            if let Err(error) = failed {
                self.next = self.batches.len();
                return Some(Err(error));
            }
        }
        let Filling { first, whole, real, fake, masks, replaced, frames, .. } =
            self.under_way.remove(&number).expect("full just now");
        self.next += 1;
        self.issue();
        self.stats.pairs += frames.len();
        let frames = frames.into_iter().map(|frame| self.pool.frames()[frame].frame.clone()).collect();
        Some(Ok(PairBatch { real, fake, masks, frames, replaced, number, first, whole }))
    }
}

impl Drop for EpochBatches {
    fn drop(&mut self) {
        self.jobs = None;
        // What is queued need not be made.
        self.done = crossbeam_channel::never();
        for thread in self.threads.drain(..) {
            // A panic there has been seen as a missing result.
            let _ = thread.join();
        }
    }
}
