//! The training loop: steps, validation, what is kept, in the order in which things happen.

use super::RunEnd;
use super::agree::{self, PathBytes};
use super::start::Run;
use crate::Result;
use crate::atomic_file;
use crate::progress::Cancel;
use crate::timings::stage;
use crate::train::TrainError;
use crate::train::config::Config;
use crate::train::first_batch;
use crate::train::loader::{LoaderStats, PairBatch};
use crate::train::out_of_memory::unless_out_of_memory;
use crate::train::step::{StepReport, StepSetting, train_step_among};
use crate::train::validation::{Validation, Validator};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long an epoch's training took, as far as this program did it: validation, and steps before a resumption, not
/// counted.
pub(super) struct EpochTiming {
    pub training: Duration,
    /// Part of it in which no batch was ready.
    pub waiting: Duration,
    /// Training pairs seen in it.
    pub pairs: usize,
}

impl Run<'_> {
    /// Trains the epochs that are left.
    pub fn train(&mut self, cancel: &Cancel) -> Result<RunEnd> {
        let position = &self.state.position;
        let left = self.config.epoch.saturating_sub(position.epoch) * self.steps_per_epoch();
        self.progress.begin(left.saturating_sub(position.step), "steps");
        let end = self.epochs(cancel);
        self.progress.end();
        end
    }

    fn epochs(&mut self, cancel: &Cancel) -> Result<RunEnd> {
        loop {
            let epoch = self.state.position.epoch;
            if epoch >= self.config.epoch {
                return Ok(RunEnd::Complete);
            }
            if let Some(patience) =
                self.config.early_stop.filter(|&patience| self.log.epochs_since_best() >= patience)
            {
                self.progress.note(&format!("stopped: no better epoch in the last {patience}"));
                return Ok(RunEnd::StoppedEarly);
            }
            if self.among.ranks().any(cancel.is_requested())? {
                return Ok(RunEnd::Interrupted);
            }

            let Some(timing) = self.steps(cancel)? else { return Ok(RunEnd::Interrupted) };
            self.join_statistics()?;
            let validation = if self.validates_after(epoch) { Some(self.validate()?) } else { None };
            self.keep_epoch(validation, &timing)?;
        }
    }

    /// Steps of the optimiser in an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.config.steps(self.train.batches())
    }

    /// The learning rate of the step that comes next.
    pub fn next_lr(&self) -> f64 {
        let position = &self.state.position;
        self.config.learning_rate(position.epoch, position.step, self.steps_per_epoch())
    }

    /// The steps of the epoch that are left. `None`: broken off, with all saved.
    fn steps(&mut self, cancel: &Cancel) -> Result<Option<EpochTiming>> {
        let started = Instant::now();
        let (epoch, steps) = (self.state.position.epoch, self.steps_per_epoch());
        let accumulate = self.config.optim.accumulate;
        let mut batches = self.train.epoch(epoch as u64, self.state.position.step * accumulate);
        while self.state.position.step < steps {
            let waiting = stage!("waiting for pairs");
            let of_step = batches.by_ref().take(accumulate).collect::<Result<Vec<_>, _>>()?;
            drop(waiting);
            if let (0, Some(first)) = (self.state.position.steps, of_step.first()) {
                self.show(first)?;
            }
            let stepping = stage!("steps");
            let report = self.step(&of_step, cancel.is_requested())?;
            self.state.after_step(&report);
            drop(stepping);
            self.progress.advance(&format!("epoch {}, loss {:.4}", epoch + 1, report.loss));
            let StepReport { loss, gradient_norm, .. } = report;
            tracing::debug!(epoch, step = self.state.position.step, loss, gradient_norm);
            // Of several processes all must stop after the same step.
            let stop = if self.among.ranks().is_alone() { cancel.is_requested() } else { report.stop };
            if stop && self.state.position.step < steps {
                self.join_statistics()?;
                self.save()?;
                return Ok(None);
            }
        }
        let stats = self.joined(batches.stats())?;
        self.warn_after_steps(&stats);
        Ok(Some(EpochTiming { training: started.elapsed(), waiting: stats.waited, pairs: stats.pairs }))
    }

    /// Writes the sheet of the first batch, of which each process has a part.
    fn show(&self, batch: &PairBatch) -> Result<()> {
        let ranks = self.among.ranks();
        let pixels = ranks.gather(&first_batch::shown(batch))?.concat();
        if ranks.is_first() {
            first_batch::write_sheet(&self.folder.first_batch(), &pixels, self.config.image_size)?;
        }
        Ok(())
    }

    /// What all processes' loaders tell.
    fn joined(&self, own: &LoaderStats) -> Result<LoaderStats> {
        let ranks = self.among.ranks();
        if ranks.is_alone() {
            return Ok(own.clone());
        }
        Ok(LoaderStats::joined(agree::gather(ranks, own)?))
    }

    /// Makes running statistics the same in all processes, where each has had its own.
    fn join_statistics(&mut self) -> Result<()> {
        let ranks = self.among.ranks();
        if !ranks.is_alone() && !self.config.data.sync_batch_norm {
            self.state.join_statistics(ranks)?;
        }
        Ok(())
    }

    /// One step on its batches. Fails where loss or gradient are not finite, memory runs out, or a process is lost: the run
    /// then ends, and its file is that of the last save. `stop`: whether this process is asked to stop.
    fn step(&mut self, batches: &[PairBatch], stop: bool) -> Result<StepReport> {
        let lr = self.next_lr();
        let ranks = self.among.ranks();
        let Run { config, state, precision, among, .. } = self;
        let setting = StepSetting {
            lr,
            seed: config.seed,
            epoch: state.position.epoch as u64,
            step: state.position.step as u64,
            precision: *precision,
            scale: state.position.scale,
            stop,
        };
        let step = || train_step_among(among, &state.model, &mut state.optimiser, batches, &setting);
        let report = ranks.guarded(|| unless_out_of_memory(step))?;
        let report = report.ok_or_else(|| self.out_of_memory())??;
        if !report.is_finite() {
            return Err(self.not_finite(batches)?.into());
        }
        Ok(report)
    }

    /// Whether an epoch, counted from 0, ends with a validation.
    fn validates_after(&self, epoch: usize) -> bool {
        let completed = epoch + 1;
        completed.is_multiple_of(self.config.val_every) || completed == self.config.epoch
    }

    /// Scores the held-out pairs, with the averages of the weights where there are any.
    fn validate(&mut self) -> Result<Validation> {
        let _stage = stage!("validation");
        let (val, ranks) = (&self.val, self.among.ranks());
        self.state.with_averages(|state| {
            let mut validator = Validator::default();
            for batch in val.epoch(0, 0) {
                validator.add(state.model.forgery_network(), &batch?);
            }
            Ok(validator.gathered(ranks)?.finish())
        })
    }

    fn warn_after_steps(&self, stats: &LoaderStats) {
        let overflowed = self.state.position.sums.overflowed;
        if overflowed > 0 {
            self.progress.note(&format!("{overflowed} steps left out: the gradient overflowed 16 bits, the loss is scaled less from now on"));
        }
        if let Some(warning) = stats.warning() {
            self.progress.note(&warning);
        }
        // The same in every epoch, so once is enough.
        if self.state.position.epoch == 0
            && let Some(note) = stats.kinds_note()
        {
            self.progress.note(&note);
        }
    }

    /// Epoch and step under way, as people count them.
    fn under_way(&self) -> (usize, usize) {
        (self.state.position.epoch + 1, self.state.position.step + 1)
    }

    fn not_finite(&self, batches: &[PairBatch]) -> Result<TrainError> {
        let path = self.folder.logs().join("not_finite.txt");
        let own: Vec<PathBytes> =
            batches.iter().flat_map(|batch| &batch.frames).map(|path| path.as_path().into()).collect();
        let frames: Vec<Vec<PathBytes>> = agree::gather(self.among.ranks(), &own)?;
        let (epoch, step) = self.under_way();
        if !self.among.ranks().is_first() {
            return Ok(TrainError::NotFinite { epoch, step, list: Some(path) });
        }
        let mut frames = frames.into_iter().flatten().map(PathBuf::from);
        let written = atomic_file::write(&path, |file| {
            frames.try_for_each(|frame| writeln!(file, "{}", frame.display()))
        });
        // The error matters more than its list.
        let list = written.ok().map(|()| path);
        Ok(TrainError::NotFinite { epoch, step, list })
    }

    fn out_of_memory(&self) -> TrainError {
        let Config { batch_size, image_size, backbone, .. } = self.config;
        let (epoch, step) = self.under_way();
        let (batch_size, image_size, backbone) = (*batch_size, *image_size, backbone.clone());
        TrainError::OutOfMemory { epoch, step, batch_size, image_size, backbone }
    }
}
