use super::super::testing::frame;
use super::*;
use std::time::Instant;

fn all_codecs() -> Vec<Codec> {
    let mut all: Vec<Codec> =
        Preset::ALL.iter().map(|&preset| Codec::H264 { preset, crf: 24, b_frames: true }).collect();
    all.push(Codec::Mpeg4 { quantiser: 4 });
    all.push(Codec::Hevc { crf: 24 });
    all.push(Codec::Vp9 { quality: 30 });
    all.push(Codec::Vp8 { quantiser: 12 });
    all.push(Codec::Mjpeg { quantiser: 3 });
    all
}

fn step(codec: Codec) -> CodecStep {
    CodecStep {
        scale: 1.0,
        offset: [5, 11],
        before: 2,
        after: 1,
        motion: Motion { step: [1.5, -1.0], zoom: 1.004, noise: 1.0, noise_seed: 7 },
        encodings: vec![Encoding { resized: 1.0, codec }],
    }
}

#[test]
fn timings() {
    for side in [100, 230, 300] {
        let image = frame(side, side);
        for codec in all_codecs() {
            let step = step(codec);
            let whole = Window::whole(side, side);
            let start = Instant::now();
            for _ in 0..10 {
                step.apply(&image, whole).unwrap();
            }
            eprintln!("{side} {:?}: {:.2} ms", codec, start.elapsed().as_secs_f64() * 100.0);
        }
    }
}
