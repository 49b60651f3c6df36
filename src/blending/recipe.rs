//! The random parameters of a training pair.

use super::Extras;
use super::blend_mask::Softening;
use super::codec::CodecStep;
use super::degradation::Degradation;
use super::hull::Hull;
use super::kinds::{Available, DrawnKind, Forgery, Kind};
use super::light::Light;
use super::past::Past;
use super::source_target::SourceTransforms;
use super::transforms::JointTransforms;
use super::warp::Warp;
use crate::rng::SampleRng;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// What a sample is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Training: everything is drawn.
    Train,
    /// Validation: not mirrored, no joint transforms, margins as in tests.
    Validation,
}

/// All random parameters of one self-blended pair. They do not depend on the image, so the same recipe on the
/// same face gives the same pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Whether the frame is mirrored first; probability 0.5.
    pub mirror: bool,
    /// Whether the mask is made from the first 68 points even if there are 81; probability 0.25.
    pub without_forehead: bool,
    /// The shape of the mask.
    pub hull: Hull,
    /// What makes source and target differ.
    pub source_transforms: SourceTransforms,
    /// How source and mask are moved.
    pub warp: Warp,
    /// How the mask is softened.
    pub softening: Softening,
    /// What happens to both images alike; `None` in validation.
    pub joint_transforms: Option<JointTransforms>,
    /// Factors of the final crop's margins: left, right, top, bottom, each from 0.2..0.8; 0.5 in validation.
    pub margins: [f64; 4],
    /// What happens to the final crop of both images alike; not in the published training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degradation: Option<Degradation>,
    /// The video that the final crop of both images alike then becomes a part of; not in the published training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<CodecStep>,
    /// What the frame went through before; not in the published training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<Past>,
    /// The light that both images alike get; not in the published training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub light: Option<Light>,
    /// What makes the pair another kind of forgery; `None`: self-blending, as published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgery: Option<Forgery>,
}

/// A recipe, and whether it is of the kind that was drawn first.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnRecipe {
    /// The recipe.
    pub recipe: Recipe,
    /// The kind that was drawn first and that the frame has nothing for.
    pub instead_of: Option<Kind>,
}

impl Recipe {
    /// Draws a recipe. Both phases make the same draws, so that what they share is equal. SBI, section 3.2.
    pub fn draw(rng: &mut SampleRng, phase: Phase) -> Recipe {
        const MIRRORED: f64 = 0.5;
        const WITHOUT_FOREHEAD: f64 = 0.25;
        const VALIDATION_MARGIN: f64 = 0.5;
        let train = phase == Phase::Train;
        let mirror = rng.random_bool(MIRRORED);
        let without_forehead = rng.random_bool(WITHOUT_FOREHEAD);
        let hull = *Hull::ALL.choose(rng).expect("there are four");
        let source_transforms = SourceTransforms::draw(rng);
        let warp = Warp::draw(rng);
        let softening = Softening::draw(rng);
        let joint_transforms = JointTransforms::draw(rng);
        let margins = [(); 4].map(|()| rng.random_range(0.2..0.8));
        Recipe {
            mirror: mirror && train,
            without_forehead,
            hull,
            source_transforms,
            warp,
            softening,
            joint_transforms: train.then_some(joint_transforms),
            margins: if train { margins } else { [VALIDATION_MARGIN; 4] },
            degradation: None,
            codec: None,
            past: None,
            light: None,
            forgery: None,
        }
    }

