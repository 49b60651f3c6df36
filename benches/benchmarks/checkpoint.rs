use criterion::{Criterion, Throughput, criterion_group};
use sbi::checkpoint::{self, read};
use sbi::model::Method;
use sbi::model::efficientnet::Variant;
use sbi::model::published::Layout;
use std::collections::BTreeMap;

/// Reading the weights of an EfficientNet-B4 detector, 71 MB.
fn reading(c: &mut Criterion) {
    let b4 = Variant::named("efficientnet-b4").unwrap();
    let state = Layout::ForgeryDetector(Method::Sbi, b4).filled(super::SEED).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [zip, safetensors] = ["b4.pth", "b4.safetensors"].map(|name| folder.path().join(name));
    checkpoint::write_bare_torch(&zip, &state).unwrap();
    checkpoint::write_safetensors(&safetensors, &state, &BTreeMap::new()).unwrap();

    let mut group = c.benchmark_group("read checkpoint");
    group.throughput(Throughput::Bytes(state.total_bytes() as u64));
    group.bench_function("torch zip", |b| b.iter(|| read(&zip).unwrap()));
    group.bench_function("safetensors", |b| b.iter(|| read(&safetensors).unwrap()));
    group.finish();
}

criterion_group! { name = benches; config = super::settings(); targets = reading }
