//! Backbone, detectors, face encoder.

use super::{Options, digest, doubles, l2, rows, statistics, sum};
use sbi::checkpoint::StateDict;
use sbi::model::efficientnet::{EfficientNet, Mode, Variant};
use sbi::model::encoder::{Encoder, IRESNET18, Pooling};
use sbi::model::fill;
use sbi::model::forgery_network::{BACKBONE_PREFIX, ForgeryNetwork, Method};
use sbi::model::published::Layout;
use sbi::model::weights::{load_part, to_data, to_tensor};
use sbi::model::{Execution, ForgeryDetector, InputSpec, RetinaFaceBody};
use sbi::network::Weights;
use serde_json::{Map, Value, json};
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Factor on the running variances in the mode `eval_scaled`, without which logits hardly depend on the input.
const VARIANCE_SCALE: f64 = 0.6;

fn b4() -> Variant {
    Variant::named("efficientnet-b4").expect("b4 is in the table")
}

pub fn input(label: &str, shape: [i64; 4], seed: u64) -> Tensor {
    let values = fill::input(label, seed, shape.iter().product::<i64>() as usize);
    Tensor::from_slice(&values).view(shape)
}

pub fn fill_check(seed: u64) -> Value {
    const TENSORS: [(&str, &[usize], &str); 10] = [
        ("net._conv_stem.weight", &[48, 3, 3, 3], "kernel"),
        ("net._blocks.15._depthwise_conv.weight", &[672, 1, 5, 5], "kernel"),
        ("net._bn0.weight", &[48], "norm_weight"),
        ("net._bn0.bias", &[48], "bias"),
        ("net._bn0.running_mean", &[48], "running_mean"),
        ("net._bn0.running_var", &[48], "running_var"),
        ("face_model.prelu.weight", &[64], "prelu"),
        ("fc_cat.classifier.weight", &[2, 1792], "kernel"),
        ("features.bias", &[512], "bias"),
        ("body.conv1.weight", &[64, 3, 7, 7], "kernel"),
    ];
    let describe = |name: &str, shape: &[usize], role: &str, values: &[f32]| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let doubles: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
        json!({
            "name": name, "shape": shape, "role": role, "first4": doubles[..4], "last": doubles[doubles.len() - 1],
            "sum": doubles.iter().sum::<f64>(), "bits_fnv1a64": digest(&bytes),
        })
    };
    let mut tensors: Vec<Value> = TENSORS
        .iter()
        .map(|(name, shape, role)| {
            let values = fill::state_entry(name, shape, seed).expect("a float entry");
            describe(name, shape, role, &values)
        })
        .collect();
    tensors.push(describe("input/image", &[2, 3, 8, 8], "input", &fill::input("image", seed, 2 * 3 * 8 * 8)));

    let layouts = [
        ("b4", Layout::Backbone(b4())),
        ("sbi", Layout::ForgeryDetector(Method::Sbi, b4())),
        ("eg", Layout::ForgeryDetector(Method::Eg, b4())),
        ("arcface", Layout::ArcFace),
        ("retinaface", Layout::RetinaFace(RetinaFaceBody::ResNet50)),
    ];
    let dicts: Map<String, Value> = layouts
        .into_iter()
        .map(|(kind, layout)| {
            let entries = layout.entries();
            let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
            let elements: usize = entries.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
            let hash = digest(names.join("\n").as_bytes());
            (kind.to_owned(), json!({"entries": names.len(), "elements": elements, "names_fnv1a64": hash}))
        })
        .collect();
    let note = "hash of the sorted names joined by one newline";
    json!({"seed": seed, "tensors": tensors, "state_dicts": dicts, "state_dicts_note": note})
}

/// The weights of a kind of network.
fn weights(kind: &str, seed: u64, scaled: bool) -> StateDict {
    let layout = match kind {
        "b4" => Layout::Backbone(b4()),
        "sbi" => Layout::ForgeryDetector(Method::Sbi, b4()),
        _ => Layout::ForgeryDetector(Method::Eg, b4()),
    };
    let filled = layout.filled(seed).expect("names are different");
    let of_backbone = |name: &str| kind == "b4" || name.starts_with(BACKBONE_PREFIX);
    let mut state = StateDict::new();
    for (name, data) in filled.iter() {
        let data = match scaled && name.ends_with("running_var") && of_backbone(name) {
            true => {
                let t = to_tensor(data).expect("a tensor of its values");
                to_data(&(&t * f64::from(VARIANCE_SCALE as f32))).expect("values of a tensor")
            }
            false => data.clone(),
        };
        state.insert(name, data).expect("names are different");
    }
    state
}

/// Features and logits of a network, and what lies between where its layers can be seen.
struct Answer {
    features: Tensor,
    logits: Tensor,
    trace: Vec<Value>,
    /// Running mean and variance of the first batch norm afterwards.
    stem_statistics: Option<[Tensor; 2]>,
}

