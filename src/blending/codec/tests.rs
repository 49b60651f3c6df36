use super::super::kinds::Available;
use super::super::testing::{face_of, frame, recipe};
use super::super::{Extras, Geometry, Phase, Recipe, Unusable, self_blend};
use super::*;
use crate::rng::{Purpose, generator};
use proptest::prelude::*;

/// One of each codec, with a quality from 0, the best, to 1, the worst.
fn all_codecs(quality: f64) -> Vec<Codec> {
    let of = |best: u32, worst: u32| best + (quality * f64::from(worst - best)) as u32;
    let h264 = |preset| Codec::H264 { preset, crf: of(18, 38), b_frames: true };
    vec![
        h264(Preset::Ultrafast),
        h264(Preset::Medium),
        Codec::Mpeg4 { quantiser: of(2, 14) },
        Codec::Hevc { crf: of(20, 38) },
        Codec::Vp9 { quality: of(24, 56) },
        Codec::Vp8 { quantiser: of(8, 48) },
        Codec::Mjpeg { quantiser: of(2, 10) },
    ]
}

fn step(codec: Codec) -> CodecStep {
    CodecStep {
        scale: 1.0,
        offset: [5, 11],
        before: 2,
        after: 1,
        motion: Motion { step: [1.5, -1.0], zoom: 1.004, noise: 0.0, noise_seed: 7 },
        encodings: vec![Encoding { resized: 1.0, codec }],
    }
}

fn through(step: &CodecStep, image: &RgbImage) -> RgbImage {
    step.apply(image, Window::whole(image.width(), image.height())).unwrap()
}

/// Mean absolute difference of two images of one size.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u64 = a.data().iter().zip(b.data()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.data().len() as f64
}

#[test]
fn flat_colours_survive_every_codec() {
    for codec in all_codecs(0.2) {
        for colour in
            [[128; 3], [16; 3], [240; 3], [200, 60, 60], [60, 160, 70], [50, 70, 190], [224, 172, 150]]
        {
            let out = through(&step(codec), &RgbImage::filled(75, 53, colour));
            let far = |pixel: &[u8]| pixel.iter().zip(colour).any(|(value, told)| value.abs_diff(told) > 2);
            let pixel = out.data().chunks_exact(3).find(|pixel| far(pixel));
            assert_eq!(pixel, None, "{codec:?} of {colour:?}");
        }
    }
}

#[test]
fn a_worse_setting_loses_more_and_nothing_moves() {
    // Slopes that a shift by one pixel shows, and little that is lost otherwise.
    let value = |i: usize| {
        let (x, y) = ((i / 3 % 150) as f64, (i / 450) as f64);
        (128.0 + 90.0 * (x * 0.25).sin() * (y * 0.21 + (i % 3) as f64).cos()) as u8
    };
    let image = RgbImage::from_raw(150, 131, (0..150 * 131 * 3).map(value).collect());
    for (good, bad) in all_codecs(0.0).into_iter().zip(all_codecs(1.0)) {
        let lost = |codec| difference(&through(&step(codec), &image), &image);
        let (little, much) = (lost(good), lost(bad));
        assert!(much > 1.2 * little, "{good:?} loses {little}, {bad:?} {much}");
        // The other frames of the group and the place in the frame leave the image where it is.
        let columns = |x0| Window { y0: 0, y1: 131, x0, x1: x0 + 149 };
        let moved = difference(&through(&step(good), &image).cropped(columns(0)), &image.cropped(columns(1)));
        assert!(moved > 1.5 * little, "{good:?} loses {little}, {moved} beside it");
    }
}

#[test]
fn two_hundred_repeats_give_the_same_bits_on_any_thread_in_any_order() {
    const REPEATS: usize = 200;
    // No side is a multiple of a block, before padding.
    let image = frame(75, 53);
    let codecs = all_codecs(0.5);
    let steps: Vec<CodecStep> = codecs
        .iter()
        .map(|&codec| {
            let mut step = step(codec);
            step.motion.noise = 1.5;
            step
        })
        .collect();
    let expected: Vec<RgbImage> = steps.iter().map(|step| through(step, &image)).collect();
    let repeat = |thread: usize| {
        for number in 0..REPEATS {
            let which = (number * (1 + thread)) % steps.len();
            assert!(through(&steps[which], &image) == expected[which], "{:?}, {number}", codecs[which]);
        }
    };
    std::thread::scope(|scope| {
        let repeat = &repeat;
        let running: Vec<_> = (0..3).map(|thread| scope.spawn(move || repeat(thread))).collect();
        assert!(running.into_iter().all(|thread| thread.join().is_ok()));
    });
}

