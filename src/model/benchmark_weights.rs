//! Weight files of DeepfakeBench, the field's common benchmark: its EfficientNet under the names that are used here.
//!
//! Its files are bare state dicts. The trunk stands under `backbone.efficientnet.`, with the names of the Python package
//! `efficientnet_pytorch`, and the classifier is `backbone.last_layer`. The stem has no padding; images are brought to
//! 256 pixels with cubic interpolation.

use super::forgery_network::BACKBONE_PREFIX;
use super::input::{InputSpec, Normalisation, Resize};
use super::named_weights::{STEM, WRAPPERS, only_prefix};
use crate::checkpoint::{self, BATCH_COUNTER, Checkpoint, StateDict, TensorData};

/// What stands before the names of the trunk.
const TRUNK: &str = "backbone.efficientnet.";
/// What stands before the names of the classifier.
const CLASSIFIER: &str = "backbone.last_layer.";
/// A layer that some files have beside; scores do not go through it.
pub(super) const ADJUST_CHANNEL: &str = "backbone.adjust_channel.";
/// The name of the classifier in `efficientnet_pytorch`.
const FC: &str = "_fc.";
/// Side of the input in pixels.
const SIDE: i64 = 256;
/// With so many classes it is their SBI, trained with other constants than their EfficientNet.
const SBI_CLASSES: usize = 3;

/// Why a network cannot be written under DeepfakeBench's names: it would be another network there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BenchmarkError {
    /// The file holds no forgery detector.
    #[error("it is no forgery detector")]
    NoForgeryDetector,
    /// The file has layers that theirs lacks.
    #[error("it has layers that an EfficientNet of DeepfakeBench lacks, first {first}")]
    MoreLayers {
        /// The name of the first of their weights.
        first: String,
    },
    /// The stem sees zeros around the image.
    #[error("its stem pads the image, and DeepfakeBench's does not: scores would be others")]
    PaddedStem,
}

/// Brings a file of DeepfakeBench to the names and metadata that are used here, and says so; `None` for other files.
///
/// The file does not tell how its images were normalised: with two classes it is taken for their EfficientNet, with
/// three for their SBI.
pub(super) fn renamed(file: &mut Checkpoint) -> Result<Option<String>, checkpoint::Error> {
    let weight = format!("{TRUNK}{STEM}");
    let head = format!("{CLASSIFIER}weight");
    let Some(outer) = only_prefix(&file.state, &[&weight, &head]) else { return Ok(None) };
    if !outer.split_terminator('.').all(|part| WRAPPERS.contains(&part)) {
        return Ok(None);
    }
    let outer = outer.to_owned();
    let mut state = StateDict::new();
    for (name, tensor) in file.state.iter() {
        let name = name.strip_prefix(&outer).unwrap_or(name);
        let ours = match (name.strip_prefix(TRUNK), name.strip_prefix(CLASSIFIER)) {
            (Some(rest), _) => format!("{BACKBONE_PREFIX}{rest}"),
            (_, Some(rest)) => format!("{BACKBONE_PREFIX}{FC}{rest}"),
            _ => name.to_owned(),
        };
        state.insert(ours, tensor.clone())?;
    }
    let classes = file.state.get(&format!("{outer}{head}")).and_then(|head| head.shape().first().copied());
    let (normalisation, named) = match classes {
        Some(SBI_CLASSES) => (Normalisation::ImageNet, "SBI (three classes)"),
        _ => (Normalisation::Half, "EfficientNet"),
    };
    let input = InputSpec { normalisation, side: SIDE, resize: Resize::Cubic, padded: false };
    file.state = state;
    for (key, value) in input.to_metadata() {
        file.metadata.entry(key).or_insert(value);
    }
    Ok(Some(format!(
        "read as DeepfakeBench's {named}: {SIDE} pixels, normalisation {}, which the file itself does not tell",
        normalisation.name()
    )))
}

