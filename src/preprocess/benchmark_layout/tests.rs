use super::*;
use crate::imaging::{read_image, write_image};
use crate::progress::Silent;
use crate::types::Landmarks;
use std::sync::atomic::{AtomicUsize, Ordering};

fn settings(frames: usize) -> BenchmarkSettings {
    BenchmarkSettings {
        frames,
        landmark_model: "m".into(),
        fingerprint: "f".into(),
        estimated_forehead: false,
    }
}

#[test]
fn crops_and_landmarks_lie_where_the_benchmark_looks_and_are_made_once() {
    let root = tempfile::tempdir().unwrap();
    let photos = root.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    for (name, red) in [("bright.png", 200), ("dark.png", 3)] {
        write_image(&photos.join(name), &RgbImage::filled(20, 10, [red, 0, 9])).unwrap();
    }
    std::fs::write(photos.join("broken.png"), b"\x89PNG\r\n\x1a\n and no more").unwrap();
    let source = VideoSource::Files { inputs: vec![photos], folder: root.path().join("mine") };
    let config = Config::new(source);
    let asked = AtomicUsize::new(0);
    // Bright images have a face.
    let crop = |frame: &RgbImage| {
        asked.fetch_add(1, Ordering::Relaxed);
        let landmarks = Landmarks::new((0..81).map(|i| (i, 2 * i)).collect()).unwrap();
        let pixels = RgbImage::filled(256, 256, frame.pixel(0, 0));
        Ok((frame.pixel(0, 0)[0] > 100).then_some(BenchmarkCrop { pixels, landmarks }))
    };
    let run = |settings| {
        let videos = config.source.videos().unwrap().0;
        run_with(&config, videos, settings, &crop, &Silent, &Cancel::new())
    };
    let summary = run(settings(32)).unwrap();
    let found: Vec<_> = summary.videos.iter().map(|v| (v.video.as_str(), v.status, v.crops)).collect();
    let expected = [
        ("bright", VideoStatus::Ok, 1),
        ("broken", VideoStatus::Unreadable, 0),
        ("dark", VideoStatus::NoFace, 0),
    ];
    assert_eq!(found, expected);
    let base = root.path().join("rgb/mine");
    let image = read_image(&base.join("frames/bright/000.png")).unwrap();
    assert_eq!((image.width(), image.pixel(9, 9)), (256, [200, 0, 9]));
    let points: Array2<i64> = npy::read_array(&base.join("landmarks/bright/000.npy")).unwrap();
    assert_eq!((points.shape(), points[[80, 1]]), (&[81, 2][..], 160));
    assert!(base.join("frames/dark").read_dir().unwrap().next().is_none());

    // Only what could not be read is tried again.
    let before = asked.load(Ordering::Relaxed);
    let again = run(settings(32)).unwrap();
    assert_eq!((asked.load(Ordering::Relaxed), again.prepared, again.videos.len()), (before, 1, 3));
    let error = run(settings(8)).unwrap_err().to_string();
    assert!(error.contains("number of frames was 32") && error.contains("is 8 now"), "{error}");
}
