use super::super::testing::{face_of, frame};
use super::super::{BlendedPair, Error, Extras, Geometry, Phase, blended_pair};
use super::*;
use crate::blending::mirror::reorder_forehead;
use crate::rng::{Purpose, generator};
use crate::types::FaceBox;
use proptest::prelude::*;

const WIDTH: usize = 320;
const HEIGHT: usize = 300;
const SIDE: usize = 96;
const ALL: Available = Available { counterparts: true, donors: true };

fn only(kind: Kind) -> Extras {
    Extras { fakes: Fakes::only(kind), ..Extras::default() }
}

fn drawn(kind: Kind, index: u64, phase: Phase, available: Available) -> Recipe {
    let mut rng = generator(11, 0, index, Purpose::Sample);
    Recipe::draw_with(&mut rng, phase, &only(kind), available).recipe
}

fn face() -> (Landmarks, FaceBox) {
    face_of(160, 150, 70)
}

/// Another image than the frame's, with structures of its own.
fn other_image(width: usize, height: usize) -> RgbImage {
    let value = |i: usize| {
        let (x, y) = ((i / 3 % width) as f32, (i / 3 / width) as f32);
        (130.0 + 50.0 * (x * 0.09).cos() + 40.0 * (y * 0.11 + x * 0.02).sin() + (i % 3) as f32 * 9.0) as u8
    };
    RgbImage::from_raw(width, height, (0..width * height * 3).map(value).collect())
}

/// What a recipe wants, from an image of the frame's size and a face in it.
fn material(recipe: &Recipe, geometry: &Geometry, image: &RgbImage, face: &Landmarks) -> Material {
    match recipe.forgery.as_ref().unwrap().wants() {
        Wants::Nothing => Material::Own,
        Wants::Counterpart { .. } => Material::Counterpart(image.cropped(geometry.window())),
        Wants::Donor { .. } => Material::Donor { image: image.clone(), landmarks: reorder_forehead(face) },
    }
}

fn geometry(recipe: &Recipe) -> Geometry {
    let (landmarks, face_box) = face();
    Geometry::of(WIDTH, HEIGHT, &landmarks, &[face_box], recipe).unwrap()
}

fn made(recipe: &Recipe) -> BlendedPair {
    let geometry = geometry(recipe);
    let material = material(recipe, &geometry, &other_image(WIDTH, HEIGHT), &face_of(150, 160, 60).0);
    let wide = frame(WIDTH, HEIGHT).cropped(geometry.window());
    blended_pair(wide, &material, &geometry, recipe, SIDE).unwrap()
}

const FORGERIES: [Kind; 5] = [Kind::Swap, Kind::Counterpart, Kind::Mouth, Kind::Whole, Kind::Frequency];

