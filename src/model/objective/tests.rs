use super::*;
use crate::model::fill;
use crate::model::published::Layout;

/// Loss terms and the gradient's length of each part of the model, by the part's name.
fn first_pass(variant: &str, mode: Mode) -> Vec<(String, f64)> {
    let variant = Variant::named(variant).expect("one of the published sizes");
    let state = Layout::ForgeryDetector(Method::Eg, variant).filled(3).unwrap();
    let spec = GuideSpec::default();
    let encoder = spec.face_encoder(&state, Execution::plain(Device::Cpu)).unwrap();
    let model =
        TrainingModel::new(variant, Some((spec, encoder)), InputSpec::default(), Device::Cpu).unwrap();
    fill::fill_variables(model.variables(), 3);
    let images = |label| Tensor::from_slice(&fill::input(label, 3, 2 * 3 * 96 * 96)).view([2, 3, 96, 96]);
    let losses = model.losses(&model.pairs(images("real"), images("fake"), None), mode);
    losses.total.backward();
    let mut found: Vec<(String, f64)> =
        losses.terms.iter().map(|(name, term)| ((*name).to_owned(), term.double_value(&[]))).collect();
    for (name, parameter) in model.parameters() {
        if parameter.grad().defined() && parameter.dim() > 1 {
            let norm = parameter.grad().to_kind(Kind::Double).norm().double_value(&[]);
            found.push((name, norm));
        }
    }
    found
}

#[test]
fn the_form_that_training_takes_gives_the_plain_forms_numbers() {
    // Of ReLU6 a value near its kinks may fall on the other side, which changes single gradients by their whole size.
    for (variant, limit) in [("efficientnet-b0", 3e-4), ("efficientnet-lite0", 2e-3)] {
        let pass = |mode| first_pass(variant, mode);
        let (plain, fused) = (pass(Mode::BatchStatistics), pass(Mode::FusedStatistics));
        assert!(plain.len() > 50, "{}", plain.len());
        for ((name, a), (_, b)) in plain.iter().zip(&fused) {
            assert!((a - b).abs() <= limit * a.abs(), "{variant}, {name}: {a} plain, {b} fused");
        }
    }
}

#[test]
fn what_the_localiser_adds_counts_in_the_total_and_leaves_the_other_terms() {
    let total = Tensor::from(0.5);
    let losses = Losses { terms: vec![("rf", total.shallow_clone())], total, logits: Tensor::from(0.0) };
    let losses = losses.with(Some(Term { weight: 2.0, loss: Tensor::from(0.25) }));
    let terms: Vec<(&str, f64)> =
        losses.terms.iter().map(|(name, term)| (*name, term.double_value(&[]))).collect();
    assert_eq!(terms, [("rf", 0.5), ("place", 0.25)]);
    assert_eq!(losses.total.double_value(&[]), 1.0);
}
