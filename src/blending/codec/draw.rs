//! How a codec step is drawn: what videos of many origins went through.

use super::{Codec, CodecStep, Encoding, Motion, Preset};
use crate::rng::{Purpose, SampleRng, generator};
use rand::Rng;
use rand::seq::IndexedRandom;

/// FFmpeg's names of all encoders that a step may need.
pub const ENCODERS: [&str; 6] = ["libx264", "mpeg4", "libx265", "libvpx-vp9", "libvpx", "mjpeg"];

/// How often each kind of codec is drawn.
const WEIGHTS: [(Kind, f64); 6] = [
    (Kind::H264, 6.0),
    (Kind::Mpeg4, 2.0),
    (Kind::Hevc, 1.0),
    (Kind::Vp9, 0.7),
    (Kind::Vp8, 0.3),
    (Kind::Mjpeg, 0.5),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    H264,
    Mpeg4,
    Hevc,
    Vp9,
    Vp8,
    Mjpeg,
}

impl CodecStep {
    /// The least that is left of a side.
    const SMALLEST_SCALE: f64 = 0.35;

    /// Draws one with the given probability. Whatever it is, `rng` gives two draws.
    pub(crate) fn draw(rng: &mut SampleRng, probability: f64) -> Option<CodecStep> {
        let drawn = rng.random::<f64>() < probability;
        let seed = rng.random();
        drawn.then(|| CodecStep::drawn(&mut generator(seed, 0, 0, Purpose::Codec)))
    }

    fn drawn(rng: &mut SampleRng) -> CodecStep {
        const SMALLER: f64 = 0.7;
        const TWICE: f64 = 0.25;
        const LOOKED_AHEAD: f64 = 0.3;
        let smaller = rng.random_bool(SMALLER);
        let scale = rng.random_range(Self::SMALLEST_SCALE..1.0);
        let scale = if smaller { scale } else { 1.0 };
        let offset = [(); 2].map(|()| rng.random_range(0..16));
        let before = rng.random_range(0..=3);
        let after = usize::from(rng.random_bool(LOOKED_AHEAD));
        let motion = Motion::drawn(rng);
        let twice = rng.random_bool(TWICE);
        let mut encodings = Vec::with_capacity(2);
        let mut resized = 1.0;
        if twice {
            encodings.push(Encoding { resized, codec: Codec::drawn_better(rng) });
            resized = drawn_resize(rng, scale);
        }
        encodings.push(Encoding { resized, codec: Codec::drawn(rng) });
        CodecStep { scale, offset, before, after, motion, encodings }
    }
}

/// What a platform does to the size of a video that has `scale` left of it: nothing, a smaller one, or up again.
fn drawn_resize(rng: &mut SampleRng, scale: f64) -> f64 {
    const SMALLEST_FACTOR: f64 = 0.6;
    const LARGER: f64 = 0.3;
    const SMALLER: f64 = 0.3;
    let kind = rng.random::<f64>();
    let part = rng.random::<f64>();
    if kind < LARGER {
        // Up to the size at first.
        1.0 + part * (1.0 / scale - 1.0)
    } else if kind < LARGER + SMALLER {
        let least = (CodecStep::SMALLEST_SCALE / scale).clamp(SMALLEST_FACTOR, 1.0);
        least + part * (1.0 - least)
    } else {
        1.0
    }
}

impl Motion {
    fn drawn(rng: &mut SampleRng) -> Motion {
        const STILL: f64 = 0.3;
        const ZOOMING: f64 = 0.3;
        const HALVES: i32 = 6;
        let still = rng.random_bool(STILL);
        let step = [(); 2].map(|()| f64::from(rng.random_range(-HALVES..=HALVES)) / 2.0);
        let zooming = rng.random_bool(ZOOMING);
        let zoom = rng.random_range(0.99..1.01);
        let noise = rng.random_range(0.0..2.0);
        let noise_seed = rng.random();
        Motion {
            step: if still { [0.0; 2] } else { step },
            zoom: if zooming { zoom } else { 1.0 },
            noise,
            noise_seed,
        }
    }
}

impl Codec {
    /// Draws one, of any quality.
    pub fn drawn(rng: &mut SampleRng) -> Codec {
        Codec::drawn_up_to(rng, 1.0)
    }

    /// Draws one of the better qualities: what is uploaded is better than what a platform makes of it.
    pub fn drawn_better(rng: &mut SampleRng) -> Codec {
        Codec::drawn_up_to(rng, 0.4)
    }

