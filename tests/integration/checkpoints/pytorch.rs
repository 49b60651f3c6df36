//! Files that PyTorch made, and what stands in them.

use super::{expected, fixture, fixtures, outer_zip, read_bytes};
use sbi::checkpoint::{Error, Format, TensorData, Value, read, read_with_optimizer};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Compares with the dtype, shape and values that the fixture script wrote down.
fn assert_tensor(tensor: &TensorData, truth: &Json, context: &str) {
    assert_eq!(tensor.dtype().name(), truth["dtype"], "{context}");
    let shape: Vec<Json> = tensor.shape().iter().map(|&n| n.into()).collect();
    assert_eq!(Json::from(shape), truth["shape"], "{context}");
    let values = truth["values"].as_array().unwrap().iter();
    let values: Vec<f32> = values.map(|x| x.as_f64().unwrap() as f32).collect();
    assert_eq!(tensor.to_f32_vec(), values, "{context}");
}

#[test]
fn fixtures_hold_what_pytorch_put_in() {
    for (file, truth) in expected() {
        let path = fixtures().join(&file);
        let checkpoint = read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(checkpoint.optimizer.is_none() && checkpoint.extra.is_empty());
        assert_eq!(checkpoint.epoch, truth["epoch"].as_i64(), "{file}");
        let names: Vec<&str> = checkpoint.state.names().collect();
        let state = truth["state"].as_object().unwrap();
        let mut known: Vec<&str> = state.keys().map(String::as_str).collect();
        // The safetensors library writes in an order of its own.
        if checkpoint.format == Format::Safetensors {
            known.sort_by_key(|name| names.iter().position(|n| n == name));
        }
        assert_eq!(names, known, "{file}");
        for (name, tensor) in checkpoint.state.iter() {
            assert_tensor(tensor, &state[name], &format!("{file}: {name}"));
        }
        let everything = read_with_optimizer(&path).unwrap();
        assert_eq!(everything.state, checkpoint.state, "{file}");
    }
}

#[test]
fn optimizer_state_comes_back() {
    for (file, truth) in expected() {
        let Some(slots) = truth.get("optimizer").and_then(Json::as_array) else {
            continue;
        };
        let checkpoint = read_with_optimizer(&fixtures().join(&file)).unwrap();
        let optimizer = checkpoint.optimizer.unwrap();
        let Some(Value::Dict(states)) = optimizer.get("state") else {
            panic!("{file}: no state");
        };
        assert_eq!(states.len(), slots.len(), "{file}");
        for ((key, state), slot) in states.iter().zip(slots) {
            for (name, truth) in slot.as_object().unwrap() {
                let context = format!("{file}: {key:?} {name}");
                let Some(Value::Tensor(tensor)) = state.get(name) else {
                    panic!("{context} is no tensor");
                };
                assert_tensor(tensor, truth, &context);
            }
        }
        let Some(Value::List(groups)) = optimizer.get("param_groups") else {
            panic!("{file}: no groups");
        };
        assert_eq!(groups[0].get("momentum"), Some(&Value::Float(0.9)), "{file}");
    }
}

#[test]
fn objects_of_other_classes_are_opaque() {
    for file in ["strange.zip", "strange.legacy"] {
        let checkpoint = read_with_optimizer(&fixtures().join(file)).unwrap();
        let extra: BTreeMap<_, _> = checkpoint.extra.into_iter().collect();
        let opaque = |class: &str| Value::Opaque { class: class.to_owned() };
        assert_eq!(extra["args"], opaque("argparse.Namespace"), "{file}");
        assert_eq!(extra["best"], opaque("numpy.core.multiarray.scalar"), "{file}");
        assert_eq!(extra["big"], opaque("int"), "{file}");
        assert_eq!(extra["complex"], opaque("torch.Tensor"), "{file}");
        assert_eq!(extra["size"], Value::Tuple(vec![Value::Int(1), Value::Int(2)]), "{file}");
        let optimizer = opaque("torch.optim.sgd.SGD");
        assert_eq!(checkpoint.optimizer, Some(optimizer), "{file}");
    }
}

#[test]
fn formats_are_told_by_the_bytes() {
    let format = |file: &str| read(&fixtures().join(file)).unwrap().format;
    assert_eq!(format("sgd.zip"), Format::TorchZip);
    assert_eq!(format("sgd.legacy"), Format::TorchLegacy);
    assert_eq!(format("deflated_sgd.legacy.outer"), Format::TorchLegacy);
    assert_eq!(format("stored_sgd.zip.outer"), Format::TorchZip);
    let safetensors = read(&fixtures().join("dtypes.safetensors")).unwrap();
    assert_eq!(safetensors.format, Format::Safetensors);
    assert_eq!(safetensors.metadata["made by"], "make.py");
}

#[test]
fn refuses_with_a_message_of_its_own() {
    let message = |file: &str| read(&fixtures().join(file)).unwrap_err().to_string();
    let script = message("refused_torchscript.zip");
    assert!(script.contains("TorchScript") && script.contains("refused_torchscript.zip"));
    let module = message("refused_module.zip");
    assert!(module.contains("no state dict") && module.contains("Net"), "{module}");
    assert!(message("refused_list.legacy").contains("a list of 2"));
    assert!(message("no such file").contains("no such file"));
    let none = outer_zip(&[("a.txt", b"text"), ("b.txt", b"text")]);
    assert!(matches!(read_bytes(&none), Err(Error::NotOneInZip { found: 0, .. })));
    let weights = fixture("sgd.zip");
    let two = outer_zip(&[("a.pt", &weights), ("b.pt", &weights)]);
    assert!(matches!(read_bytes(&two), Err(Error::NotOneInZip { found: 2, .. })));
    let twice = outer_zip(&[("a.zip", &outer_zip(&[("b.pt", &weights)]))]);
    assert!(read_bytes(&twice).is_ok());
    let thrice = outer_zip(&[("a.zip", &twice)]);
    assert!(matches!(read_bytes(&thrice), Err(Error::NotOneInZip { .. })));
}
