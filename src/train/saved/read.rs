//! A run's state from a file.

use super::{OURS, SavedError, sums_of_value};
use crate::checkpoint::{self, Value};
use crate::model::face_encoder::FACE_ENCODER_PREFIX;
use crate::model::weights::{load_part, to_tensor};
use crate::train::averages::Averages;
use crate::train::optimiser::Optimiser;
use crate::train::precision::LossScale;
use crate::train::state::{Position, TrainingState};
use std::path::Path;

/// Reads what [`write()`](super::write()) wrote into the state of a run with the same configuration, whose face encoder
/// has been made from the same file.
///
/// Fails when the file is damaged, of another network, or holds no state of a run.
pub fn read(path: &Path, run: &mut TrainingState) -> Result<(), SavedError> {
    let file = checkpoint::read_with_optimizer(path)?;
    let of_encoder = |name: &str| name.starts_with(FACE_ENCODER_PREFIX);
    load_part(run.model.variables(), "", &file.state, "this configuration", path, of_encoder)?;
    let missing = missing_from(path);
    let optimizer = file.optimizer.as_ref().ok_or_else(|| missing("the optimiser's state"))?;
    let ours = optimizer.get(OURS).ok_or_else(|| missing("the position in the run"))?;
    read_memory(path, optimizer, &mut run.optimiser)?;
    if let Some(averages) = &mut run.averages {
        read_averages(path, ours, averages)?;
    }
    run.position = read_position(path, ours)?;
    Ok(())
}

/// What to say of a file that lacks a part.
fn missing_from(path: &Path) -> impl Fn(&'static str) -> SavedError {
    move |missing| SavedError::NoState { path: path.to_owned(), missing }
}

fn read_position(path: &Path, ours: &Value) -> Result<Position, SavedError> {
    let missing = missing_from(path);
    let number = |key: &'static str| match ours.get(key) {
        Some(Value::Int(number)) if *number >= 0 => Ok(*number as usize),
        _ => Err(missing(key)),
    };
    let Some(Value::Float(scale)) = ours.get("loss_scale") else { return Err(missing("loss_scale")) };
    Ok(Position {
        epoch: number("epoch")?,
        step: number("step")?,
        steps: number("steps")?,
        scale: LossScale { scale: *scale, steps: number("loss_scale_steps")? },
        sums: sums_of_value(ours.get("sums")),
    })
}

fn read_averages(path: &Path, ours: &Value, averages: &mut Averages) -> Result<(), SavedError> {
    let missing = missing_from(path);
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
            return Err(SavedError::Memory { path: path.to_owned(), name: name.clone() });
        }
    }
    Ok(())
}

fn read_memory(path: &Path, file: &Value, optimiser: &mut Optimiser) -> Result<(), SavedError> {
    let missing = missing_from(path);
    let Some(Value::List(groups)) = file.get("param_groups") else {
        return Err(missing("the optimiser's groups"));
    };
    let Some(Value::List(names)) = groups.first().and_then(|group| group.get("param_names")) else {
        return Err(missing("the names of the optimiser's weights"));
    };
    let Some(Value::Dict(memory)) = file.get("state") else {
        return Err(missing("the optimiser's memory"));
    };
    for (index, entry) in memory {
        let name = match index {
            Value::Int(index) => usize::try_from(*index).ok().and_then(|index| names.get(index)),
            _ => None,
        };
        let (Some(Value::Str(name)), Value::Dict(parts)) = (name, entry) else {
            return Err(missing("a weight's memory with its name"));
        };
        let mut memory = Vec::new();
        for part in parts {
            let (Value::Str(part), Value::Tensor(value)) = part else {
                return Err(missing("a weight's memory in tensors"));
            };
            memory.push((part.as_str(), to_tensor(value)?));
        }
        if !optimiser.set_memory(name, &memory) {
            return Err(SavedError::Memory { path: path.to_owned(), name: name.clone() });
        }
    }
    Ok(())
}
