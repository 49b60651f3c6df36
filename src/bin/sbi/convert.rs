//! `sbi convert`.

use crate::Outcome;
use crate::args::{ConvertArgs, Precision};
use anyhow::{Context, bail, ensure};
use sbi::causes::with_causes;
use sbi::checkpoint::{self, Checkpoint, DType, StateDict, TensorData};
use sbi::model;
use std::path::Path;

/// Forms that can be written.
pub enum Form {
    Torch,
    Safetensors,
}

pub fn run(args: &ConvertArgs) -> anyhow::Result<Outcome> {
    let form = Form::of(&args.output)?;
    let output = args.output.display();
    ensure!(args.overwrite || !args.output.exists(), "{output}: exists already; --overwrite replaces it");
    let mut file = checkpoint::read_with_optimizer(&args.input)?;
    if args.detector_only {
        file.state = model::forgery_detector::detector_part(&file.state, &args.input)?;
        file.optimizer = None;
    }
    file.state = in_precision(&file.state, args.precision)?;
    write(&file, form, &args.output).with_context(|| format!("writing {output}"))?;
    let megabytes = file.state.total_bytes() as f64 / 1e6;
    println!("{output}: {} tensors, {megabytes:.1} MB", file.state.len());
    Ok(Outcome::AllDone)
}

impl Form {
    /// By the extension.
    pub fn of(path: &Path) -> anyhow::Result<Form> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("safetensors") => Ok(Form::Safetensors),
            Some("tar" | "pth" | "pt") => Ok(Form::Torch),
            _ => bail!(
                "{}: the extension must be .safetensors, or .tar, .pth or .pt for PyTorch's form",
                path.display()
            ),
        }
    }
}

/// Writes weights with what is told beside them.
pub fn write(file: &Checkpoint, form: Form, path: &Path) -> Result<(), checkpoint::Error> {
    match form {
        Form::Safetensors => {
            if file.optimizer.is_some() {
                eprintln!("note: safetensors has no place for the optimiser's state, it is left out");
            }
            let mut metadata = file.metadata.clone();
            if let Some(epoch) = file.epoch {
                metadata.insert("epoch".to_owned(), epoch.to_string());
            }
            checkpoint::write_safetensors(path, &file.state, &metadata)
        }
        // The original programs look for a detector under `model`, for everything else at the top.
        Form::Torch if file.state.contains("net._conv_stem.weight") => {
            let write =
                |optimizer| checkpoint::write_torch(path, &file.state, optimizer, file.epoch, &file.metadata);
            let written = write(file.optimizer.as_ref());
            match written {
                Err(error) if file.optimizer.is_some() => {
                    eprintln!("note: the optimiser's state is left out: {}", with_causes(&error));
                    write(None)
                }
                other => other,
            }
        }
        Form::Torch => checkpoint::write_bare_torch(path, &file.state),
    }
}

/// The state dict with all floating-point tensors in one element type, or as it is; integers stay.
pub fn in_precision(state: &StateDict, precision: Option<Precision>) -> anyhow::Result<StateDict> {
    let Some(precision) = precision else { return Ok(state.clone()) };
    let mut converted = StateDict::new();
    for (name, tensor) in state.iter() {
        let shape = tensor.shape();
        let tensor = match (is_float(tensor.dtype()), precision) {
            (false, _) => tensor.clone(),
            (true, Precision::F32) => TensorData::from_f32(shape, &tensor.to_f32_vec())?,
            (true, Precision::F16) => {
                let halves = tensor.to_f32_vec().into_iter().map(half::f16::from_f32);
                let bytes = halves.flat_map(half::f16::to_le_bytes).collect();
                TensorData::new(DType::F16, shape.to_vec(), bytes)?
            }
        };
        converted.insert(name, tensor)?;
    }
    Ok(converted)
}

fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F64 | DType::F32 | DType::F16 | DType::BF16)
}
