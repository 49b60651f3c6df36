//! A run's state in a weight file: what PyTorch and the original programs read, and where the run was.

use super::averages::Averages;
use super::precision::LossScale;
use super::sam::{Sam, SamSpec};
use crate::checkpoint::{self, StateDict, TensorData, Value};
use crate::model::Error as ModelError;
use crate::model::objective::TrainingModel;
use crate::model::weights::{load_part, load_weights, to_data, to_tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tch::Tensor;

/// Key of our own part of the optimiser's dict.
const OURS: &str = "sbi";

/// Where a run is: between two steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Position {
    /// Epochs completed.
    pub epoch: usize,
    /// Steps completed of the epoch after these.
    pub step: usize,
    /// Steps completed in all.
    pub steps: usize,
    /// Of the loss, where half precision needs it.
    pub scale: LossScale,
    /// Sums over the steps of the unfinished epoch, by name.
    pub sums: BTreeMap<String, f64>,
}

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
        /// The file.
        path: PathBuf,
        /// What is missing.
        missing: &'static str,
    },
    /// The optimiser's memory is of other weights.
    #[error("{}: the optimiser's state does not fit: {name}", path.display())]
    Velocity {
        /// The file.
        path: PathBuf,
        /// The weight.
        name: String,
    },
}

/// All that makes up a run's state.
pub struct State<'a> {
    /// The networks.
    pub model: &'a TrainingModel,
    /// The optimiser.
    pub sam: &'a Sam,
    /// Its constants.
    pub spec: SamSpec,
    /// The learning rate.
    pub lr: f64,
    /// Averages of the weights, to go on with.
    pub averages: Option<&'a Averages>,
    /// Where the run is.
    pub position: &'a Position,
}

/// Writes weights, optimiser and position, in the form of the original programs' files.
///
/// `told` are metadata beside those that every file has. Names are sorted; `num_batches_tracked` counts the passes.
/// Appears whole or not at all.
pub fn write(path: &Path, run: &State, told: &BTreeMap<String, String>) -> Result<(), SavedError> {
    let State { model, position, .. } = run;
    let state = state_dict(model, position.steps)?;
    let optimizer = optimizer_value(run)?;
    let mut metadata = metadata(model);
    metadata.extend(told.clone());
    Ok(checkpoint::write_torch(path, &state, Some(&optimizer), Some(position.epoch as i64), &metadata)?)
}

