//! Backbone, detectors, face encoder.

use super::{Options, digest, doubles, l2, rows, statistics, sum};
use sbi::model::InputSpec;
use sbi::model::efficientnet::{EfficientNet, Mode, Variant};
use sbi::model::encoder::{Encoder, IRESNET18, Pooling};
use sbi::model::fill;
use sbi::model::forgery_detector::{ForgeryDetector, Method};
use sbi::model::published::Layout;
use sbi::model::retinaface::Body;
use serde_json::{Map, Value, json};
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
    const TENSORS: [(&str, &[i64], &str); 10] = [
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
    let describe = |name: &str, shape: &[i64], role: &str, values: &[f32]| {
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
        ("retinaface", Layout::RetinaFace(Body::ResNet50)),
    ];
    let dicts: Map<String, Value> = layouts
        .into_iter()
        .map(|(kind, layout)| {
            let entries = layout.entries();
            let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
            let elements: i64 = entries.iter().map(|(_, shape)| shape.iter().product::<i64>()).sum();
            let hash = digest(names.join("\n").as_bytes());
            (kind.to_owned(), json!({"entries": names.len(), "elements": elements, "names_fnv1a64": hash}))
        })
        .collect();
    let note = "hash of the sorted names joined by one newline";
    json!({"seed": seed, "tensors": tensors, "state_dicts": dicts, "state_dicts_note": note})
}

/// A bare backbone or a detector.
enum Network {
    Bare(EfficientNet),
    ForgeryDetector(ForgeryDetector),
}

impl Network {
    /// A freshly filled network.
    fn new(kind: &str, seed: u64, scaled: bool) -> Self {
        let vs = VarStore::new(Device::Cpu);
        let network = match kind {
            "b4" => Network::Bare(EfficientNet::new(&vs.root(), b4(), 2)),
            "sbi" => Network::ForgeryDetector(ForgeryDetector::build(
                &vs.root(),
                Method::Sbi,
                b4(),
                InputSpec::default(),
                Device::Cpu,
            )),
            _ => Network::ForgeryDetector(ForgeryDetector::build(
                &vs.root(),
                Method::Eg,
                b4(),
                InputSpec::default(),
                Device::Cpu,
            )),
        };
        fill::fill_variables(&vs, seed);
        if scaled {
            let of_backbone = |name: &str| kind == "b4" || name.starts_with("net.");
            for (name, mut t) in vs.variables() {
                if name.ends_with("running_var") && of_backbone(&name) {
                    t.copy_(&(&t * f64::from(VARIANCE_SCALE as f32)));
                }
            }
        }
        network
    }

    fn backbone(&self) -> &EfficientNet {
        match self {
            Network::Bare(net) => net,
            Network::ForgeryDetector(detector) => detector.backbone(),
        }
    }

    fn classify(&self, features: &Tensor) -> Tensor {
        match self {
            Network::Bare(net) => net.classify(features),
            Network::ForgeryDetector(detector) => detector.classify(features),
        }
    }

    fn compile(&mut self) {
        match self {
            Network::Bare(net) => net.compile(),
            Network::ForgeryDetector(detector) => detector.compile(),
        }
    }
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
        let mut network = Network::new(kind, seed, name == "eval_scaled");
        let mode = if in_training { Mode::BatchStatistics } else { Mode::Eval };
        let mut trace = Vec::new();
        let features = if compiled {
            network.compile();
            network.backbone().pooled_features(&x, mode)
        } else {
            let mut see = |at: &str, t: &Tensor| trace.push(json!({"at": at, "sum": sum(t), "l2": l2(t)}));
            network.backbone().trace(&x, mode, &mut see)
        };
        let logits = network.classify(&features);
        let fake = logits.softmax(1, Kind::Float).select(1, 1);
        let mut entry = json!({
            "logits": rows(&logits), "prob_fake": doubles(&fake), "features": statistics(&features), "trace": trace,
        });
        if in_training {
            let (mean, var) = network.backbone().stem_statistics();
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
        let vs = VarStore::new(Device::Cpu);
        let encoder = Encoder::new(&vs.root(), IRESNET18, pooling);
        fill::fill_variables(&vs, options.seed);
        let e = encoder.embed(&x);
        let cosine = Tensor::cosine_similarity(&e.get(0), &e.get(1), 0, 1e-8).double_value(&[]);
        let mut entry = statistics(&e);
        entry["embedding"] = rows(&e);
        entry["cosine_0_1"] = cosine.into();
        result[name] = entry;
    }
    result
}