/// The network as modules, whose variables `state` fills.
fn traced(kind: &str, state: &StateDict, x: &Tensor, mode: Mode) -> Answer {
    let vs = VarStore::new(Device::Cpu);
    let mut trace = Vec::new();
    // Parity's traces leave out the last convolution.
    let mut see = |at: &str, t: &Tensor| {
        if at != "_conv_head" {
            trace.push(json!({"at": at, "sum": sum(t), "l2": l2(t)}));
        }
    };
    let load = || {
        let variables = vs.variables();
        let only_in_file = |name: &str| !variables.contains_key(name);
        load_part(&vs, "", state, kind, Path::new("filled"), only_in_file).expect("weights of this network");
    };
    let expect = "enough memory";
    let (features, logits) = if kind == "b4" {
        let network = EfficientNet::new(b4(), 2, &vs.root()).expect(expect);
        load();
        let features = network.trace(x, mode, &mut see);
        let logits = network.classify(&features);
        (features, logits)
    } else {
        let method = if kind == "sbi" { Method::Sbi } else { Method::Eg };
        let network = ForgeryNetwork::new(method, b4(), InputSpec::default(), &vs).expect(expect);
        load();
        let features = network.backbone().trace(x, mode, &mut see);
        let logits = network.classify(&features);
        (features, logits)
    };
    let prefix = if kind == "b4" { "" } else { BACKBONE_PREFIX };
    let statistic = |leaf: &str| vs.variables()[&format!("{prefix}_bn0.{leaf}")].shallow_clone();
    let stem_statistics = Some([statistic("running_mean"), statistic("running_var")]);
    Answer { features, logits, trace, stem_statistics }
}

/// The network as it infers.
fn answered(kind: &str, state: &StateDict, x: &Tensor, execution: Execution) -> Answer {
    let expect = "weights of this network";
    let (features, logits) = if kind == "b4" {
        let network = EfficientNet::load(b4(), 2, Weights::new(state, ""), execution).expect(expect);
        let features = network.pooled_features(x);
        let logits = network.classify(&features);
        (features, logits)
    } else {
        let input = InputSpec::default();
        let detector =
            ForgeryDetector::from_state(state, input, Path::new("filled"), execution).expect(expect);
        let features = detector.backbone().pooled_features(x);
        let logits = detector.network().classify(&features);
        (features, logits)
    };
    Answer { features, logits, trace: Vec::new(), stem_statistics: None }
}

pub fn efficientnet(kind: &str, options: Options) -> Value {
    let Options { seed, size, batch, compiled } = options;
    let (size, batch) = (size.unwrap_or(380), batch.unwrap_or(2));
    let x = input("image", [batch, 3, size, size], seed);
    let mut result = Map::new();
    result.insert("seed".into(), seed.into());
    result.insert("size".into(), size.into());
    result.insert("batch".into(), batch.into());
    result.insert("variance_scale".into(), VARIANCE_SCALE.into());
    for name in ["eval", "eval_scaled", "batch_stats"] {
        let in_training = name == "batch_stats";
        if in_training && (kind == "eg" || compiled) {
            continue;
        }
        let state = weights(kind, seed, name == "eval_scaled");
        let mode = if in_training { Mode::BatchStatistics } else { Mode::Eval };
        let answer = match compiled {
            true => answered(kind, &state, &x, options.execution()),
            false => traced(kind, &state, &x, mode),
        };
        let Answer { features, logits, trace, stem_statistics } = answer;
        let fake = logits.softmax(1, Kind::Float).select(1, 1);
        let mut entry = json!({
            "logits": rows(&logits), "prob_fake": doubles(&fake), "features": statistics(&features), "trace": trace,
        });
        if let Some([mean, var]) = stem_statistics.filter(|_| in_training) {
            entry["bn0_running_mean_first4"] = json!(doubles(&mean)[..4]);
            entry["bn0_running_var_first4"] = json!(doubles(&var)[..4]);
        }
        result.insert(name.into(), entry);
    }
    result.into()
}

pub fn iresnet18(options: Options) -> Value {
    let batch = options.batch.unwrap_or(2);
    let x = (input("face", [batch, 3, 112, 112], options.seed) - 0.5) / 0.5;
    let mut result =
        json!({"seed": options.seed, "batch": batch, "input": "input/face, then (x - 0.5) / 0.5"});
    for (name, pooling) in [("pooled", Pooling::Pooled), ("fc", Pooling::Fc)] {
        let state = Layout::ArcFace.filled(options.seed).expect("names are different");
        let plain = Execution::plain(Device::Cpu);
        let encoder = Encoder::new(IRESNET18, pooling, Weights::new(&state, ""), plain);
        let e = encoder.expect("weights of this network").embed(&x);
        let cosine = Tensor::cosine_similarity(&e.get(0), &e.get(1), 0, 1e-8).double_value(&[]);
        let mut entry = statistics(&e);
        entry["embedding"] = rows(&e);
        entry["cosine_0_1"] = cosine.into();
        result[name] = entry;
    }
    result
}
