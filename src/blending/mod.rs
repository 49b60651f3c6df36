//! Self-blending: a real face and a fake of it that teaches what blending leaves behind. SBI (CVPR 2022),
//! section 3.2.
//!
//! Each step has a file with a function of explicit parameters and a way to draw them: [`pick_box`], [`mirror`],
//! [`hull`], [`source_target`], [`warp`], [`blend_mask`], [`blend`], [`transforms`], [`degradation`],
//! [`past`], [`light`], [`codec`]. A [`Recipe`] holds all draws of a training pair, a [`Geometry`] says where in the frame it comes from,
//! [`self_blend`] makes the two images. Other [`kinds`] of forgery differ in mask and source; [`blended_pair`] makes
//! these too.
//!
//! Only pixels that end up in the final crop are computed. The tests compare with the straightforward way, which runs
//! every step on the whole wide crop.

pub mod blend;
pub mod blend_mask;
pub mod codec;
pub mod degradation;
mod error;
mod extras;
mod geometry;
pub mod hull;
pub mod kinds;
pub mod light;
pub mod mirror;
pub mod past;
pub mod pick_box;
mod recipe;
pub mod source_target;
#[cfg(test)]
pub(crate) mod testing;
pub mod transforms;
pub mod warp;

pub use error::{Error, Unusable};
pub use extras::Extras;
pub use geometry::Geometry;
pub use recipe::{DrawnRecipe, Phase, Recipe};

use crate::imaging;
use crate::types::{Mask, RgbImage, Window};
use kinds::{Canvas, Material, Shape};
use source_target::Side;

/// A fake and the real face it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct BlendedPair {
    /// The fake: the self-blended image, `image_size` x `image_size`.
    pub fake: RgbImage,
    /// The real image: the same crop of the same face without blending, of the same size.
    pub real: RgbImage,
    /// The share of the source in each pixel of the fake, 0..=1, of the same size.
    pub mask: Mask,
}

/// Makes the training pair of a recipe that needs the frame's own pixels only; see [`blended_pair`].
pub fn self_blend(
    wide: RgbImage,
    geometry: &Geometry,
    recipe: &Recipe,
    image_size: usize,
) -> Result<BlendedPair, Error> {
    blended_pair(wide, &Material::Own, geometry, recipe, image_size)
}

/// Makes the training pair that a recipe describes; both images and the mask are `image_size` x `image_size`.
///
/// `wide`: the frame's pixels in [`Geometry::window`], not mirrored. `material`: what [`kinds::Forgery::wants`] of the
/// recipe says. `geometry` must be of the same recipe. Nothing is drawn here: the same arguments give the same pixels.
/// Resizing is bilinear.
///
/// Fails with [`Error::Unusable`] when the hull, or what the warp leaves of it, is empty, with [`Error::WrongWindow`] when
/// the size of `wide` or of a counterpart is not that of the window, and with [`Error::Material`] when the material is
/// another one.
pub fn blended_pair(
    wide: RgbImage,
    material: &Material,
    geometry: &Geometry,
    recipe: &Recipe,
    image_size: usize,
) -> Result<BlendedPair, Error> {
    let (width, height) = (geometry.window().width(), geometry.window().height());
    if (wide.width(), wide.height()) != (width, height) {
        return Err(Error::wrong_window(geometry, &wide));
    }
    if let Material::Counterpart(other) = material
        && (other.width(), other.height()) != (width, height)
    {
        return Err(Error::wrong_window(geometry, other));
    }
    let crop = geometry.crop();
    let joint = recipe.joint_transforms.as_ref();
    // What a video's other frames show of the surroundings; a degraded image is the crop alone.
    let around = match (&recipe.codec, &recipe.degradation) {
        (Some(codec), None) => codec.needed(crop, width, height),
        _ => crop,
    };
    let part = joint.map_or(around, |joint| joint.needed(around, width, height));
    let wide = if recipe.mirror { imaging::mirrored(&wide)? } else { wide };
    let mask = mask_in(geometry, recipe, part)?;
    let grid = (image_size as f64 / crop.width().max(crop.height()) as f64).min(1.0);
    let old = match &recipe.past {
        Some(past) => Some(past.apply(&wide, part, grid)?),
        None => None,
    };
    let of_target = old.as_ref().unwrap_or(&wide);
    let of_source = if recipe.past.as_ref().is_some_and(|past| past.shared) { of_target } else { &wide };
    let (mut source, target) = match recipe.forgery {
        None => source_and_target(of_source, of_target, recipe, part)?,
        Some(_) => forged_source_and_target(of_source, of_target, material, geometry, recipe, part, grid)?,
    };
    if let Some(past) = &recipe.past {
        source = past.enhanced(source)?;
    }
    let mut fake = blend::composite(&source, &target, &mask);
    let mut real = target;
    if let Some(joint) = joint {
        joint.apply(&mut fake)?;
        joint.apply(&mut real)?;
    }
    let (crop, around, crop_around) = (crop.within(part), around.within(part), crop.within(around));
    let side = image_size;
    let shown = |image: &RgbImage| -> Result<RgbImage, Error> {
        if let (None, None) = (&recipe.degradation, &recipe.codec) {
            let mut image = imaging::resized_window(image, crop, side, side)?;
            recipe.light.iter().for_each(|light| light.apply(&mut image));
            return Ok(image);
        }
        let (mut image, mut crop) = (image.cropped(around), crop_around);
        recipe.light.iter().for_each(|light| light.apply(&mut image));
        if let Some(degradation) = recipe.degradation {
            image = degradation.apply(&image)?;
            crop = Window::whole(image.width(), image.height());
        }
        if let Some(codec) = &recipe.codec {
            image = codec.apply(&image, crop)?;
        }
        Ok(imaging::resized(&image, side, side)?)
    };
    Ok(BlendedPair {
        fake: shown(&fake)?,
        real: shown(&real)?,
        mask: imaging::resized_mask_part(&mask, crop, side, side)?,
    })
}