fn any_kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(&FORGERIES)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn fakes_differ_from_their_reals_inside_the_mask_only(kind in any_kind(), index in any::<u64>()) {
        let recipe = drawn(kind, index, Phase::Validation, ALL);
        let forgery = recipe.forgery.as_ref().unwrap();
        prop_assert_eq!(forgery.kind(), kind);
        let pair = made(&recipe);
        let mut different = 0;
        for y in 0..SIDE {
            for x in 0..SIDE {
                let same = pair.fake.pixel(x, y) == pair.real.pixel(x, y);
                prop_assert!(same || pair.mask.at(x, y) > 0.0, "({}, {}) of {}", x, y, forgery);
                different += usize::from(!same);
            }
        }
        prop_assert!(different > SIDE * SIDE / 200, "{} pixels of {}", different, forgery);
    }

    #[test]
    fn the_same_recipe_gives_the_same_pair_after_writing_it_down(
        kind in any_kind(), index in any::<u64>(),
    ) {
        for available in [ALL, Available::default()] {
            let recipe = drawn(kind, index, Phase::Train, available);
            let read: Recipe = serde_json::from_str(&serde_json::to_string(&recipe).unwrap()).unwrap();
            prop_assert_eq!(&read, &recipe);
            if recipe.forgery.is_some() {
                prop_assert_eq!(made(&read), made(&recipe));
            }
        }
    }

    #[test]
    fn a_counterpart_that_is_the_frame_changes_nothing(index in any::<u64>()) {
        let mut recipe = drawn(Kind::Counterpart, index, Phase::Train, ALL);
        recipe.joint_transforms = None;
        let Some(Forgery::Counterpart(counterpart)) = &mut recipe.forgery else { panic!("a counterpart") };
        counterpart.colours = None;
        counterpart.transformed = false;
        let geometry = geometry(&recipe);
        let wide = frame(WIDTH, HEIGHT).cropped(geometry.window());
        let pair = blended_pair(wide.clone(), &Material::Counterpart(wide), &geometry, &recipe, SIDE).unwrap();
        // Mixing and resizing cut to whole numbers.
        let same = pair.fake.data().iter().zip(pair.real.data()).all(|(a, b)| a.abs_diff(*b) <= 2);
        prop_assert!(same, "mirrored: {}", recipe.mirror);
    }

    #[test]
    fn a_donor_that_is_the_face_comes_to_lie_over_it(index in any::<u64>(), fit in 0.0..=1.0f64) {
        let mut recipe = drawn(Kind::Swap, index, Phase::Validation, ALL);
        let Some(Forgery::Swap(swap)) = &mut recipe.forgery else { panic!("a swap") };
        (swap.fit, swap.resample, swap.transformed) = (fit, None, false);
        let geometry = geometry(&recipe);
        let image = frame(WIDTH, HEIGHT);
        let material = Material::Donor { image: image.clone(), landmarks: reorder_forehead(&face().0) };
        let wide = image.cropped(geometry.window());
        let pair = blended_pair(wide, &material, &geometry, &recipe, SIDE).unwrap();
        // Colours are fitted through floats, maybe through Lab, and positions are rounded to 1 / 32 pixel.
        let off = pair.fake.data().iter().zip(pair.real.data()).map(|(a, b)| a.abs_diff(*b)).max();
        prop_assert!(off <= Some(6), "{:?}", off);
    }
}

#[test]
fn self_blending_is_drawn_as_published_whatever_else_has_a_weight() {
    let plain = |index| Recipe::draw(&mut generator(11, 0, index, Purpose::Sample), Phase::Train);
    let mixed = Extras { fakes: Fakes { swap: 1.0, whole: 1.0, ..Fakes::default() }, ..Extras::default() };
    let mut selves = 0;
    for index in 0..200 {
        assert_eq!(drawn(Kind::SelfBlend, index, Phase::Train, ALL), plain(index));
        let mut rng = generator(11, 0, index, Purpose::Sample);
        let recipe = Recipe::draw_with(&mut rng, Phase::Train, &mixed, ALL).recipe;
        if recipe.forgery.is_none() {
            assert_eq!(recipe, plain(index));
            selves += 1;
        }
    }
    assert!((40..100).contains(&selves), "{selves} of 200");
}

#[test]
fn what_is_not_at_hand_is_not_wanted() {
    for index in 0..300 {
        for kind in FORGERIES {
            let recipe = drawn(kind, index, Phase::Train, Available::default());
            let wants = recipe.forgery.map_or(Wants::Nothing, |forgery| forgery.wants());
            assert_eq!(wants, Wants::Nothing, "{kind}");
        }
    }
}

#[test]
fn other_pixels_than_wanted_are_refused() {
    let recipe = drawn(Kind::Swap, 3, Phase::Validation, ALL);
    let geometry = geometry(&recipe);
    let wide = frame(WIDTH, HEIGHT).cropped(geometry.window());
    let refused =
        |material: &Material| blended_pair(wide.clone(), material, &geometry, &recipe, SIDE).unwrap_err();
    assert!(matches!(refused(&Material::Own), Error::Material));
    let nowhere = Landmarks::new(vec![(5, 5); 68]).unwrap();
    let error = refused(&Material::Donor { image: frame(40, 40), landmarks: nowhere });
    assert!(matches!(error, Error::Material), "{error}");
    let error = refused(&Material::Counterpart(frame(40, 40)));
    assert!(matches!(error, Error::WrongWindow { .. }), "{error}");
}
