//! `report.html` of a run: how it goes, what it is made of, what to do with its weights; written anew after each epoch.
//!
//! The page looks on. It draws from no generator of the run and moves no weight, and a page that cannot be written is a remark:
//! no training ends for it.

mod curves;
mod facts;
mod samples;

use super::best_list::Kept;
use super::epoch_log::EpochMetrics;
use super::loader::Loader;
use super::run::RunEnd;
use super::run_folder::RunFolder;
use super::run_record::RunRecord;
use crate::causes::with_causes;
use crate::page::{Cell, Html, Page, Section, Table};
use crate::progress::Progress;
use std::path::{Path, PathBuf};

/// What stands for the path of the best checkpoint in a command.
const WEIGHTS: &str = "{weights}";
/// What stands for the path of the run's folder.
const RUN: &str = "{run}";

/// What is asked of the page beside the run itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportConfig {
    /// What can be done with the weights, each with its command; `{weights}` in it stands for the path of the best
    /// checkpoint, `{run}` for that of the run's folder.
    pub uses: Vec<UseOfWeights>,
    /// The command by which a run that was stopped goes on, with `{run}` in it.
    pub resume: Option<String>,
}

/// Something that can be done with the weights of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseOfWeights {
    /// What for, as a sentence without its full stop.
    pub what: String,
    /// The command.
    pub command: String,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Under way.
    Running,
    /// At its end, or stopped before.
    Ended(RunEnd),
}

/// The page of one run.
pub(super) struct RunPage {
    folder: RunFolder,
    asked: ReportConfig,
    record: RunRecord,
    /// Pictures of the first training pairs; they stay the same.
    samples: Html,
    /// The learning rate at the end of each epoch, as planned.
    plan: Vec<(f64, f64)>,
    /// Whether it was said that the page cannot be written.
    told: bool,
}

/// What a page shows of a run's way so far.
#[derive(Clone, Copy)]
pub(super) struct SoFar<'a> {
    pub standing: Standing,
    /// The epochs, in their order.
    pub epochs: &'a [EpochMetrics],
    /// The checkpoints that were kept, the best first.
    pub kept: &'a [Kept],
}

impl RunPage {
    /// A page for a run whose training pairs come from `train`. Samples that cannot be made are missing on it, and that is
    /// said.
    pub fn new(folder: &RunFolder, asked: &ReportConfig, record: RunRecord, train: &Loader) -> Self {
        let config = &record.config;
        let steps = config.steps(train.batches());
        let lr =
            |epoch: usize| (epoch as f64 + 1.0, config.learning_rate(epoch, steps.saturating_sub(1), steps));
        // Of more epochs than these some are enough.
        let every = config.epoch.div_ceil(curves::POINTS).max(1);
        let plan = (0..config.epoch)
            .filter(|epoch| epoch % every == 0 || epoch + 1 == config.epoch)
            .map(lr)
            .collect();
        let samples = samples::samples(train)
            .unwrap_or_else(|why| Html::warning(&format!("There are no samples: {why}")));
        RunPage { folder: folder.clone(), asked: asked.clone(), record, samples, plan, told: false }
    }

    /// Writes the page. Where that fails, the first time is told.
    pub fn refresh(&mut self, so_far: SoFar, progress: &dyn Progress) {
        if let Err(error) = self.page(so_far).write(&self.folder.report())
            && !std::mem::replace(&mut self.told, true)
        {
            progress.note(&format!("no report.html, training goes on without: {}", with_causes(&error)));
        }
    }

    fn page(&self, so_far: SoFar) -> Page {
        let name = self.folder.path().file_name().map(|name| name.to_string_lossy().into_owned());
        Page::new(&format!("Training {}", name.unwrap_or_default()))
            .with(self.answer(so_far))
            .with(self.use_of_weights(so_far))
            .with(curves::section(so_far, &self.plan))
            .with(self.checkpoints(so_far))
            .with(Section::new("samples", "What it learns from").with(self.samples.clone()).html())
            .with(facts::data(&self.record))
            .with(facts::settings(&self.record))
            .with(curves::numbers(so_far.epochs))
            .with(facts::machine(&self.record, self.folder.path()))
    }