/// The blend mask in `part` of the wide crop.
fn mask_in(geometry: &Geometry, recipe: &Recipe, part: Window) -> Result<Mask, Error> {
    let (width, height) = (geometry.window().width(), geometry.window().height());
    let landmarks = match recipe.without_forehead {
        true => &geometry.landmarks().without_forehead(),
        false => geometry.landmarks(),
    };
    let shape = recipe.forgery.as_ref().map_or(Shape::Hull, |forgery| forgery.shape());
    if shape == Shape::Everything {
        return Ok(Mask::filled(part.width(), part.height(), 1.0));
    }
    let hull = shape.mask(landmarks, recipe.hull, width, height)?;
    if hull.is_empty() {
        return Err(Unusable::EmptyHull.into());
    }
    let warped = warp::warp_mask(&hull, &recipe.warp);
    let eroded = blend_mask::eroded(&warped, &recipe.softening)?;
    blend_mask::feathered(&eroded, &recipe.softening, width, height, part)
}

/// Both images of the blend in `part` of the wide crop, the source moved by the affine map.
fn source_and_target(
    of_source: &RgbImage,
    of_target: &RgbImage,
    recipe: &Recipe,
    part: Window,
) -> Result<(RgbImage, RgbImage), imaging::Error> {
    let (width, height) = (of_target.width(), of_target.height());
    let transformed_or_not =
        |side: Side, wide: &RgbImage, window: Window| match recipe.source_transforms.of == side {
            true => recipe.source_transforms.apply(wide, window),
            false => Ok(wide.cropped(window)),
        };
    let target = transformed_or_not(Side::Target, of_target, part)?;
    let map = warp::affine(&recipe.warp, width, height);
    let source = match map.source_window(part, width, height) {
        Some(from) => map.image_window(&transformed_or_not(Side::Source, of_source, from)?, from, part),
        None => RgbImage::filled(part.width(), part.height(), [0; 3]),
    };
    Ok((source, target))
}

/// Both images of the blend in `part` of the wide crop, for kinds of forgery beside self-blending.
fn forged_source_and_target(
    of_source: &RgbImage,
    of_target: &RgbImage,
    material: &Material,
    geometry: &Geometry,
    recipe: &Recipe,
    part: Window,
    shown: f64,
) -> Result<(RgbImage, RgbImage), Error> {
    let Some(forgery) = &recipe.forgery else {
        return Ok(source_and_target(of_source, of_target, recipe, part)?);
    };
    let (width, height) = (of_target.width(), of_target.height());
    let transforms = Some(&recipe.source_transforms).filter(|_| forgery.is_transformed());
    let target = match transforms {
        Some(transforms) if transforms.of == Side::Target => transforms.apply(of_target, part)?,
        _ => forgery.target(of_target.cropped(part), shown)?,
    };
    let map = warp::affine(&recipe.warp, width, height);
    let window = match forgery.is_transformed() {
        // Everything may come from outside; then nothing is shown.
        true => map.source_window(part, width, height).unwrap_or(part),
        false => part,
    };
    let canvas = Canvas {
        own: of_source.cropped(window),
        landmarks: geometry.landmarks().shifted(-(window.x0 as i32), -(window.y0 as i32)),
        shown,
        window,
        wide_width: width,
        mirror: recipe.mirror,
        material,
    };
    let mut source = forgery.source(&canvas)?;
    if let Some(transforms) = transforms.filter(|transforms| transforms.of == Side::Source) {
        source = transforms.apply(&source, Window::whole(window.width(), window.height()))?;
    }
    if forgery.is_transformed() {
        source = map.image_window(&source, window, part);
    }
    Ok((source, target))
}