/// What inference must know beside the weights, and what they are.
pub fn metadata(model: &TrainingModel) -> BTreeMap<String, String> {
    let detector = model.detector();
    let told = [
        ("method", detector.method().name()),
        ("backbone", detector.backbone().variant.name),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    let told = told.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    told.chain(detector.input().to_metadata()).collect()
}

/// All weights of a model, the face encoder's too.
pub fn state_dict(model: &TrainingModel, steps: usize) -> Result<StateDict, SavedError> {
    const PASSES_PER_STEP: usize = 2;
    let trained = model.variables().variables().into_iter().map(|entry| (entry, true));
    let frozen = model.frozen_variables().variables().into_iter().map(|entry| (entry, false));
    let mut entries = BTreeMap::new();
    for ((name, tensor), moves) in trained.chain(frozen) {
        if let Some(stem) = name.strip_suffix("running_var") {
            let passes = if moves { PASSES_PER_STEP * steps } else { 0 };
            let counter = TensorData::from_i64(&[], &[passes as i64])?;
            entries.insert(format!("{stem}num_batches_tracked"), counter);
        }
        entries.insert(name, to_data(&tensor)?);
    }
    let mut state = StateDict::new();
    for (name, tensor) in entries {
        state.insert(name, tensor)?;
    }
    Ok(state)
}

fn text(value: impl Into<String>) -> Value {
    Value::Str(value.into())
}

fn dict(pairs: Vec<(&str, Value)>) -> Value {
    Value::Dict(pairs.into_iter().map(|(key, value)| (text(key), value)).collect())
}

/// The form of `torch.optim.SGD.state_dict()`, with the weights' names, and our position beside.
fn optimizer_value(run: &State) -> Result<Value, SavedError> {
    let State { sam, spec, lr, averages, position, .. } = *run;
    let names: Vec<&str> = sam.names().collect();
    let mut state = Vec::new();
    for (index, velocity) in sam.velocities().iter().enumerate() {
        if let Some(velocity) = velocity {
            let buffer = dict(vec![("momentum_buffer", Value::Tensor(to_data(velocity)?))]);
            state.push((Value::Int(index as i64), buffer));
        }
    }
    let group = dict(vec![
        ("lr", Value::Float(lr)),
        ("momentum", Value::Float(spec.momentum)),
        ("dampening", Value::Float(0.0)),
        ("weight_decay", Value::Float(0.0)),
        ("nesterov", Value::Bool(false)),
        ("maximize", Value::Bool(false)),
        ("foreach", Value::None),
        ("differentiable", Value::Bool(false)),
        ("fused", Value::None),
        ("rho", Value::Float(spec.rho)),
        ("params", Value::List((0..names.len()).map(|i| Value::Int(i as i64)).collect())),
        ("param_names", Value::List(names.iter().map(|name| text(*name)).collect())),
    ]);
    let sums = position.sums.iter().map(|(name, sum)| (text(name), Value::Float(*sum))).collect();
    let average = |(name, average): (&str, &Tensor)| Ok((text(name), Value::Tensor(to_data(average)?)));
    let averages = averages.into_iter().flat_map(Averages::values).map(average);
    let averages = averages.collect::<Result<Vec<_>, ModelError>>()?;
    let ours = dict(vec![
        ("epoch", Value::Int(position.epoch as i64)),
        ("step", Value::Int(position.step as i64)),
        ("steps", Value::Int(position.steps as i64)),
        ("loss_scale", Value::Float(position.scale.scale)),
        ("loss_scale_steps", Value::Int(position.scale.steps as i64)),
        ("sums", Value::Dict(sums)),
        ("averages", Value::Dict(averages)),
    ]);
    Ok(dict(vec![("state", Value::Dict(state)), ("param_groups", Value::List(vec![group])), (OURS, ours)]))
}

/// Reads what [`write()`] wrote into a model, its optimiser and, where it has them, its averages.
///
/// Fails when the file is damaged, of another network, or holds no state of a run.
pub fn read(
    path: &Path,
    model: &TrainingModel,
    sam: &mut Sam,
    averages: Option<&mut Averages>,
) -> Result<Position, SavedError> {
    let file = checkpoint::read_with_optimizer(path)?;
    let missing = |missing| SavedError::NoState { path: path.to_owned(), missing };
    const ENCODER: &str = "face_model.";
    load_weights(model.variables(), &file.state, "this configuration", path, |name| {
        name.starts_with(ENCODER)
    })?;
    if !model.frozen_variables().is_empty() {
        let of_detector = |name: &str| !name.starts_with(ENCODER);
        load_part(model.frozen_variables(), "", &file.state, "this configuration", path, of_detector)?;
    }
    let optimizer = file.optimizer.as_ref().ok_or_else(|| missing("the optimiser's state"))?;
    let ours = optimizer.get(OURS).ok_or_else(|| missing("the position in the run"))?;
    let number = |key: &'static str| match ours.get(key) {
        Some(Value::Int(number)) if *number >= 0 => Ok(*number as usize),
        _ => Err(missing(key)),
    };
    let mut sums = BTreeMap::new();
    if let Some(Value::Dict(pairs)) = ours.get("sums") {
        for pair in pairs {
            if let (Value::Str(name), Value::Float(sum)) = pair {
                sums.insert(name.clone(), *sum);
            }
        }
    }
    read_velocities(path, optimizer, sam)?;
    if let Some(averages) = averages {
        read_averages(path, ours, averages)?;
    }
    let Some(Value::Float(scale)) = ours.get("loss_scale") else { return Err(missing("loss_scale")) };
    let scale = LossScale { scale: *scale, steps: number("loss_scale_steps")? };
    Ok(Position { epoch: number("epoch")?, step: number("step")?, steps: number("steps")?, scale, sums })
}

fn read_averages(path: &Path, ours: &Value, averages: &mut Averages) -> Result<(), SavedError> {
    let missing = |missing| SavedError::NoState { path: path.to_owned(), missing };
    let Some(Value::Dict(pairs)) = ours.get("averages") else {
        return Err(missing("the averages of the weights"));
    };
    if pairs.len() != averages.values().count() {
        return Err(missing("an average of each weight"));
    }
    for pair in pairs {
        let (Value::Str(name), Value::Tensor(value)) = pair else {
            return Err(missing("an average with its name"));
        };
        if !averages.set(name, &to_tensor(value)?) {
            return Err(SavedError::Velocity { path: path.to_owned(), name: name.clone() });
        }
    }
    Ok(())
}

