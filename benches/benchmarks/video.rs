use criterion::{Criterion, Throughput, criterion_group};
use sbi::media::{MediaFile, MediaLimits, Reading};
use sbi::types::RgbImage;
use sbi::video::{VideoWriter, distinct_frame_indices};
use std::ops::ControlFlow;
use std::path::Path;

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
const FRAMES: usize = 100;
const WANTED: usize = 32;

/// A bright square that moves over a gradient.
fn write_video(path: &Path) {
    let mut writer = VideoWriter::create(path, WIDTH, HEIGHT, 25.0).unwrap();
    for i in 0..FRAMES {
        let mut image = RgbImage::filled(WIDTH, HEIGHT, [0; 3]);
        for (at, pixel) in image.data_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = (at % WIDTH, at / WIDTH);
            let inside = (i * 8..i * 8 + 200).contains(&x) && (200..400).contains(&y);
            pixel.copy_from_slice(&if inside { [220, 180, 150] } else { [(x / 8) as u8, (y / 4) as u8, 90] });
        }
        writer.write(&image).unwrap();
    }
    writer.finish().unwrap();
}

fn decoding(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("video.mp4");
    write_video(&path);
    let mut group = c.benchmark_group("decode 720p");
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("32 of 100 frames", |b| {
        b.iter(|| {
            let file = MediaFile::open(&path, Reading::as_is(MediaLimits::default()), 2).unwrap();
            let wanted = distinct_frame_indices(file.frame_count(), WANTED);
            file.read(&wanted.into(), |_| ControlFlow::Continue(())).unwrap()
        })
    });
    group.finish();
}

criterion_group! { name = benches; config = super::settings(); targets = decoding }