/// The state dict under DeepfakeBench's names, as its `load_state_dict` takes it strictly.
///
/// Fails for networks that theirs cannot be.
pub fn benchmark_state(file: &Checkpoint) -> Result<Result<StateDict, BenchmarkError>, checkpoint::Error> {
    if !file.state.contains(&format!("{BACKBONE_PREFIX}{STEM}")) {
        return Ok(Err(BenchmarkError::NoForgeryDetector));
    }
    let unknown = |name: &&str| !name.starts_with(BACKBONE_PREFIX) && !name.starts_with(ADJUST_CHANNEL);
    if let Some(first) = file.state.names().find(unknown) {
        return Ok(Err(BenchmarkError::MoreLayers { first: first.to_owned() }));
    }
    if InputSpec::from_metadata(&file.metadata).is_ok_and(|input| input.padded) {
        return Ok(Err(BenchmarkError::PaddedStem));
    }
    let mut state = StateDict::new();
    for (name, tensor) in file.state.iter() {
        let theirs = match name.strip_prefix(BACKBONE_PREFIX) {
            Some(rest) => match rest.strip_prefix(FC) {
                Some(leaf) => format!("{CLASSIFIER}{leaf}"),
                None => format!("{TRUNK}{rest}"),
            },
            None => name.to_owned(),
        };
        state.insert(theirs, tensor.clone())?;
    }
    // Inference has no use for these; a strict load wants them.
    let stems: Vec<String> =
        state.names().filter_map(|name| name.strip_suffix("running_var")).map(str::to_owned).collect();
    for stem in stems {
        let counter = format!("{stem}{BATCH_COUNTER}");
        if !state.contains(&counter) {
            state.insert(counter, TensorData::from_i64(&[], &[0])?)?;
        }
    }
    Ok(Ok(state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::write_bare_torch;
    use crate::model::efficientnet::{VARIANTS, Variant};
    use crate::model::fill;
    use crate::model::published::Layout;
    use crate::model::{Execution, ForgeryDetector, Method, NamedWeights};
    use tch::Device;

    /// A file of theirs: b0, filled under their own names, with so many classes.
    fn theirs(classes: usize, prefix: &str, seed: u64) -> StateDict {
        let b0 = Variant::named("efficientnet-b0").unwrap();
        let mut state = StateDict::new();
        for (name, mut shape) in Layout::Backbone(b0).entries() {
            let name = match name.strip_prefix(FC) {
                Some(leaf) => format!("{CLASSIFIER}{leaf}"),
                None => format!("{TRUNK}{name}"),
            };
            if name.starts_with(CLASSIFIER) {
                shape[0] = classes;
            }
            let tensor = match fill::state_entry(&name, &shape, seed) {
                Some(values) => TensorData::from_f32(&shape, &values).unwrap(),
                None => TensorData::from_i64(&shape, &[7]).unwrap(),
            };
            state.insert(format!("{prefix}{name}"), tensor).unwrap();
        }
        state
    }

    #[test]
    fn files_of_theirs_are_recognised_run_and_written_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [(2, "", Normalisation::Half), (3, "module.", Normalisation::ImageNet)];
        for (classes, prefix, normalisation) in cases {
            let path = folder.path().join("theirs.pth");
            write_bare_torch(&path, &theirs(classes, prefix, 3)).unwrap();
            let NamedWeights { checkpoint, notes } = NamedWeights::read(&path).unwrap();
            assert!(
                notes[0].contains("DeepfakeBench") && notes[0].contains(normalisation.name()),
                "{notes:?}"
            );
            assert_eq!(benchmark_state(&checkpoint).unwrap().unwrap(), theirs(classes, "", 3));

            let x = fill::input("image", 5, 2 * 3 * 64 * 64);
            let x = tch::Tensor::from_slice(&x).view([2, 3, 64, 64]);
            let logits = |execution| {
                let detector = ForgeryDetector::load(&path, execution).unwrap();
                let expected = InputSpec { normalisation, side: 256, resize: Resize::Cubic, padded: false };
                assert_eq!((detector.input(), detector.method()), (expected, Method::Sbi));
                assert_eq!(detector.backbone().variant, VARIANTS[0].with_unpadded_stem());
                tch::no_grad(|| detector.logits(&x))
            };
            let (plain, fast) =
                (logits(Execution::plain(Device::Cpu)), logits(Execution::fastest(Device::Cpu)));
            assert_eq!(plain.size(), [2, classes as i64]);
            let apart = (&plain - fast).abs().max().double_value(&[]);
            assert!(apart < 1e-4 * plain.abs().max().double_value(&[]), "{apart}");
        }
    }

    #[test]
    fn other_normalisations_can_be_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("theirs.pth");
        write_bare_torch(&path, &theirs(2, "", 3)).unwrap();
        let plain = Execution::plain(Device::Cpu);
        let detector = ForgeryDetector::load_with(&path, Some(Normalisation::ImageNet), plain).unwrap();
        assert_eq!(detector.input().normalisation, Normalisation::ImageNet);
    }

    #[test]
    fn networks_that_theirs_cannot_be_are_refused() {
        let b0 = Variant::named("efficientnet-b0").unwrap();
        let refused = |layout: Layout, padded: bool| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ours.safetensors");
            let input = InputSpec { padded, ..InputSpec::default() };
            let metadata = input.to_metadata().into_iter().collect();
            checkpoint::write_safetensors(&path, &layout.filled(1).unwrap(), &metadata).unwrap();
            benchmark_state(&checkpoint::read(&path).unwrap()).unwrap().err()
        };
        let sbi = Layout::ForgeryDetector(Method::Sbi, b0);
        assert_eq!(refused(sbi, true), Some(BenchmarkError::PaddedStem));
        assert_eq!(refused(sbi, false), None);
        let eg = refused(Layout::ForgeryDetector(Method::Eg, b0), false).unwrap();
        assert!(
            eg.to_string().contains("layers that an EfficientNet of DeepfakeBench lacks, first bn."),
            "{eg}"
        );
        assert_eq!(refused(Layout::ArcFace, false), Some(BenchmarkError::NoForgeryDetector));
    }
}