fn read_velocities(path: &Path, optimizer: &Value, sam: &mut Sam) -> Result<(), SavedError> {
    let missing = |missing| SavedError::NoState { path: path.to_owned(), missing };
    let Some(Value::List(groups)) = optimizer.get("param_groups") else {
        return Err(missing("the optimiser's groups"));
    };
    let Some(Value::List(names)) = groups.first().and_then(|group| group.get("param_names")) else {
        return Err(missing("the names of the optimiser's weights"));
    };
    let Some(Value::Dict(state)) = optimizer.get("state") else {
        return Err(missing("the optimiser's memory"));
    };
    for (index, entry) in state {
        let name = match index {
            Value::Int(index) => usize::try_from(*index).ok().and_then(|index| names.get(index)),
            _ => None,
        };
        let (Some(Value::Str(name)), Some(Value::Tensor(velocity))) = (name, entry.get("momentum_buffer"))
        else {
            return Err(missing("a velocity with its name"));
        };
        if !sam.set_velocity(name, &to_tensor(velocity)?) {
            return Err(SavedError::Velocity { path: path.to_owned(), name: name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InputSpec;
    use crate::model::efficientnet::Variant;
    use crate::model::fill::fill_variables;
    use crate::model::objective::GuideSpec;
    use tch::{Device, Tensor};

    fn eg(seed: u64) -> TrainingModel {
        let b0 = Variant::named("efficientnet-b0").unwrap();
        let model = TrainingModel::new(b0, Some(GuideSpec::default()), InputSpec::default(), Device::Cpu);
        fill_variables(model.variables(), seed);
        fill_variables(model.frozen_variables(), seed);
        model
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.tar");
        let model = eg(1);
        let mut sam = Sam::new(SamSpec::default(), model.parameters());
        let parameters = model.parameters();
        let (name, weight) = &parameters[3];
        assert!(sam.set_velocity(name, &(weight * 2.0)));
        let sums = [("loss".to_owned(), 0.1 + 0.2)].into_iter().collect();
        let position =
            Position { epoch: 3, step: 2, steps: 17, scale: LossScale { scale: 512.0, steps: 3 }, sums };
        let averages = Averages::new(0.9, eg(3).variables());
        let spec = SamSpec::default();
        let state = State {
            model: &model,
            sam: &sam,
            spec,
            lr: 0.001,
            averages: Some(&averages),
            position: &position,
        };
        let told = BTreeMap::from([("seed".to_owned(), "5".to_owned())]);
        write(&path, &state, &told).unwrap();
        assert_eq!(checkpoint::read(&path).unwrap().metadata["seed"], "5");

        let other = eg(2);
        let mut others = Sam::new(SamSpec::default(), other.parameters());
        let mut other_averages = Averages::new(0.9, other.variables());
        assert_eq!(read(&path, &other, &mut others, Some(&mut other_averages)).unwrap(), position);
        for ((name, a), (_, b)) in averages.values().zip(other_averages.values()) {
            assert_eq!(a, b, "average of {name}");
        }
        let all = |model: &TrainingModel| {
            let mut all: Vec<(String, Tensor)> = model.variables().variables().into_iter().collect();
            all.extend(model.frozen_variables().variables());
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        for ((name, a), (_, b)) in all(&model).iter().zip(&all(&other)) {
            assert_eq!(a, b, "{name}");
        }
        assert_eq!(others.velocities()[3].as_ref().unwrap(), sam.velocities()[3].as_ref().unwrap());
        let counters = checkpoint::read(&path).unwrap().state;
        assert_eq!(counters.get("bn.num_batches_tracked").unwrap().to_i64_vec(), [34]);
    }

    #[test]
    fn files_without_a_run_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bare.tar");
        let model = eg(1);
        checkpoint::write_torch(&path, &state_dict(&model, 0).unwrap(), None, Some(1), &BTreeMap::new())
            .unwrap();
        let mut sam = Sam::new(SamSpec::default(), model.parameters());
        let error = read(&path, &model, &mut sam, None).unwrap_err().to_string();
        assert!(error.contains("bare.tar") && error.contains("optimiser"), "{error}");
        let sbi = TrainingModel::new(
            Variant::named("efficientnet-b0").unwrap(),
            None,
            InputSpec::default(),
            Device::Cpu,
        );
        let mut sam = Sam::new(SamSpec::default(), sbi.parameters());
        assert!(matches!(read(&path, &sbi, &mut sam, None), Err(SavedError::Model(_))));
    }
}