#[cfg(test)]
mod tests {
    use super::testing::{face_of, frame, recipe};
    use super::*;
    use crate::types::{FaceBox, Landmarks};
    use proptest::prelude::*;

    const WIDTH: usize = 400;
    const HEIGHT: usize = 320;
    const SIDE: usize = 96;

    fn made(
        frame: &RgbImage,
        (landmarks, face_box): &(Landmarks, FaceBox),
        recipe: &Recipe,
    ) -> Result<BlendedPair, Error> {
        let (width, height) = (frame.width(), frame.height());
        let geometry = Geometry::of(width, height, landmarks, &[*face_box], recipe)?;
        self_blend(frame.cropped(geometry.window()), &geometry, recipe, SIDE)
    }

    /// Every step on all of the wide crop, one after the other.
    fn plain(frame: &RgbImage, (landmarks, face_box): &(Landmarks, FaceBox), recipe: &Recipe) -> BlendedPair {
        let (width, height) = (frame.width(), frame.height());
        let geometry = Geometry::of(width, height, landmarks, &[*face_box], recipe).unwrap();
        let mut wide = frame.cropped(geometry.window());
        if recipe.mirror {
            wide = imaging::mirrored(&wide).unwrap();
        }
        let (width, height) = (wide.width(), wide.height());
        let whole = Window::whole(width, height);
        let mask = mask_in(&geometry, recipe, whole).unwrap();
        let transformed = recipe.source_transforms.apply(&wide, whole).unwrap();
        let (source, target) = match recipe.source_transforms.of {
            Side::Source => (transformed, wide),
            Side::Target => (wide, transformed),
        };
        let source = warp::affine(&recipe.warp, width, height).image_window(&source, whole, whole);
        let mut fake = blend::composite(&source, &target, &mask);
        let mut real = target;
        if let Some(joint) = &recipe.joint_transforms {
            joint.apply(&mut fake).unwrap();
            joint.apply(&mut real).unwrap();
        }
        let resized =
            |image: &RgbImage| imaging::resized(&image.cropped(geometry.crop()), SIDE, SIDE).unwrap();
        let mask = imaging::resized_mask_part(&mask, geometry.crop(), SIDE, SIDE).unwrap();
        BlendedPair { fake: resized(&fake), real: resized(&real), mask }
    }

    fn any_face() -> impl Strategy<Value = (Landmarks, FaceBox)> {
        (60..340i32, 60..260i32, 24..90i32).prop_map(|(x, y, radius)| face_of(x, y, radius))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn only_the_needed_parts_give_the_pixels_of_the_whole(face in any_face(), index in any::<u64>()) {
            let frame = frame(WIDTH, HEIGHT);
            let recipe = recipe(index, Phase::Train);
            let fast = made(&frame, &face, &recipe).unwrap();
            let slow = plain(&frame, &face, &recipe);
            prop_assert_eq!(&fast.mask, &slow.mask);
            let furthest = |a: &RgbImage, b: &RgbImage| {
                a.data().iter().zip(b.data()).map(|(a, b)| a.abs_diff(*b)).max()
            };
            let exact = matches!(recipe.source_transforms.detail, source_target::Detail::DownUp { .. });
            // Sharpening may round exact halves otherwise at the ends of rows, which JPEG spreads.
            let limit = if exact { Some(0) } else { Some(6) };
            prop_assert!(furthest(&fast.fake, &slow.fake) <= limit);
            prop_assert!(furthest(&fast.real, &slow.real) <= limit);
        }

        #[test]
        fn the_same_recipe_gives_the_same_pair_after_writing_it_down(
            face in any_face(), index in any::<u64>(),
        ) {
            let frame = frame(WIDTH, HEIGHT);
            for phase in [Phase::Train, Phase::Validation] {
                let recipe = recipe(index, phase);
                let read: Recipe = serde_json::from_str(&serde_json::to_string(&recipe).unwrap()).unwrap();
                let pair = made(&frame, &face, &recipe).unwrap();
                prop_assert_eq!(&made(&frame, &face, &read).unwrap(), &pair);
                prop_assert!(pair.mask.data().iter().all(|v| (0.0..=recipe.softening.ratio).contains(v)));
                prop_assert!(pair.mask.data().iter().any(|v| *v > 0.0));
            }
        }
    }

