use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use sbi::model::efficientnet::Variant;
use sbi::model::published::Layout;
use sbi::model::{Execution, ForgeryDetector, InputSpec, Method, fill};
use std::path::Path;
use tch::{Device, Tensor};

const BATCH: i64 = 8;
const SIDE: i64 = 380;

fn efficientnet_b4(c: &mut Criterion) {
    let b4 = Variant::named("efficientnet-b4").unwrap();
    let state = Layout::ForgeryDetector(Method::Sbi, b4).filled(super::SEED).unwrap();
    let shape = [BATCH, 3, SIDE, SIDE];
    let values = fill::input("faces", super::SEED, shape.iter().product::<i64>() as usize);
    let faces = Tensor::from_slice(&values).view(shape);

    let mut group = c.benchmark_group("efficientnet-b4 380 px");
    group.throughput(Throughput::Elements(BATCH as u64));
    let plans = [("plain", Execution::plain(Device::Cpu)), ("fastest", Execution::fastest(Device::Cpu))];
    for (name, plan) in plans {
        let detector =
            ForgeryDetector::from_state(&state, InputSpec::default(), Path::new("filled"), plan).unwrap();
        group.bench_function(BenchmarkId::new(name, BATCH), |b| {
            b.iter(|| tch::no_grad(|| detector.logits(&faces)))
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = super::settings(); targets = efficientnet_b4 }
