use criterion::{Criterion, Throughput, criterion_group};
use sbi::checkpoint;
use sbi::face::{FaceDetector, RetinaFace, RetinaFaceBody, crop_faces};
use sbi::model::published::Layout;
use sbi::model::{Execution, fill};
use sbi::types::{BBox, DetectedFace, RgbImage};
use tch::Device;

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;

fn frame() -> RgbImage {
    RgbImage::from_raw(WIDTH, HEIGHT, fill::image("frame", HEIGHT, WIDTH, super::SEED))
}

/// An image to boxes, as `sbi infer` does it; ResNet-50 enlarges the frame to 2048 pixels.
fn detectors(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let frame = frame();
    let mut group = c.benchmark_group("detection on 720p");
    group.throughput(Throughput::Elements(1));
    for body in [RetinaFaceBody::ResNet50, RetinaFaceBody::MobileNet025] {
        let weights = folder.path().join(body.name());
        let state = Layout::RetinaFace(body).filled(super::SEED).unwrap();
        checkpoint::write_bare_torch(&weights, &state).unwrap();
        let plan = Execution::fastest(Device::Cpu);
        let detector = RetinaFace::load(body, &weights, None, plan).unwrap();
        group.bench_function(body.name(), |b| b.iter(|| detector.detect(&[&frame]).unwrap()));
    }
    group.finish();
}

/// Cropping with test margins and resizing to the network's input.
fn crops(c: &mut Criterion) {
    const FACES: usize = 4;
    let frame = frame();
    let faces: Vec<DetectedFace> = (0..FACES)
        .map(|i| {
            let x0 = 60.5 + 300.0 * i as f64;
            let bbox = BBox { x0, y0: 200.25, x1: x0 + 210.0, y1: 480.75 };
            DetectedFace { bbox, confidence: 0.9, points: [(0.0, 0.0); 5] }
        })
        .collect();
    let mut group = c.benchmark_group("crop and resize");
    group.throughput(Throughput::Elements(FACES as u64));
    group.bench_function("4 faces of 210 x 280", |b| b.iter(|| crop_faces(&frame, &faces).unwrap()));
    group.finish();
}

criterion_group! { name = benches; config = super::settings(); targets = detectors, crops }
