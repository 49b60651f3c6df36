//! Writes a weight file in the published layout with deterministic, untrained weights:
//!
//! ```text
//! cargo run --release --example make_checkpoint -- sbi out.tar
//! cargo run --release --example make_checkpoint -- eg out.safetensors --backbone efficientnet-b0 --seed 2
//! ```
//!
//! For demonstrations, tests and benchmarks; the scores of such a detector mean nothing.

use sbi::checkpoint::{StateDict, TensorData, write_bare_torch, write_safetensors, write_torch};
use sbi::model::Method;
use sbi::model::efficientnet::Variant;
use sbi::model::published::Layout;
use sbi::model::retinaface::RetinaFaceBody;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Smaller running variances: activations grow with depth instead of fading, so that logits depend on the face.
const VARIANCE_SCALE: f32 = 0.6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut positional = Vec::new();
    let (mut seed, mut backbone) = (1, "efficientnet-b4".to_owned());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--seed" => seed = value()?.parse()?,
            "--backbone" => backbone = value()?,
            _ => positional.push(argument),
        }
    }
    let [kind, output] = positional.as_slice() else {
        return Err(
            "usage: make_checkpoint sbi|eg|arcface|retinaface FILE [--backbone NAME] [--seed N]".into()
        );
    };
    let variant = Variant::named(&backbone).ok_or(format!("no backbone is called {backbone}"))?;
    let (layout, is_detector) = match kind.as_str() {
        "sbi" => (Layout::ForgeryDetector(Method::Sbi, variant), true),
        "eg" => (Layout::ForgeryDetector(Method::Eg, variant), true),
        "arcface" => (Layout::ArcFace, false),
        "retinaface" => (Layout::RetinaFace(RetinaFaceBody::ResNet50), false),
        other => return Err(format!("no network is called {other}").into()),
    };
    let mut state = layout.filled(seed)?;
    if is_detector {
        state = with_smaller_variances(&state)?;
    }
    let output = PathBuf::from(output);
    if output.extension().is_some_and(|e| e == "safetensors") {
        write_safetensors(&output, &state, &BTreeMap::new())?;
    } else if is_detector {
        write_torch(&output, &state, None, Some(0), &Default::default())?;
    } else {
        write_bare_torch(&output, &state)?;
    }
    println!("{}: {} tensors, untrained", output.display(), state.len());
    Ok(())
}

fn with_smaller_variances(state: &StateDict) -> Result<StateDict, sbi::checkpoint::Error> {
    let mut scaled = StateDict::new();
    for (name, tensor) in state.iter() {
        let tensor = if name.starts_with("net.") && name.ends_with("running_var") {
            let values: Vec<f32> = tensor.to_f32_vec().into_iter().map(|v| v * VARIANCE_SCALE).collect();
            TensorData::from_f32(tensor.shape(), &values)?
        } else {
            tensor.clone()
        };
        scaled.insert(name, tensor)?;
    }
    Ok(scaled)
}
