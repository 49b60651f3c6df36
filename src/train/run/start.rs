//! A run is opened: its training pairs, its networks, its folder.

use super::agree::{self, PathBytes, Plan};
use super::{RunPlace, Together};
use crate::blending::Phase;
use crate::causes::with_causes;
use crate::datasets::Split;
use crate::progress::Progress;
use crate::ranks::Ranks;
use crate::train::among::Among;
use crate::train::best_list::BestList;
use crate::train::config::{Amp, Config};
use crate::train::epoch_log::{EpochLog, EpochMetrics};
use crate::train::loader::{Deal, Loader};
use crate::train::precision::Precision;
use crate::train::report::RunPage;
use crate::train::run_folder::RunFolder;
use crate::train::run_record::{DataCounts, RunRecord};
use crate::train::state::TrainingState;
use crate::train::tensorboard::EventWriter;
use crate::train::{TrainError, memory, saved, sets, setup};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::SystemTime;
use tch::Device;

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
    /// The page that tells how it goes, where one is wanted.
    pub page: Option<RunPage>,
    /// TensorBoard's file; `None`: another process writes it.
    pub events: Option<EventWriter>,
    /// The processes that share its steps.
    pub among: Among<'a>,
    pub progress: &'a dyn Progress,
}

/// What rank 0 knows of a run's folder, and tells the others.
#[derive(Serialize, Deserialize)]
struct Told {
    folder: PathBytes,
    best: BestList,
    epochs: Vec<EpochMetrics>,
}

impl<'a> Run<'a> {
    /// Opens a run, new or resumed, between two steps: a new one before its first.
    pub fn start(
        plan: &'a Plan,
        device: Device,
        ranks: &'a Ranks,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let Plan { config, data_root, place, report, together } = plan;
        config.check()?;
        let (rank, size) = (ranks.rank(), ranks.size());
        if config.pairs() < size {
            return Err(TrainError::FewerPairs { batch_size: config.batch_size, processes: size }.into());
        }

        let train_frames = sets::frames(config, Split::Train, data_root)?;
        let val_frames = sets::frames(config, Split::Validation, data_root)?;
        let (train, val) = match together {
            Some(Together { launch, .. }) if size > 1 => {
                let cores = launch.share_of_cores();
                let pairs = (Deal::Pairs { rank, size }, cores);
                let batches = (Deal::Batches { rank, size }, cores);
                (
                    setup::loader_among(config, &train_frames, Phase::Train, device, pairs)?,
                    setup::loader_among(config, &val_frames, Phase::Validation, device, batches)?,
                )
            }
            _ => (
                setup::loader(config, &train_frames, Phase::Train, device)?,
                setup::loader(config, &val_frames, Phase::Validation, device)?,
            ),
        };

        let (folder, state) = match place {
            RunPlace::New { output, name, config_name } => {
                let (encoder, encoder_note) = setup::initial_encoder(config, device)?;
                let model = setup::networks(config, encoder, device)?;
                let backbone_note = setup::load_initial_weights(&model, config)?;
                let state = TrainingState::new(model, config);
                if !ranks.is_first() {
                    (None, state)
                } else {
                    let folder = RunFolder::create(output, name, config_name, SystemTime::now())?;
                    let counts = DataCounts { train: (&train_frames).into(), val: (&val_frames).into() };
                    let record = RunRecord::new(config.clone(), format!("{device:?}"), counts);
                    let started_by = together.as_ref().map(|together| &together.launch);
                    match started_by {
                        Some(launch) => record.started_by(launch).write(&folder)?,
                        None => record.write(&folder)?,
                    }
                    // From now on the run can be resumed, wherever it is killed.
                    let lr = config.learning_rate(0, 0, config.steps(train.batches()));
                    saved::write(&folder.last(), &state, lr, &BTreeMap::new())?;
                    [backbone_note].iter().chain(&encoder_note).for_each(|note| progress.note(note));
                    (Some(folder), state)
                }
            }
            RunPlace::Resume(path) => {
                let folder = match ranks.is_first() {
                    true => RunFolder::open(path)?,
                    false => RunFolder::of_another(path.clone()),
                };
                let encoder = setup::encoder_of_run(config, &folder.last(), device)?;
                let mut state = TrainingState::new(setup::networks(config, encoder, device)?, config);
                saved::read(&folder.last(), &mut state)?;
                let (epoch, step) = (state.position.epoch, state.position.step);
                progress.note(&format!("going on after epoch {epoch} and {step} steps"));
                (Some(folder), state)
            }
        };
        agree::check_same(ranks, plan, [&train_frames, &val_frames], &state)?;

        let epoch = state.position.epoch;
        let resumed_after = matches!(place, RunPlace::Resume(_)).then_some(epoch);
        let (folder, best, log, events) = match folder.filter(|_| ranks.is_first()) {
            Some(folder) => {
                let (best, surplus) = BestList::from_folder(&folder.weights(), config.keep, epoch)?;
                for path in surplus {
                    std::fs::remove_file(&path).map_err(|cause| Error::Output { path, cause })?;
                }
                let log = EpochLog::open(&folder, epoch)?;
                let events = EventWriter::create(&folder.logs(), SystemTime::now(), resumed_after)?;
                let epochs = log.epochs().to_vec();
                agree::tell(ranks, &Told { folder: folder.path().into(), best: best.clone(), epochs })?;
                (folder, best, log, Some(events))
            }
            None => {
                let Told { folder, best, epochs } = agree::listen(ranks)?;
                (RunFolder::of_another(folder.into()), best, EpochLog::of_another(epochs), None)
            }
        };

        let precision = Precision::new(config.amp, device);
        if config.amp != Amp::Off && !precision.is_half() {
            progress.note("amp: half precision is for CUDA; this run has 32 bits throughout");
        }
        let local = together.as_ref().map_or(1, |together| together.launch.local_size);
        let pairs = ranks.part(config.pairs()).len();
        if let Some(warning) = memory::warning(config, &state.model, pairs, local) {
            progress.note(&warning);
        }
        let page =
            report.as_ref().filter(|_| ranks.is_first()).and_then(|report| match RunRecord::read(&folder) {
                Ok(record) => Some(RunPage::new(&folder, report, record, &train)),
                Err(error) => {
                    progress.note(&format!("no report.html: {}", with_causes(&error)));
                    None
                }
            });
        if size > 1 {
            progress.note(&format!("{size} processes share each batch of {} pairs", config.pairs()));
        }
        let among = Among::new(ranks, &state.model, config)?;
        Ok(Run { config, train, val, state, precision, folder, log, best, events, page, among, progress })
    }
}
