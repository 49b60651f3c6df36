//! A run's state in a weight file: what PyTorch and the original programs read, and where the run was.
//!
//! The file holds what [`checkpoint::write_torch`] writes: weights, optimiser, epoch, metadata. The optimiser's part is
//! that of PyTorch's, with the weights' names beside their numbers; our own position in the run stands in it
//! under a key of its own, where the original programs do not look.

mod read;
mod write;

pub use read::read;
pub use write::{weights, write};

use super::epoch_sums::EpochSums;
use crate::checkpoint::{self, Value};
use crate::model::Error as ModelError;
use std::path::PathBuf;

/// Key of our own part of the optimiser's dict.
const OURS: &str = "sbi";

/// Why a run's state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The weights do not fit the configuration.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A weight file that no run of this program wrote.
    #[error("{}: has no state of a training run to go on from ({missing} is missing)", path.display())]
    NoState {
        /// The weight file.
        path: PathBuf,
        /// What is missing.
        missing: &'static str,
    },
    /// The optimiser's memory, or an average, is of other weights than the configuration's.
    #[error("{}: the optimiser's state does not fit: {name}", path.display())]
    Memory {
        /// The weight file.
        path: PathBuf,
        /// The name of the parameter whose memory or average does not fit.
        name: String,
    },
}

/// Names of an epoch's sums in the file. Each is written from the first step on that adds to it.
mod sum_keys {
    pub const LOSS: &str = "loss";
    pub const OVERFLOWED: &str = "overflows";
    pub const IMAGES: &str = "pictures";
    pub const REPLACED: &str = "replaced";
    pub const RIGHT: &str = "right";
    /// Before the name of a term.
    pub const TERM: &str = "term ";
}

/// The sums of an unfinished epoch as a dict of numbers.
fn sums_to_value(sums: &EpochSums) -> Value {
    let EpochSums { loss, terms, right, images, overflowed, replaced } = sums;
    let counted = |count: &usize| (*count > 0).then_some(*count as f64);
    let any_step = counted(images).is_some();
    let single = [
        (sum_keys::LOSS, any_step.then_some(*loss)),
        (sum_keys::OVERFLOWED, counted(overflowed)),
        (sum_keys::IMAGES, counted(images)),
        (sum_keys::REPLACED, counted(replaced)),
        (sum_keys::RIGHT, any_step.then_some(*right as f64)),
    ];
    let single = single.into_iter().filter_map(|(key, sum)| Some((key.to_owned(), sum?)));
    let terms = terms.iter().map(|(name, sum)| (format!("{}{name}", sum_keys::TERM), *sum));
    Value::Dict(single.chain(terms).map(|(key, sum)| (Value::Str(key), Value::Float(sum))).collect())
}

