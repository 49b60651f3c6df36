//! One evaluation of EG's objective, one step of the optimiser on it, and the schedule.

use super::{Options, doubles, l2, rows, statistics};
use sbi::model::efficientnet::{Mode, Variant};
use sbi::model::fill;
use sbi::model::objective::{GuideSpec, Losses, Pairs, TrainingModel};
use sbi::model::published::Layout;
use sbi::model::{Execution, InputSpec, Method};
use sbi::train::schedule::linear_last_quarter;
use sbi::train::{Optimiser, OptimiserSpec};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tch::{Device, Tensor};

const WATCHED: [&str; 8] = [
    "net._conv_stem.weight",
    "net._blocks.15._depthwise_conv.weight",
    "net._conv_head.weight",
    "net._fc.weight",
    "bn.weight",
    "fc_cat.classifier.weight",
    "fc_cat1.classifier.weight",
    "reconstruction_network.fc.0.weight",
];
const LR: f64 = 0.001;

struct Setting {
    model: TrainingModel,
    pairs: Pairs,
    size: i64,
    batch: i64,
}

fn setting(options: Options) -> Setting {
    let (size, batch) = (options.size.unwrap_or(128), options.batch.unwrap_or(2));
    let variant = Variant::named("efficientnet-b4").expect("one of the published sizes");
    let guide = GuideSpec::default();
    let filled = Layout::ForgeryDetector(Method::Eg, variant).filled(options.seed);
    let encoder = filled
        .and_then(|state| guide.face_encoder(&state, Execution::plain(Device::Cpu)))
        .expect("an encoder");
    let model = TrainingModel::new(variant, Some((guide, encoder)), InputSpec::default(), Device::Cpu)
        .expect("enough memory");
    fill::fill_variables(model.variables(), options.seed);
    let shape = [batch, 3, size, size];
    let real = super::networks::input("real", shape, options.seed);
    let fake = super::networks::input("fake", shape, options.seed);
    let pairs = model.pairs(real, fake, None);
    Setting { model, pairs, size, batch }
}

fn named(losses: &Losses) -> Value {
    let number = |t: &Tensor| json!(t.double_value(&[]));
    let mut terms: Map<String, Value> =
        losses.terms.iter().map(|(name, term)| ((*name).to_owned(), number(term))).collect();
    terms.insert("total".into(), number(&losses.total));
    terms.into()
}

fn gradient_norms(parameters: &BTreeMap<String, Tensor>) -> Value {
    WATCHED
        .iter()
        .map(|name| ((*name).to_owned(), json!(l2(&parameters[*name].grad()))))
        .collect::<Map<_, _>>()
        .into()
}

/// Weights and biases outside of the face encoder that no gradient reaches, sorted.
fn without_gradient(model: &TrainingModel) -> Vec<String> {
    let is_parameter = |name: &str| name.ends_with(".weight") || name.ends_with(".bias");
    let variables = model.variables().variables();
    let mut names: Vec<String> = variables
        .into_iter()
        .filter(|(name, t)| is_parameter(name) && !t.grad().defined())
        .map(|(name, _)| name)
        .collect();
    names.sort();
    names
}

pub fn eg_step(options: Options) -> Value {
    tch::with_grad(|| {
        let Setting { model, pairs, size, batch } = setting(options);
        let (losses, inside) = model.losses_with_inside(&pairs, Mode::BatchStatistics);
        let inside = inside.expect("EG has inner values");
        losses.total.backward();
        let parameters: BTreeMap<String, Tensor> = model.parameters().into_iter().collect();
        let sam = Optimiser::new(OptimiserSpec::PUBLISHED, model.parameters());
        let variables = model.variables().variables();
        let [mean, var, head_mean] =
            ["net._bn0.running_mean", "net._bn0.running_var", "bn.running_mean"].map(|name| &variables[name]);
        json!({
            "seed": options.seed, "size": size, "batch": batch,
            "losses": named(&losses),
            "logits": inside.logits.iter().map(|(name, t)| ((*name).to_owned(), rows(t))).collect::<Map<_, _>>(),
            "features":
                inside.features.iter().map(|(name, t)| ((*name).to_owned(), statistics(t))).collect::<Map<_, _>>(),
            "grad_norm": gradient_norms(&parameters),
            "grad_norm_all": sam.gradient_norm(),
            "params_without_grad": without_gradient(&model),
            "bn0_running_mean_first4": doubles(mean)[..4],
            "bn0_running_var_first4": doubles(var)[..4],
            "bn_running_mean_first4": doubles(head_mean)[..4],
        })
    })
}

pub fn sam_step(options: Options) -> Value {
    tch::with_grad(|| {
        let Setting { model, pairs, size, batch } = setting(options);
        let parameters: BTreeMap<String, Tensor> = model.parameters().into_iter().collect();
        let before: BTreeMap<&str, Tensor> =
            WATCHED.iter().map(|name| (*name, parameters[*name].detach().copy())).collect();
        let (rho, momentum) = (0.05, 0.9);
        let mut sam = Optimiser::new(OptimiserSpec::Sam { rho, momentum }, model.parameters());
        let pass = || {
            let losses = model.losses(&pairs, Mode::BatchStatistics);
            losses.total.backward();
            losses
        };
        sam.zero_grad();
        let first = pass();
        let norm = sam.gradient_norm();
        assert!(sam.climb(norm), "SAM climbs");
        sam.zero_grad();
        let second = pass();
        let (norms, norm_2) = (gradient_norms(&parameters), sam.gradient_norm());
        sam.step(LR);
        let change = |name: &&str| {
            let to_double = |t: &Tensor| t.detach().to_kind(tch::Kind::Double);
            ((*name).to_owned(), json!(l2(&(to_double(&parameters[*name]) - to_double(&before[*name])))))
        };
        let mean = &model.variables().variables()["net._bn0.running_mean"];
        json!({
            "seed": options.seed, "size": size, "batch": batch,
            "rho": rho, "lr": LR, "momentum": momentum,
            "loss_pass1": named(&first),
            "loss_pass2": named(&second),
            "grad_norm_all_pass1": norm,
            "grad_norm_all_pass2": norm_2,
            "grad_norm_pass2": norms,
            "change_l2": WATCHED.iter().map(change).collect::<Map<_, _>>(),
            "bn0_running_mean_first4": doubles(mean)[..4],
        })
    })
}

pub fn lr_schedule() -> Value {
    let rates = |epochs: usize| (0..epochs).map(|e| linear_last_quarter(e, epochs, LR)).collect::<Vec<_>>();
    [100, 120].into_iter().map(|n| (n.to_string(), json!(rates(n)))).collect::<Map<_, _>>().into()
}
