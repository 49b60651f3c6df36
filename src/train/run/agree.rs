//! What the processes of a run agree on before its first step, and how they tell one another things.

use super::{RunConfig, RunPlace, Together};
use crate::Result;
use crate::checkpoint::StateDict;
use crate::hash::{Fnv1a64, fnv1a64};
use crate::progress::Progress;
use crate::ranks::{Launch, LaunchError, Launcher, Ranks};
use crate::train::config::Config;
use crate::train::report::ReportConfig;
use crate::train::run_folder::RunFolder;
use crate::train::run_record::RunRecord;
use crate::train::saved;
use crate::train::state::TrainingState;
use crate::training_pairs::FrameList;
use crate::versions::Versions;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use tch::{Cuda, Device};

/// What a run will do, the same in all processes.
pub(super) struct Plan {
    pub config: Config,
    pub data_root: PathBuf,
    pub place: RunPlace,
    pub report: Option<ReportConfig>,
    pub together: Option<Together>,
}

/// A path as it is, which need not be text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PathBytes(Vec<u8>);

impl From<&Path> for PathBytes {
    fn from(path: &Path) -> Self {
        PathBytes(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<PathBytes> for PathBuf {
    fn from(path: PathBytes) -> Self {
        OsString::from_vec(path.0).into()
    }
}

/// The device of this process: of several on a machine each has a CUDA device of its own.
///
/// Fails when it is not there, and when nothing says which one it is.
pub(super) fn device(asked: &RunConfig) -> Result<Device> {
    let Some(Together { launch, .. }) = &asked.together else { return Ok(asked.device.resolve()?) };
    // Slurm may have shown each process its own device only.
    let bound = launch.launcher == Launcher::Slurm && Cuda::device_count() == 1;
    let local = if bound { Some(0) } else { launch.local_rank };
    let choice = asked.device.for_process(local.unwrap_or_default());
    let device = choice.resolve()?;
    if device.is_cuda() && local.is_none() && launch.size > 1 {
        let expected = "this process's number on its machine, which chooses its CUDA device";
        return Err(LaunchError::Missing { name: "LOCAL_RANK", because: "RANK", expected }.into());
    }
    Ok(device)
}

/// Where the run goes on or begins, as rank 0 finds it: processes that are started again, because one has failed, go on
/// with what they began.
pub(super) fn plan(asked: &RunConfig, ranks: &Ranks, progress: &dyn Progress) -> Result<Plan> {
    let own = match (&asked.together, ranks.is_first()) {
        (Some(Together { launch, .. }), true) => begun_before(&asked.place, launch),
        _ => None,
    };
    let version = serde_json::to_vec(&Versions::current()).expect("string keys");
    ranks.check_same(fnv1a64(&version), "another version of sbi or of its libraries")?;
    let begun: Option<(PathBytes, Config)> = match ranks.is_first() {
        true => {
            tell(ranks, &own)?;
            own
        }
        false => listen(ranks)?,
    };
    let RunConfig { data_root, report, together, .. } = asked;
    let (config, place) = match begun {
        Some((path, config)) => {
            let path: PathBuf = path.into();
            progress.note(&format!("started again: going on with {}", path.display()));
            (config, RunPlace::Resume(path))
        }
        None => (asked.config.clone(), asked.place.clone()),
    };
    let (data_root, report, together) = (data_root.clone(), report.clone(), together.clone());
    Ok(Plan { config, data_root, place, report, together })
}

/// The newest run that the same processes began before they were started again, if they came so far, and its
/// configuration.
fn begun_before(place: &RunPlace, launch: &Launch) -> Option<(PathBytes, Config)> {
    let RunPlace::New { output, name, config_name } = place else { return None };
    let key = launch.key.as_ref().filter(|_| launch.restarts > 0)?;
    let stem = RunFolder::stem(name, config_name);
    let begun = |path: &Path| -> Option<Config> {
        if !path.file_name()?.to_str()?.starts_with(&stem) {
            return None;
        }
        let folder = RunFolder::of_another(path.to_owned());
        let record = RunRecord::read(&folder).ok()?;
        (record.launch.as_ref() == Some(key) && folder.last().is_file()).then_some(record.config)
    };
    let found = std::fs::read_dir(output).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        let made = entry.metadata().ok()?.modified().ok()?;
        Some((made, entry.path()))
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found.into_iter().rev().find_map(|(_, path)| begun(&path).map(|config| (path.as_path().into(), config)))
}

/// Fails when this process has not what rank 0 has: settings, frames, or the state to begin with.
pub(super) fn check_same(
    ranks: &Ranks,
    plan: &Plan,
    frames: [&FrameList; 2],
    state: &TrainingState,
) -> Result<()> {
    if ranks.is_alone() {
        return Ok(());
    }
    ranks.check_same(fnv1a64(plan.config.to_json_line().as_bytes()), "another configuration")?;
    let root = plan.config.data.root.as_deref().unwrap_or(&plan.data_root);
    let mut of_frames = Fnv1a64::default();
    for files in frames.iter().flat_map(|list| &list.frames) {
        // Data may lie in a folder of each machine's own.
        let path = files.frame.strip_prefix(root).unwrap_or(&files.frame);
        of_frames.update(path.as_os_str().as_encoded_bytes());
        of_frames.update(&[0]);
    }
    ranks.check_same(of_frames.finish(), "other prepared frames")?;
    let weights = saved::weights(state)?;
    ranks.check_same(hash_of(&weights), "other weights")?;
    let position = format!("{:?}", state.position);
    Ok(ranks.check_same(fnv1a64(position.as_bytes()), "another position in the run")?)
}

fn hash_of(weights: &StateDict) -> u64 {
    let mut hash = Fnv1a64::default();
    for (name, data) in weights.iter() {
        hash.update(name.as_bytes());
        hash.update(data.bytes());
    }
    hash.finish()
}

/// Tells the other processes something; they [`listen`].
pub(super) fn tell(ranks: &Ranks, told: &impl Serialize) -> Result<()> {
    let bytes = if ranks.is_alone() { Vec::new() } else { to_bytes(told) };
    ranks.of_first(bytes)?;
    Ok(())
}

/// What rank 0 tells.
pub(super) fn listen<T: DeserializeOwned>(ranks: &Ranks) -> Result<T> {
    Ok(of_bytes(&ranks.of_first(Vec::new())?))
}

/// What all processes have, in their order.
pub(super) fn gather<T: DeserializeOwned>(ranks: &Ranks, own: &impl Serialize) -> Result<Vec<T>> {
    Ok(ranks.gather(&to_bytes(own))?.iter().map(|bytes| of_bytes(bytes)).collect())
}

fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("string keys and finite numbers")
}

fn of_bytes<T: DeserializeOwned>(bytes: &[u8]) -> T {
    serde_json::from_slice(bytes).expect("written by this very program")
}
