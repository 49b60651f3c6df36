use super::*;
use tch::Device;

/// f(x) = x^2 / 2 at 3, whose gradient is x.
fn one_step(optimiser: &mut Optimiser, x: &Tensor, lr: f64) -> f64 {
    let pass = |optimiser: &mut Optimiser| {
        optimiser.zero_grad();
        (x * x / 2.0).sum(Kind::Double).backward();
    };
    pass(optimiser);
    let norm = optimiser.gradient_norm();
    if optimiser.climb(norm) {
        pass(optimiser);
    }
    optimiser.step(lr);
    x.double_value(&[])
}

fn number(x: f64) -> Tensor {
    Tensor::from(x).set_requires_grad(true)
}

fn of(spec: OptimiserSpec, x: &Tensor) -> Optimiser {
    Optimiser::new(spec, vec![("x".to_owned(), x.shallow_clone())])
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
}

#[test]
fn sam_follows_the_gradient_uphill_of_the_weights() {
    let x = number(3.0);
    let unused = Tensor::zeros([2], (Kind::Double, Device::Cpu)).set_requires_grad(true);
    let parameters = vec![("x".to_owned(), x.shallow_clone()), ("unused".to_owned(), unused)];
    let mut sam = Optimiser::new(OptimiserSpec::Sam { rho: 0.5, momentum: 0.9 }, parameters);
    // Uphill is 3.5, and so is the gradient there.
    near(one_step(&mut sam, &x, 0.1), 2.65);
    // 2.65 + 0.5 = 3.15; the velocity is 0.9 * 3.5 + 3.15 = 6.3.
    near(one_step(&mut sam, &x, 0.1), 2.65 - 0.63);
    let remembered: Vec<Memory> = sam.memories().collect();
    assert!(remembered[0].len() == 1 && remembered[1].is_empty());
}

#[test]
fn sgd_follows_the_gradient_where_it_is() {
    let x = number(3.0);
    let mut sgd = of(OptimiserSpec::Sgd { momentum: 0.9 }, &x);
    near(one_step(&mut sgd, &x, 0.1), 2.7);
    // The velocity is 0.9 * 3 + 2.7 = 5.4.
    near(one_step(&mut sgd, &x, 0.1), 2.7 - 0.54);
}

#[test]
fn adamw_moves_by_the_learning_rate_at_first_and_shrinks_only_what_has_several_dimensions() {
    let x = number(3.0);
    let mut adamw = of(OptimiserSpec::AdamW { weight_decay: 0.5 }, &x);
    // Mean 0.3 of 0.1, square 0.009 of 0.001: 3 / (3 + 1e-8).
    let first = 3.0 - 0.1 * 3.0 / (3.0 + 1e-8);
    near(one_step(&mut adamw, &x, 0.1), first);
    let (mean, square) = (0.9 * 0.3 + 0.1 * first, 0.999 * 0.009 + 0.001 * first * first);
    let size = (square / (1.0 - 0.999f64.powi(2))).sqrt() + 1e-8;
    near(one_step(&mut adamw, &x, 0.1), first - 0.1 * (mean / (1.0 - 0.9f64.powi(2))) / size);

    let x = Tensor::full([1, 1], 3.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
    let mut adamw = of(OptimiserSpec::AdamW { weight_decay: 0.5 }, &x);
    near(one_step(&mut adamw, &x, 0.1), first - 3.0 * 0.1 * 0.5);
}

#[test]
fn every_optimiser_goes_on_from_its_memory_to_the_same_weights() {
    let specs = [
        OptimiserSpec::PUBLISHED,
        OptimiserSpec::Sgd { momentum: 0.9 },
        OptimiserSpec::AdamW { weight_decay: 0.01 },
    ];
    for spec in specs {
        let whole = number(3.0);
        let mut one = of(spec, &whole);
        for _ in 0..3 {
            one_step(&mut one, &whole, 0.1);
        }
        let part = number(whole.double_value(&[]));
        let mut other = of(spec, &part);
        let memory = one.memories().next().unwrap();
        assert!(other.set_memory("x", &memory), "{spec:?}");
        assert!(!other.set_memory("y", &memory), "{spec:?}");
        assert!(!other.set_memory("x", &[]), "{spec:?}");
        let reshaped: Memory = memory.iter().map(|(name, t)| (*name, t.reshape([1, 1]))).collect();
        assert!(!other.set_memory("x", &reshaped), "{spec:?}");
        for _ in 0..2 {
            assert_eq!(one_step(&mut one, &whole, 0.1), one_step(&mut other, &part, 0.1), "{spec:?}");
        }
    }
    // What one remembers is nothing to the other.
    let x = number(3.0);
    let mut sgd = of(OptimiserSpec::Sgd { momentum: 0.9 }, &x);
    one_step(&mut sgd, &x, 0.1);
    let memory = sgd.memories().next().unwrap();
    assert!(!of(OptimiserSpec::AdamW { weight_decay: 0.0 }, &x).set_memory("x", &memory));
}
