//! Weight files in all their forms: PyTorch's zip archive, its legacy row of pickles, either of them in a plain zip, and
//! safetensors; and whatever people take for weights.

#![no_main]

use sbi::checkpoint::{Contents, StateDict, TensorData, read_from, write_safetensors, write_torch};
use sbi::metrics::Calibration;
use sbi::model::forgery_detector::detector_part;
use sbi::model::{InputSpec, NamedWeights};
use sbi_fuzz::{file, fixtures, folder, fuzz_target, plant};
use std::collections::BTreeMap;
use std::io::Cursor;

/// Weight files of PyTorch, and two of this program with names of a wrapped detector.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = fixtures("tests/fixtures/checkpoints", 16_384);
    let mut state = StateDict::new();
    for name in ["_orig_mod.net._conv_stem.weight", "_orig_mod.net._fc.bias", "_orig_mod.bn.weight"] {
        let tensor = TensorData::from_f32(&[2], &[0.5, 1.0]).expect("two numbers");
        state.insert(name, tensor).expect("the names differ");
    }
    let metadata =
        [("image_size", "224"), ("normalisation", "imagenet"), ("threshold", "0.5"), ("temperature", "1")];
    let metadata: BTreeMap<String, String> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let failed = "seeds can be written";
    let (torch, safetensors) = (folder().join("a.tar"), folder().join("a.safetensors"));
    write_torch(&torch, &state, None, Some(7), &metadata).expect(failed);
    write_safetensors(&safetensors, &state, &metadata).expect(failed);
    seeds.extend([torch, safetensors].map(|path| std::fs::read(path).expect(failed)));
    seeds
}

fuzz_target!(
    init: plant(seeds()),
    |bytes: &[u8]| {
        let everything = read_from(Cursor::new(bytes), Contents::Everything);
        let weights = read_from(Cursor::new(bytes), Contents::Weights);
        // What is wrong beside the weights is no reason to refuse them.
        if let Ok(everything) = &everything {
            assert_eq!(weights.as_ref().expect("the weights are a part").state, everything.state);
        }
        if let Ok(weights) = weights {
            let path = file("a.pth", bytes);
            let named = NamedWeights::read(&path).expect("it was read before").checkpoint;
            assert_eq!(named.state.len(), weights.state.len());
            let _ = (InputSpec::from_metadata(&named.metadata), Calibration::from_metadata(&named.metadata));
            let _ = (detector_part(&named.state, &path), detector_part(&weights.state, &path));
        }
    }
);