    /// `worst`: the part of the range of qualities that it is drawn from, from the best on.
    fn drawn_up_to(rng: &mut SampleRng, worst: f64) -> Codec {
        let (kind, _) = WEIGHTS.choose_weighted(rng, |(_, weight)| *weight).expect("weights above 0");
        let preset = *Preset::ALL.choose(rng).expect("there are six");
        let b_frames = rng.random_bool(0.7);
        let quality = rng.random::<f64>() * worst;
        let of = |best: u32, worst: u32| best + (quality * f64::from(worst - best + 1)) as u32;
        match kind {
            Kind::H264 => Codec::H264 { preset, crf: of(18, 38), b_frames },
            Kind::Mpeg4 => Codec::Mpeg4 { quantiser: of(2, 14) },
            Kind::Hevc => Codec::Hevc { crf: of(20, 38) },
            Kind::Vp9 => Codec::Vp9 { quality: of(24, 56) },
            Kind::Vp8 => Codec::Vp8 { quantiser: of(8, 48) },
            Kind::Mjpeg => Codec::Mjpeg { quantiser: of(2, 10) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 20_000;

    fn draws() -> Vec<CodecStep> {
        let draw = |index| CodecStep::draw(&mut generator(7, 0, index, Purpose::Sample), 1.0);
        (0..DRAWS as u64).filter_map(draw).collect()
    }

    /// Fails by chance once in some two million.
    fn share(what: &str, found: usize, of: usize, expected: f64) {
        let deviation = (expected * (1.0 - expected) / of as f64).sqrt();
        let found = found as f64 / of as f64;
        assert!((found - expected).abs() < 5.0 * deviation, "{what}: {found}, expected {expected}");
    }

    #[test]
    fn choices_have_their_frequencies() {
        let all = draws();
        assert_eq!(all.len(), DRAWS);
        let count = |of: &dyn Fn(&CodecStep) -> bool| all.iter().filter(|step| of(step)).count();
        share("smaller", count(&|s| s.scale < 1.0), DRAWS, 0.7);
        share("twice", count(&|s| s.encodings.len() == 2), DRAWS, 0.25);
        share("alone", count(&|s| s.before == 0), DRAWS, 0.25);
        share("followed", count(&|s| s.after == 1), DRAWS, 0.3);
        let last = |step: &CodecStep| step.encodings.last().map(|encoding| encoding.codec);
        share("H.264", count(&|s| matches!(last(s), Some(Codec::H264 { .. }))), DRAWS, 6.0 / 10.5);
        share("MPEG-4", count(&|s| matches!(last(s), Some(Codec::Mpeg4 { .. }))), DRAWS, 2.0 / 10.5);
        share("MJPEG", count(&|s| matches!(last(s), Some(Codec::Mjpeg { .. }))), DRAWS, 0.5 / 10.5);
        let larger = count(&|s| s.scale < 1.0 && s.encodings[s.encodings.len() - 1].resized > 1.0);
        share("enlarged", larger, DRAWS, 0.7 * 0.25 * 0.3);
    }

    #[test]
    fn numbers_stay_in_their_ranges_and_reach_their_ends() {
        let all = draws();
        let mut worst = 0;
        for step in &all {
            assert!((0.35..=1.0).contains(&step.scale) && step.before <= 3 && step.after <= 1);
            assert!(step.offset.iter().all(|&offset| offset < 16));
            let Motion { step: [x, y], zoom, noise, .. } = step.motion;
            assert!(x.abs() <= 3.0 && y.abs() <= 3.0 && (x * 2.0).fract() == 0.0);
            assert!((0.99..=1.01).contains(&zoom) && (0.0..2.0).contains(&noise));
            let total = step.encodings.iter().fold(step.scale, |scale, encoding| scale * encoding.resized);
            assert!((0.3499..=1.0001).contains(&total), "{total}");
            for (number, encoding) in step.encodings.iter().enumerate() {
                let Codec::H264 { crf, .. } = encoding.codec else { continue };
                assert!((18..=38).contains(&crf));
                assert!(number + 1 == step.encodings.len() || crf <= 26, "the first is the better one");
                worst = worst.max(crf);
            }
        }
        assert_eq!(worst, 38);
    }

    #[test]
    fn a_written_step_is_the_same_and_nothing_drawn_takes_as_many_draws() {
        for step in draws().into_iter().take(500) {
            let json = serde_json::to_string(&step).unwrap();
            assert_eq!(serde_json::from_str::<CodecStep>(&json).unwrap(), step);
        }
        let after = |probability| {
            let mut rng = generator(1, 0, 0, Purpose::Sample);
            let step = CodecStep::draw(&mut rng, probability);
            (step.is_some(), rng.random::<u64>())
        };
        assert_eq!((after(0.0).0, after(1.0).0), (false, true));
        assert_eq!(after(0.0).1, after(1.0).1);
    }
}