    /// How it goes, in sentences.
    fn answer(&self, so_far: SoFar) -> Html {
        let (done, all) = (so_far.epochs.len(), self.record.config.epoch);
        let now = match so_far.standing {
            Standing::Running if done == 0 => {
                format!(
                    "The first of {all} epochs is under way. This page is written anew after each: reload it."
                )
            }
            Standing::Running => {
                format!("{done} of {all} epochs are done. This page is written anew after each: reload it.")
            }
            Standing::Ended(RunEnd::Complete) => format!("All {all} epochs are done."),
            Standing::Ended(RunEnd::StoppedEarly) => {
                format!("Stopped after {done} of {all} epochs, because validation got no better.")
            }
            Standing::Ended(RunEnd::Interrupted) => {
                format!("Interrupted after {done} of {all} epochs. Everything is saved.")
            }
        };
        let mut answer = Html::paragraph(&now);
        if so_far.standing == Standing::Ended(RunEnd::Interrupted)
            && let Some(resume) = &self.asked.resume
        {
            answer.push(Html::paragraph("To go on:"));
            answer.push(Html::code(&self.command(resume, so_far)));
        }
        if let Some(best) = so_far.kept.first() {
            let of_epoch = so_far.epochs.iter().find(|metrics| metrics.epoch == best.epoch);
            let interval = of_epoch
                .and_then(|metrics| metrics.val_auc_ci95)
                .map_or(String::new(), |(low, high)| format!(" (95 % interval {low:.4} to {high:.4})"));
            answer.push(Html::paragraph(&format!(
                "The best validation AUC is {:.4}{interval}, after epoch {}.",
                best.auc(),
                best.epoch
            )));
        }
        answer.with(Html::remark(
            "Validation asks whether fakes that were made like those of the training, from faces that were held out, are told \
             from the faces that they were made of. It says which checkpoint is best, and not how well one finds forgeries that \
             others made: a labelled test set says that.",
        ))
    }

    fn use_of_weights(&self, so_far: SoFar) -> Html {
        if so_far.kept.is_empty() || self.asked.uses.is_empty() {
            return Html::default();
        }
        let mut section = Section::new("use", "How to use the weights");
        for UseOfWeights { what, command } in &self.asked.uses {
            let command = self.command(command, so_far);
            section = section.with(Html::paragraph(&format!("{what}:"))).with(Html::code(&command));
        }
        section.html()
    }

    /// A command with the paths of this run in it.
    fn command(&self, template: &str, so_far: SoFar) -> String {
        let weights = so_far.kept.first().map_or_else(|| self.folder.last(), |best| self.checkpoint(best));
        template.replace(WEIGHTS, &quoted(&weights)).replace(RUN, &quoted(self.folder.path()))
    }

    fn checkpoint(&self, kept: &Kept) -> PathBuf {
        self.folder.weights().join(kept.file_name())
    }

    /// The best checkpoints, with what their scores mean.
    fn checkpoints(&self, so_far: SoFar) -> Html {
        let mut table = Table::new("The best checkpoints, by validation AUC")
            .text("file")
            .number("epoch")
            .number("AUC")
            .text("95 % interval")
            .number("border")
            .number("temperature");
        for kept in so_far.kept {
            let metrics = so_far.epochs.iter().find(|metrics| metrics.epoch == kept.epoch);
            let calibration = metrics.and_then(|metrics| metrics.calibration);
            let interval = metrics.and_then(|metrics| metrics.val_auc_ci95);
            table = table.row([
                Cell::text(kept.file_name()),
                Cell::count(kept.epoch),
                Cell::number(Some(kept.auc()), 4),
                Cell::text(interval.map_or("–".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}"))),
                Cell::number(calibration.map(|calibration| calibration.threshold), 3),
                Cell::number(calibration.map(|calibration| calibration.temperature), 3),
            ]);
        }
        let section = Section::new("checkpoints", "Checkpoints");
        match so_far.kept {
            [] => section.with(Html::paragraph("No epoch has been validated yet.")).html(),
            _ => section
                .with(table.html())
                .with(Html::remark(&format!(
                    "They lie in {}; {} of them are kept. last.tar beside them is what the run goes on from.",
                    self.folder.weights().display(),
                    self.record.config.keep
                )))
                .html(),
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests;
