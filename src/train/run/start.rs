//! A run is opened: its training pairs, its networks, its folder.

use super::{RunConfig, RunPlace};
use crate::blending::Phase;
use crate::causes::with_causes;
use crate::datasets::Split;
use crate::progress::Progress;
use crate::train::best_list::BestList;
use crate::train::config::{Amp, Config};
use crate::train::epoch_log::EpochLog;
use crate::train::loader::Loader;
use crate::train::precision::Precision;
use crate::train::report::RunPage;
use crate::train::run_folder::RunFolder;
use crate::train::run_record::{DataCounts, RunRecord};
use crate::train::state::TrainingState;
use crate::train::tensorboard::EventWriter;
use crate::train::{memory, saved, sets, setup};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// A run under way.
pub(super) struct Run<'a> {
    pub config: &'a Config,
    /// Training pairs to learn from, in batches.
    pub train: Loader,
    /// Held-out ones to validate on.
    pub val: Loader,
    /// What training moves: networks, optimiser, averages, position.
    pub state: TrainingState,
    pub precision: Precision,
    pub folder: RunFolder,
    pub log: EpochLog,
    pub best: BestList,
    pub events: EventWriter,
    /// The page that tells how it goes, where one is wanted.
    pub page: Option<RunPage>,
    pub progress: &'a dyn Progress,
}

impl<'a> Run<'a> {
    /// Opens a run, new or resumed, between two steps: a new one before its first.
    pub fn start(asked: &'a RunConfig, progress: &'a dyn Progress) -> Result<Self> {
        let config = &asked.config;
        config.check()?;
        let device = asked.device.resolve()?;

        let train_frames = sets::frames(config, Split::Train, &asked.data_root)?;
        let val_frames = sets::frames(config, Split::Validation, &asked.data_root)?;
        let train = setup::loader(config, &train_frames, Phase::Train, device)?;
        let val = setup::loader(config, &val_frames, Phase::Validation, device)?;

        let (folder, state) = match &asked.place {
            RunPlace::New { output, name, config_name } => {
                let (encoder, encoder_note) = setup::initial_encoder(config, device)?;
                let model = setup::networks(config, encoder, device)?;
                let backbone_note = setup::load_initial_weights(&model, config)?;
                let state = TrainingState::new(model, config);
                let folder = RunFolder::create(output, name, config_name, SystemTime::now())?;
                let counts = DataCounts { train: (&train_frames).into(), val: (&val_frames).into() };
                RunRecord::new(config.clone(), format!("{device:?}"), counts).write(&folder)?;
                // From now on the run can be resumed, wherever it is killed.
                let lr = config.learning_rate(0, 0, config.steps(train.batches()));
                saved::write(&folder.last(), &state, lr, &BTreeMap::new())?;
                [backbone_note].iter().chain(&encoder_note).for_each(|note| progress.note(note));
                (folder, state)
            }
            RunPlace::Resume(path) => {
                let folder = RunFolder::open(path)?;
                let encoder = setup::encoder_of_run(config, &folder.last(), device)?;
                let mut state = TrainingState::new(setup::networks(config, encoder, device)?, config);
                saved::read(&folder.last(), &mut state)?;
                let (epoch, step) = (state.position.epoch, state.position.step);
                progress.note(&format!("going on after epoch {epoch} and {step} steps"));
                (folder, state)
            }
        };

        let epoch = state.position.epoch;
        let (best, surplus) = BestList::from_folder(&folder.weights(), config.keep, epoch)?;
        for path in surplus {
            std::fs::remove_file(&path).map_err(|cause| Error::Output { path, cause })?;
        }
        let log = EpochLog::open(&folder, epoch)?;
        let resumed_after = matches!(asked.place, RunPlace::Resume(_)).then_some(epoch);
        let events = EventWriter::create(&folder.logs(), SystemTime::now(), resumed_after)?;

        let precision = Precision::new(config.amp, device);
        if config.amp != Amp::Off && !precision.is_half() {
            progress.note("amp: half precision is for CUDA; this run has 32 bits throughout");
        }
        if let Some(warning) = memory::warning(config, &state.model) {
            progress.note(&warning);
        }
        let page = asked.report.as_ref().and_then(|report| match RunRecord::read(&folder) {
            Ok(record) => Some(RunPage::new(&folder, report, record, &train)),
            Err(error) => {
                progress.note(&format!("no report.html: {}", with_causes(&error)));
                None
            }
        });
        Ok(Run { config, train, val, state, precision, folder, log, best, events, page, progress })
    }
}