#[test]
fn a_second_encoding_and_another_size_leave_the_image_in_its_place() {
    let image = crate::imaging::blurred(&frame(240, 200), 5).unwrap();
    let codec = |crf| Codec::H264 { preset: Preset::Fast, crf, b_frames: false };
    for (resized, size) in [(1.6, (192, 160)), (0.8, (96, 80)), (1.0, (120, 100))] {
        let twice = CodecStep {
            scale: 0.5,
            encodings: vec![
                Encoding { resized: 1.0, codec: codec(18) },
                Encoding { resized, codec: Codec::Mpeg4 { quantiser: 2 } },
            ],
            ..step(codec(20))
        };
        let out = through(&twice, &image);
        // The offset's columns before the image take part in resizing: half a pixel may be lost.
        assert!(out.width().abs_diff(size.0) <= 1 && out.height().abs_diff(size.1) <= 1, "{resized}");
        let expected = crate::imaging::resized(&image, out.width(), out.height()).unwrap();
        assert!(difference(&out, &expected) < 4.0, "{resized}: {}", difference(&out, &expected));
    }
}

#[test]
fn small_images_are_not_shrunk_and_tiny_ones_pass_through_every_codec() {
    let small = CodecStep { scale: 0.35, ..step(Codec::Mjpeg { quantiser: 2 }) };
    assert_eq!(through(&small, &frame(90, 128)).width(), 64);
    assert_eq!(through(&small, &frame(60, 40)).width(), 60);
    for codec in all_codecs(0.5) {
        let out = through(&step(codec), &frame(1, 3));
        assert_eq!((out.width(), out.height()), (1, 3), "{codec:?}");
    }
}

#[test]
fn the_image_alone_in_its_group_has_its_own_pixels_and_noise_of_the_told_strength() {
    let motion = Motion { step: [3.0, 0.5], zoom: 1.01, noise: 1.0, noise_seed: 3 };
    let image = frame(60, 50);
    let seen = motion.seen_at(0, &image, [7, 2]).unwrap();
    assert_eq!(seen.cropped(Window { y0: 2, y1: 52, x0: 7, x1: 67 }), image);
    let flat = RgbImage::filled(100, 100, [100; 3]);
    let noisy = |time| {
        let mut noisy = flat.clone();
        add_noise(&mut noisy, 1.0, 3, time);
        noisy
    };
    let square = |value: &u8| (f64::from(*value) - 100.0).powi(2);
    let variance = noisy(0).data().iter().map(square).sum::<f64>() / 3e4;
    assert!((0.8..1.3).contains(&variance), "{variance}");
    assert_eq!(noisy(1), noisy(1));
    assert_ne!(noisy(1), noisy(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_face_goes_through_any_step((x, y, radius) in (60..340i32, 60..260i32, 12..90i32), index in any::<u64>()) {
        const SIDE: usize = 64;
        let frame = frame(400, 320);
        let (landmarks, face_box) = face_of(x, y, radius);
        let extras = Extras { codec: 1.0, ..Extras::default() };
        let mut rng = generator(11, 0, index, Purpose::Sample);
        let with = Recipe::draw_with(&mut rng, Phase::Train, &extras, Available::default()).recipe;
        // Everything else is as published.
        prop_assert_eq!(&Recipe { codec: None, ..with.clone() }, &recipe(index, Phase::Train));
        let geometry = Geometry::of(400, 320, &landmarks, &[face_box], &with).unwrap();
        let step = with.codec.clone().unwrap();
        let (window, crop) = (geometry.window(), geometry.crop());
        let needed = step.needed(crop, window.width(), window.height());
        prop_assert!(needed.x0 <= crop.x0 && needed.y0 <= crop.y0 && needed.x1 >= crop.x1 && needed.y1 >= crop.y1);
        prop_assert!(needed.x1 <= window.width() && needed.y1 <= window.height());
        let wide = frame.cropped(window);
        match self_blend(wide.clone(), &geometry, &with, SIDE) {
            Ok(pair) => {
                prop_assert_eq!((pair.fake.width(), pair.real.height()), (SIDE, SIDE));
                prop_assert_eq!(self_blend(wide, &geometry, &with, SIDE).unwrap(), pair);
            }
            Err(why) => prop_assert!(matches!(why, super::super::Error::Unusable(Unusable::VanishedMask | Unusable::EmptyHull)), "{}", why),
        }
    }
}