/// The sums that a dict of numbers stands for; what it does not name is 0.
fn sums_of_value(value: Option<&Value>) -> EpochSums {
    let mut sums = EpochSums::default();
    let Some(Value::Dict(pairs)) = value else { return sums };
    for pair in pairs {
        let (Value::Str(key), Value::Float(sum)) = pair else { continue };
        match key.as_str() {
            sum_keys::LOSS => sums.loss = *sum,
            sum_keys::OVERFLOWED => sums.overflowed = *sum as usize,
            sum_keys::IMAGES => sums.images = *sum as usize,
            sum_keys::REPLACED => sums.replaced = *sum as usize,
            sum_keys::RIGHT => sums.right = *sum as usize,
            other => {
                if let Some(term) = other.strip_prefix(sum_keys::TERM) {
                    sums.terms.insert(term.to_owned(), *sum);
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::averages::Averages;
    use super::super::config::{Config, OptimConfig, OptimMethod};
    use super::super::precision::LossScale;
    use super::super::setup;
    use super::super::state::{Position, TrainingState};
    use super::*;
    use crate::hash::fnv1a64;
    use crate::model::efficientnet::Variant;
    use crate::model::face_encoder::{FACE_ENCODER_PREFIX, FaceEncoder};
    use crate::model::objective::{GuideSpec, TrainingModel};
    use crate::model::{Execution, InputSpec, Method, fill};
    use std::collections::BTreeMap;
    use tch::{Device, Tensor};

    fn b0(guide: Option<(GuideSpec, FaceEncoder)>) -> TrainingModel {
        let b0 = Variant::named("efficientnet-b0").unwrap();
        TrainingModel::new(b0, guide, InputSpec::default(), Device::Cpu).unwrap()
    }

    fn eg(seed: u64, ema: Option<f64>) -> TrainingState {
        let spec = GuideSpec::default();
        let weights = spec.encoder.weights().into_iter().map(|weight| weight.under(FACE_ENCODER_PREFIX));
        let weights = fill::filled(&weights.collect::<Vec<_>>(), seed).unwrap();
        let encoder = spec.face_encoder(&weights, Execution::fastest(Device::Cpu)).unwrap();
        let model = b0(Some((spec, encoder)));
        fill::fill_variables(model.variables(), seed);
        TrainingState::new(model, &Config { ema, ..Config::default() })
    }

    fn all(state: &TrainingState) -> Vec<(String, Tensor)> {
        let mut all: Vec<(String, Tensor)> = state.model.variables().variables().into_iter().collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.tar");
        let mut state = eg(1, Some(0.9));
        let (name, weight) = &state.model.parameters()[3];
        assert!(state.optimiser.set_memory(name, &[("momentum_buffer", weight * 2.0)]));
        let terms = [("rf".to_owned(), 0.1), ("distill".to_owned(), 0.7)].into();
        let sums = EpochSums { loss: 0.1 + 0.2, terms, right: 5, images: 8, overflowed: 1, replaced: 2 };
        let scale = LossScale { scale: 512.0, steps: 3 };
        state.position = Position { epoch: 3, step: 2, steps: 17, scale, sums };
        state.averages = Some(Averages::new(0.9, eg(3, None).model.variables()));
        let told = BTreeMap::from([("seed".to_owned(), "5".to_owned())]);
        write(&path, &state, 0.001, &told).unwrap();
        assert_eq!(checkpoint::read(&path).unwrap().metadata["seed"], "5");

        let mut other = eg(2, Some(0.9));
        read(&path, &mut other).unwrap();
        assert_eq!(other.position, state.position);
        let (averages, others) = (state.averages.as_ref().unwrap(), other.averages.as_ref().unwrap());
        for ((name, a), (_, b)) in averages.values().zip(others.values()) {
            assert_eq!(a, b, "average of {name}");
        }
        for ((name, a), (_, b)) in all(&state).iter().zip(&all(&other)) {
            assert_eq!(a, b, "{name}");
        }
        let encoder = |model: &TrainingModel| model.face_encoder().unwrap().weights().clone();
        let config = Config { method: Method::Eg, ..Config::default() };
        let read_encoder = setup::encoder_of_run(&config, &path, Device::Cpu).unwrap().unwrap();
        assert_eq!(read_encoder.weights(), &encoder(&state.model));
        assert_ne!(read_encoder.weights(), &encoder(&other.model));
        let memory = |state: &TrainingState| state.optimiser.memories().nth(3).unwrap();
        assert_eq!(memory(&other), memory(&state));
        assert_eq!(memory(&state).len(), 1);
        let counters = checkpoint::read(&path).unwrap().state;
        assert_eq!(counters.get("bn.num_batches_tracked").unwrap().to_i64_vec(), [34]);
    }

    #[test]
    fn what_adamw_remembers_is_read_as_it_was_written_and_only_by_adamw() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.tar");
        let sbi = |method, accumulate| {
            let optim = OptimConfig { method, accumulate, ..OptimConfig::default() };
            TrainingState::new(b0(None), &Config { optim, ..Config::default() })
        };
        let mut state = sbi(OptimMethod::AdamW, 3);
        fill::fill_variables(state.model.variables(), 1);
        let (name, weight) = &state.model.parameters()[3];
        let memory =
            [("step", Tensor::from(7.0f32)), ("exp_avg", weight * 2.0), ("exp_avg_sq", weight * 3.0)];
        assert!(state.optimiser.set_memory(name, &memory));
        state.position.steps = 7;
        write(&path, &state, 0.001, &BTreeMap::new()).unwrap();
        let counters = checkpoint::read(&path).unwrap().state;
        assert_eq!(counters.get("net._bn0.num_batches_tracked").unwrap().to_i64_vec(), [21]);

        let mut other = sbi(OptimMethod::AdamW, 3);
        read(&path, &mut other).unwrap();
        let memories = |state: &TrainingState| state.optimiser.memories().collect::<Vec<_>>();
        assert_eq!(memories(&other), memories(&state));
        assert!(memories(&other)[3] == memory && memories(&other)[2].is_empty());
        let mut sam = sbi(OptimMethod::Sam, 3);
        assert!(matches!(read(&path, &mut sam), Err(SavedError::Memory { .. })));
    }

    /// The numbers that the optimiser's dict of a file gives to parameters, and those that remember something.
    fn numbered(path: &std::path::Path) -> (Vec<String>, Vec<i64>) {
        let file = checkpoint::read_with_optimizer(path).unwrap().optimizer.unwrap();
        let list = |value: Option<&Value>| match value {
            Some(Value::List(list)) => list.clone(),
            other => panic!("{other:?}"),
        };
        let group = list(file.get("param_groups")).swap_remove(0);
        let names = list(group.get("param_names")).into_iter().map(|name| match name {
            Value::Str(name) => name,
            other => panic!("{other:?}"),
        });
        let Some(Value::Dict(state)) = file.get("state") else { panic!("no state") };
        let numbers = state.iter().map(|(number, _)| match number {
            Value::Int(number) => *number,
            other => panic!("{other:?}"),
        });
        let (names, numbers): (Vec<String>, Vec<i64>) = (names.collect(), numbers.collect());
        assert_eq!(list(group.get("params")).len(), names.len());
        (names, numbers)
    }

    #[test]
    fn parameters_have_pytorchs_numbers_and_epochs_count_from_0() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.tar");
        let write = |state: &TrainingState| write(&path, state, 0.001, &BTreeMap::new()).unwrap();
        let mut state = eg(1, None);
        for name in ["bn.weight", "net._fc.weight", "reconstruction_network.fc.2.bias"] {
            let parameter = state.model.parameters().into_iter().find(|(own, _)| own == name).unwrap().1;
            assert!(state.optimiser.set_memory(name, &[("momentum_buffer", parameter)]));
        }
        let expected = [(0, Some(0)), (1, Some(0)), (2, Some(1)), (120, Some(119))];
        for (epoch, written) in expected {
            state.position.epoch = epoch;
            write(&state);
            assert_eq!(checkpoint::read(&path).unwrap().epoch, written, "{epoch} epochs completed");
        }
        let mut resumed = eg(2, None);
        read(&path, &mut resumed).unwrap();
        assert_eq!(resumed.position.epoch, 120);
        state.position = Position { epoch: 3, step: 1, ..state.position };
        write(&state);
        assert_eq!(checkpoint::read(&path).unwrap().epoch, Some(3));

        // `[n for n, p in model.named_parameters() if not n.startswith("face_model.")]` in PyTorch, with modules in the
        // order net, face_model, bn, reshape_layer, fc_cat, fc_cat1, fc, reconstruction_network.
        let (names, numbers) = numbered(&path);
        assert_eq!(names.len(), 229);
        assert_eq!(fnv1a64(names.join("\n").as_bytes()), 0xa844_1d2f_6286_e0bc);
        assert_eq!(numbers, [211, 213, 228]);
        write(&TrainingState::new(b0(None), &Config::default()));
        let (names, numbers) = numbered(&path);
        assert_eq!((names.len(), numbers.len()), (213, 0));
        assert_eq!(fnv1a64(names.join("\n").as_bytes()), 0xbda2_e3ec_ecb9_bff0);
    }

    #[test]
    fn sums_are_named_from_the_first_step_on_that_adds_to_them() {
        assert_eq!(sums_to_value(&EpochSums::default()), Value::Dict(Vec::new()));
        let sums = EpochSums { loss: 0.5, images: 4, ..EpochSums::default() };
        let entry = |key: &str, sum| (Value::Str(key.to_owned()), Value::Float(sum));
        let expected = vec![entry("loss", 0.5), entry("pictures", 4.0), entry("right", 0.0)];
        assert_eq!(sums_to_value(&sums), Value::Dict(expected));
        assert_eq!(sums_of_value(Some(&sums_to_value(&sums))), sums);
        assert_eq!(sums_of_value(None), EpochSums::default());
    }

    #[test]
    fn files_without_a_run_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bare.tar");
        let mut state = eg(1, None);
        let weights = weights(&state).unwrap();
        checkpoint::write_torch(&path, &weights, None, Some(1), &BTreeMap::new()).unwrap();
        let error = read(&path, &mut state).unwrap_err().to_string();
        assert!(error.contains("bare.tar") && error.contains("optimiser"), "{error}");
        let mut sbi = TrainingState::new(b0(None), &Config::default());
        assert!(matches!(read(&path, &mut sbi), Err(SavedError::Model(_))));
    }
}