    #[test]
    fn pairs_are_the_same_on_any_number_of_threads() {
        let frame = frame(WIDTH, HEIGHT);
        let face = face_of(200, 160, 60);
        let all = |threads: usize| -> Vec<BlendedPair> {
            let per_thread = 12 / threads;
            let part = |thread: usize| {
                let samples = (thread * per_thread) as u64..((thread + 1) * per_thread) as u64;
                samples.map(|i| made(&frame, &face, &recipe(i, Phase::Train)).unwrap()).collect::<Vec<_>>()
            };
            std::thread::scope(|scope| {
                let part = &part;
                let running: Vec<_> = (0..threads).map(|t| scope.spawn(move || part(t))).collect();
                running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
            })
        };
        assert_eq!(all(1), all(4));
    }

    #[test]
    fn outside_the_mask_fake_and_real_are_equal() {
        let frame = frame(WIDTH, HEIGHT);
        let face = face_of(200, 160, 60);
        let mut different = 0;
        for index in 0..20 {
            let pair = made(&frame, &face, &recipe(index, Phase::Validation)).unwrap();
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let same = pair.fake.pixel(x, y) == pair.real.pixel(x, y);
                    assert!(same || pair.mask.at(x, y) > 0.0, "({x}, {y}) of {index}");
                    different += usize::from(!same);
                }
            }
        }
        assert!(different > 20 * SIDE * SIDE / 10, "{different}");
    }

    #[test]
    fn a_past_is_in_the_real_image_and_in_the_source_only_where_it_is_shared() {
        use past::{Past, Smoothing};
        let (frame, face) = (frame(WIDTH, HEIGHT), face_of(200, 160, 60));
        let with = |shared: Option<bool>| {
            let past = shared.map(|shared| Past {
                resample: None,
                smoothing: Some(Smoothing::Blur { sigma: 1.4 }),
                codec: None,
                shared,
                sharpened: 0.0,
            });
            let mut recipe = Recipe { past, ..recipe(3, Phase::Validation) };
            recipe.softening.ratio = 1.0;
            made(&frame, &face, &recipe).unwrap()
        };
        let (none, own, shared) = (with(None), with(Some(false)), with(Some(true)));
        assert_eq!(own.real, shared.real);
        assert_ne!(own.real, none.real);
        assert_ne!(own.fake, shared.fake);
        // In the middle of an opaque mask is the source alone, which is then that of the frame as it was.
        let opaque = (0..SIDE * SIDE).filter(|at| own.mask.data()[*at] == 1.0);
        let of = |pair: &BlendedPair, at: usize| pair.fake.pixel(at % SIDE, at / SIDE);
        let (same, blurred) = opaque.fold((0, 0), |(same, blurred), at| {
            let clean = of(&none, at);
            (same + usize::from(of(&own, at) == clean), blurred + usize::from(of(&shared, at) != clean))
        });
        assert!(same > 50 && blurred > 0, "{same} {blurred}");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let recipe = recipe(1, Phase::Validation);
        let frame = frame(WIDTH, HEIGHT);
        let (landmarks, face_box) = face_of(200, 160, 60);
        let geometry = Geometry::of(WIDTH, HEIGHT, &landmarks, &[face_box], &recipe).unwrap();
        let error = self_blend(frame.clone(), &geometry, &recipe, SIDE).unwrap_err();
        assert!(error.to_string().ends_with("got 400 x 320"), "{error}");

        // All points in one place, and the map carries it out of the image.
        let spot = Landmarks::new(vec![(0, 0); 81]).unwrap();
        let mut gone = Recipe { mirror: false, ..recipe.clone() };
        gone.warp.translate_x = -0.9;
        let at = FaceBox { bbox: spot.bounds(), points: [(0.0, 0.0); 5] };
        let geometry = Geometry::of(WIDTH, HEIGHT, &spot, &[at], &gone).unwrap();
        let wide = frame.cropped(geometry.window());
        let error = self_blend(wide, &geometry, &gone, SIDE).unwrap_err();
        assert!(matches!(error, Error::Unusable(Unusable::VanishedMask)), "{error}");
    }
}
