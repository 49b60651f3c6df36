//! A run's state to a file.

use super::{OURS, SavedError, sums_to_value};
use crate::checkpoint::{self, BATCH_COUNTER, StateDict, TensorData, Value};
use crate::model::Error as ModelError;
use crate::model::objective::TrainingModel;
use crate::model::weights::to_data;
use crate::train::averages::Averages;
use crate::train::optimiser::{Memory, OptimiserSpec, adamw};
use crate::train::state::{Position, TrainingState};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use tch::Tensor;

/// Writes weights, optimiser and position, in the form of the original programs' files.
///
/// `lr`: the learning rate that the file's optimiser has. `told`: metadata beside those that every file has. Names are
/// sorted; `num_batches_tracked` counts the passes; the epoch is counted from 0. The file appears whole or not at all.
pub fn write(
    path: &Path,
    state: &TrainingState,
    lr: f64,
    told: &BTreeMap<String, String>,
) -> Result<(), SavedError> {
    let weights = self::weights(state)?;
    let optimizer = optimizer_value(state, lr)?;
    let mut metadata = metadata(&state.model);
    metadata.extend(told.clone());
    let epoch = epoch_from_0(&state.position) as i64;
    Ok(checkpoint::write_torch(path, &weights, Some(&optimizer), Some(epoch), &metadata)?)
}

/// The epoch that the weights come from, counted from 0 as the original programs do: the one under way, or the last one.
fn epoch_from_0(position: &Position) -> usize {
    let Position { epoch, step, .. } = *position;
    if step > 0 { epoch } else { epoch.saturating_sub(1) }
}

/// What inference must know beside the weights, and what they are.
fn metadata(model: &TrainingModel) -> BTreeMap<String, String> {
    let forgery_network = model.forgery_network();
    let told = [
        ("method", forgery_network.method().name()),
        ("backbone", forgery_network.backbone().variant.name),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    let told = told.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    told.chain(forgery_network.input().to_metadata()).collect()
}

/// All weights of the model, the face encoder's too.
pub fn weights(state: &TrainingState) -> Result<StateDict, SavedError> {
    let TrainingState { model, passes_per_step, position, .. } = state;
    let passes = passes_per_step * position.steps;
    let mut entries = BTreeMap::new();
    let mut insert = |name: String, data: TensorData, passes: usize| -> Result<(), SavedError> {
        if let Some(stem) = name.strip_suffix("running_var") {
            let counter = TensorData::from_i64(&[], &[passes as i64])?;
            entries.insert(format!("{stem}{BATCH_COUNTER}"), counter);
        }
        entries.insert(name, data);
        Ok(())
    };
    for (name, tensor) in model.variables().variables() {
        insert(name, to_data(&tensor)?, passes)?;
    }
    // The face encoder never moves.
    for (name, data) in model.face_encoder().iter().flat_map(|encoder| encoder.weights().iter()) {
        insert(name.to_owned(), data.clone(), 0)?;
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

/// The form of `state_dict()` of PyTorch's optimisers, with the weights' names, and our position beside.
///
/// Parameters have the numbers that PyTorch gives them, in the order of the modules: its optimisers take a state by
/// numbers alone, and would give a weight another one's momentum.
fn optimizer_value(run: &TrainingState, lr: f64) -> Result<Value, SavedError> {
    let optimiser = &run.optimiser;
    let names = run.model.module_order();
    let mut remembered: HashMap<&str, Memory> = optimiser.names().zip(optimiser.memories()).collect();
    let mut memory = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(parts) = remembered.remove(name.as_str()).filter(|parts| !parts.is_empty()) {
            memory.push((Value::Int(index as i64), memory_value(parts)?));
        }
    }
    let mut group = vec![("lr", Value::Float(lr))];
    group.extend(constants(optimiser.spec()));
    group.push(("params", Value::List((0..names.len()).map(|i| Value::Int(i as i64)).collect())));
    group.push(("param_names", Value::List(names.iter().map(text).collect())));
    Ok(dict(vec![
        ("state", Value::Dict(memory)),
        ("param_groups", Value::List(vec![dict(group)])),
        (OURS, position_value(&run.position, run.averages.as_ref())?),
    ]))
}

fn memory_value(memory: Memory) -> Result<Value, SavedError> {
    let parts = memory.iter().map(|(part, tensor)| Ok((*part, Value::Tensor(to_data(tensor)?))));
    Ok(dict(parts.collect::<Result<_, ModelError>>()?))
}

/// What PyTorch's optimiser of that kind has in its group of parameters, beside learning rate and parameters.
fn constants(spec: OptimiserSpec) -> Vec<(&'static str, Value)> {
    let off = |name| (name, Value::Bool(false));
    let sgd = |momentum| {
        vec![
            ("momentum", Value::Float(momentum)),
            ("dampening", Value::Float(0.0)),
            ("weight_decay", Value::Float(0.0)),
            off("nesterov"),
            off("maximize"),
            ("foreach", Value::None),
            off("differentiable"),
            ("fused", Value::None),
        ]
    };
    match spec {
        OptimiserSpec::Sam { rho, momentum } => {
            let mut sam = sgd(momentum);
            sam.push(("rho", Value::Float(rho)));
            sam
        }
        OptimiserSpec::Sgd { momentum } => sgd(momentum),
        OptimiserSpec::AdamW { weight_decay } => {
            let (mean, square) = adamw::BETAS;
            vec![
                ("betas", Value::List(vec![Value::Float(mean), Value::Float(square)])),
                ("eps", Value::Float(adamw::EPS)),
                ("weight_decay", Value::Float(weight_decay)),
                off("amsgrad"),
                off("maximize"),
                ("foreach", Value::None),
                off("capturable"),
                off("differentiable"),
                ("fused", Value::None),
                ("decoupled_weight_decay", Value::Bool(true)),
            ]
        }
    }
}

/// Where the run is, and the averages to go on with.
fn position_value(position: &Position, averages: Option<&Averages>) -> Result<Value, SavedError> {
    let average = |(name, average): (&str, &Tensor)| Ok((text(name), Value::Tensor(to_data(average)?)));
    let averages = averages.into_iter().flat_map(Averages::values).map(average);
    let averages = averages.collect::<Result<Vec<_>, ModelError>>()?;
    Ok(dict(vec![
        ("epoch", Value::Int(position.epoch as i64)),
        ("step", Value::Int(position.step as i64)),
        ("steps", Value::Int(position.steps as i64)),
        ("loss_scale", Value::Float(position.scale.scale)),
        ("loss_scale_steps", Value::Int(position.scale.steps as i64)),
        ("sums", sums_to_value(&position.sums)),
        ("averages", Value::Dict(averages)),
    ]))
}