    /// Draws a recipe with what `extras` add to it, for a frame for which `available` is at hand. Everything else is what
    /// [`Recipe::draw`] gives, narrowed by the kind of forgery where it is not self-blending.
    pub fn draw_with(
        rng: &mut SampleRng,
        phase: Phase,
        extras: &Extras,
        available: Available,
    ) -> DrawnRecipe {
        let mut recipe = Recipe::draw(rng, phase);
        if extras.degradation > 0.0 {
            recipe.degradation = Degradation::draw(rng, extras.degradation);
        }
        if extras.codec > 0.0 {
            recipe.codec = CodecStep::draw(rng, extras.codec);
        }
        let mut instead_of_kind = None;
        if !extras.fakes.is_published() {
            let DrawnKind { kind, instead_of } = extras.fakes.draw(rng, available);
            recipe.forgery = Forgery::draw(rng, kind, available, &mut recipe);
            instead_of_kind = instead_of;
        }
        if extras.past > 0.0 {
            let whole = recipe.forgery.as_ref().is_some_and(|forgery| forgery.kind() == Kind::Whole);
            recipe.past = Past::draw(rng, extras.past, whole);
        }
        if extras.light > 0.0 {
            recipe.light = Light::draw(rng, extras.light);
        }
        DrawnRecipe { recipe, instead_of: instead_of_kind }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source_target::{Detail, Side};
    use super::*;
    use crate::rng::{Purpose, generator};

    const DRAWS: usize = 20_000;
    /// A test of this kind fails by chance once in some two million.
    const DEVIATIONS: f64 = 5.0;

    fn recipes(phase: Phase) -> Vec<Recipe> {
        let draw = |index| Recipe::draw(&mut generator(7, 0, index, Purpose::Sample), phase);
        (0..DRAWS as u64).map(draw).collect()
    }

    fn share(what: &str, found: usize, of: usize, expected: f64) {
        let deviation = (expected * (1.0 - expected) / of as f64).sqrt();
        let found = found as f64 / of as f64;
        assert!((found - expected).abs() < DEVIATIONS * deviation, "{what}: {found}, expected {expected}");
    }

    /// Within the range, and mean and spread as of a uniform distribution over it.
    fn uniform(what: &str, values: impl IntoIterator<Item = f64>, low: f64, high: f64) {
        let values: Vec<f64> = values.into_iter().collect();
        let n = values.len() as f64;
        assert!(n > 1000.0, "{what}: {n} draws");
        assert!(values.iter().all(|value| (low..=high).contains(value)), "{what}: outside {low}..{high}");
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        let width = high - low;
        let deviation = width / 12f64.sqrt() / n.sqrt();
        assert!((mean - (low + high) / 2.0).abs() < DEVIATIONS * deviation, "{what}: mean {mean}");
        // Of the square of a uniform number about its mean: variance w^4 / 180.
        let deviation = width * width / 180f64.sqrt() / n.sqrt();
        assert!(
            (variance - width * width / 12.0).abs() < DEVIATIONS * deviation,
            "{what}: variance {variance}"
        );
    }

    /// Every one of the values as often as the others.
    fn even<T: PartialEq + std::fmt::Debug>(what: &str, found: &[T], values: &[T]) {
        assert!(found.iter().all(|value| values.contains(value)), "{what}: others than {values:?}");
        for value in values {
            let count = found.iter().filter(|other| *other == value).count();
            share(&format!("{what} {value:?}"), count, found.len(), 1.0 / values.len() as f64);
        }
    }

    #[test]
    fn choices_have_their_frequencies() {
        let all = recipes(Phase::Train);
        let count = |of: &dyn Fn(&Recipe) -> bool| all.iter().filter(|recipe| of(recipe)).count();
        share("mirrored", count(&|r| r.mirror), DRAWS, 0.5);
        share("without forehead", count(&|r| r.without_forehead), DRAWS, 0.25);
        share("source", count(&|r| r.source_transforms.of == Side::Source), DRAWS, 0.5);
        share("source rgb", count(&|r| r.source_transforms.rgb_shift.is_some()), DRAWS, 0.3);
        even("hull", &all.iter().map(|r| r.hull).collect::<Vec<_>>(), &Hull::ALL);
        let sharpened = count(&|r| matches!(r.source_transforms.detail, Detail::Sharpen { .. }));
        share("sharpened", sharpened, DRAWS, 0.5);
        let factors: Vec<usize> = all
            .iter()
            .filter_map(|r| match r.source_transforms.detail {
                Detail::DownUp { factor } => Some(factor),
                Detail::Sharpen { .. } => None,
            })
            .collect();
        even("down and up", &factors, &[2, 4]);
        let joint = |r: &Recipe| r.joint_transforms.clone().unwrap();
        share("joint rgb", count(&|r| joint(r).rgb_shift.is_some()), DRAWS, 0.3);
        share("joint hsv", count(&|r| joint(r).hsv_shift.is_some()), DRAWS, 0.3);
        let brightened = count(&|r| joint(r).brightness_contrast.is_some());
        share("joint brightness", brightened, DRAWS, 0.3);
        share("jpeg", count(&|r| joint(r).jpeg_quality.is_some()), DRAWS, 0.5);
    }

    #[test]
    fn numbers_have_their_ranges_and_means() {
        let all = recipes(Phase::Train);
        for channel in 0..3 {
            let shifts = all.iter().filter_map(|r| r.source_transforms.rgb_shift);
            uniform("source rgb", shifts.map(|shift| shift[channel]), -20.0, 20.0);
            uniform("source hsv", all.iter().map(|r| r.source_transforms.hsv_shift[channel]), -0.3, 0.3);
            let joint = || all.iter().flat_map(|r| &r.joint_transforms);
            let shifts = joint().filter_map(|j| j.rgb_shift);
            uniform("joint rgb", shifts.map(|shift| shift[channel]), -20.0, 20.0);
            let shifts = joint().filter_map(|j| j.hsv_shift);
            uniform("joint hsv", shifts.map(|shift| shift[channel]), -0.3, 0.3);
        }
        for part in 0..2 {
            let source = all.iter().map(|r| r.source_transforms.brightness_contrast[part]);
            uniform("source brightness and contrast", source, -0.1, 0.1);
            let joint = all.iter().flat_map(|r| &r.joint_transforms).filter_map(|j| j.brightness_contrast);
            uniform("joint brightness and contrast", joint.map(|pair| pair[part]), -0.3, 0.3);
        }
        let details = || all.iter().map(|r| r.source_transforms.detail);
        let sharpening = |d: Detail| match d {
            Detail::Sharpen { alpha, lightness } => Some((alpha, lightness)),
            Detail::DownUp { .. } => None,
        };
        uniform("alpha", details().filter_map(sharpening).map(|s| s.0), 0.2, 0.5);
        uniform("lightness", details().filter_map(sharpening).map(|s| s.1), 0.5, 1.0);
        uniform("shift x", all.iter().map(|r| r.warp.translate_x), -0.03, 0.03);
        uniform("shift y", all.iter().map(|r| r.warp.translate_y), -0.015, 0.015);
        uniform("scale x", all.iter().map(|r| r.warp.scale_x), 0.95, 1.0 / 0.95);
        uniform("scale y", all.iter().map(|r| r.warp.scale_y), 0.95, 1.0 / 0.95);
        for side in 0..4 {
            uniform("margin", all.iter().map(|r| r.margins[side]), 0.2, 0.8);
        }
    }

    #[test]
    fn whole_numbers_are_even_over_their_ranges() {
        let all = recipes(Phase::Train);
        let of = |value: &dyn Fn(&Recipe) -> usize| all.iter().map(value).collect::<Vec<_>>();
        let sizes: Vec<usize> = (192..=256).collect();
        even("height", &of(&|r| r.softening.height), &sizes);
        even("width", &of(&|r| r.softening.width), &sizes);
        let kernels: Vec<usize> = (5..=25).step_by(2).collect();
        even("first kernel", &of(&|r| r.softening.kernel_1), &kernels);
        even("second kernel", &of(&|r| r.softening.kernel_2), &kernels);
        even("sigma", &of(&|r| r.softening.sigma), &(5..=45).collect::<Vec<_>>());
        let ratio = |value: f32| of(&|r| usize::from(r.softening.ratio == value)).iter().sum::<usize>();
        for value in [0.25, 0.5, 0.75] {
            share("ratio", ratio(value), DRAWS, 1.0 / 6.0);
        }
        share("ratio 1", ratio(1.0), DRAWS, 0.5);
        let qualities: Vec<i32> =
            all.iter().filter_map(|r| r.joint_transforms.as_ref().unwrap().jpeg_quality).collect();
        even("quality", &qualities, &(40..=100).collect::<Vec<_>>());
        let seeds: std::collections::HashSet<u64> = all.iter().map(|r| r.warp.elastic_seed).collect();
        assert_eq!(seeds.len(), DRAWS);
    }

    #[test]
    fn validation_shares_everything_but_what_only_training_does() {
        for (train, validation) in recipes(Phase::Train).into_iter().zip(recipes(Phase::Validation)).take(200)
        {
            let expected = Recipe { mirror: false, joint_transforms: None, margins: [0.5; 4], ..train };
            assert_eq!(validation, expected);
        }
    }

    #[test]
    fn a_written_recipe_is_the_same_to_the_last_bit() {
        for recipe in recipes(Phase::Train).into_iter().take(2000) {
            let json = serde_json::to_string(&recipe).unwrap();
            assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), recipe);
        }
        let json = serde_json::to_string(&recipes(Phase::Train)[0]).unwrap();
        let misspelt = json.replace("\"hull\"", "\"hul\"");
        assert!(serde_json::from_str::<Recipe>(&misspelt).is_err());
    }
}
