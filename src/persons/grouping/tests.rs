//! Made faces whose persons are known.

use super::*;
use proptest::prelude::*;

fn look(person: usize, wobble: f32) -> Embedding {
    // Persons stand a distance of 1 or more apart; wobbles stay within 0.2 of the person.
    Embedding(vec![person as f32 * 1.5, wobble.clamp(-0.2, 0.2)])
}

fn sighting(frame: usize, seconds: f64, scene: usize, x: f64, look: Option<Embedding>) -> Sighting {
    let bbox = BBox { x0: x, y0: 10.0, x1: x + 100.0, y1: 130.0 };
    Sighting { at: Moment { frame, seconds, scene }, bbox, confidence: 0.99, look }
}

#[test]
fn near_faces_go_by_place_and_are_looked_at_every_eighth_time() {
    let mut grouper = Grouper::default();
    let mut looked = Vec::new();
    for frame in 0..20 {
        let at = Moment { frame, seconds: frame as f64 * 0.3, scene: 0 };
        let place = sighting(frame, 0.0, 0, 50.0 + frame as f64 * 5.0, None).bbox;
        let unsettled = grouper.unsettled(at, &[place]);
        let looks = vec![unsettled.first().map(|_| look(0, 0.1))];
        if !unsettled.is_empty() {
            looked.push(frame);
        }
        assert_eq!(grouper.add(at, &[place], &looks), [0]);
    }
    assert_eq!(looked, [0, 8, 16]);
}

#[test]
fn looks_decide_over_gaps_cuts_and_crossings() {
    // Beyond a cut somebody else sits in the same place; later the first one is back elsewhere.
    let cut = [
        sighting(0, 0.0, 0, 50.0, Some(look(0, 0.0))),
        sighting(1, 0.3, 0, 52.0, None),
        sighting(2, 0.6, 1, 52.0, Some(look(1, 0.0))),
        sighting(90, 30.0, 2, 400.0, Some(look(0, 0.1))),
    ];
    assert_eq!(group(&cut), [0, 0, 1, 0]);
    // A face that becomes another one in its place, without a cut, is the same person's: so a swap begins.
    let swapped =
        [sighting(0, 0.0, 0, 50.0, Some(look(0, 0.0))), sighting(1, 0.3, 0, 50.0, Some(look(1, 0.0)))];
    assert_eq!(group(&swapped), [0, 0]);
    // Two faces so near one another that their places say nothing.
    let crossing = [
        sighting(0, 0.0, 0, 50.0, Some(look(0, 0.0))),
        sighting(0, 0.0, 0, 90.0, Some(look(1, 0.0))),
        sighting(1, 0.3, 0, 60.0, Some(look(1, 0.1))),
        sighting(1, 0.3, 0, 85.0, Some(look(0, 0.1))),
    ];
    assert_eq!(group(&crossing), [0, 1, 1, 0]);
}

#[test]
fn twins_in_one_frame_are_two_persons() {
    let both = |frame: usize| {
        let seconds = frame as f64 * 5.0;
        [
            sighting(frame, seconds, 0, 50.0, Some(look(0, 0.0))),
            sighting(frame, seconds, 0, 300.0, Some(look(0, 0.0))),
        ]
    };
    let persons = group(&[both(0), both(1), both(2)].concat());
    assert!(persons.chunks(2).all(|frame| frame[0] != frame[1]), "{persons:?}");
    assert_eq!(persons.iter().max(), Some(&1));
}

#[test]
fn without_looks_places_decide_at_any_time() {
    let faces = [
        sighting(0, 0.0, 0, 50.0, None),
        sighting(0, 0.0, 0, 400.0, None),
        sighting(9, 9.0, 3, 80.0, None),
        sighting(20, 20.0, 5, 200.0, None),
    ];
    assert_eq!(group(&faces), [0, 1, 0, 2]);
}

#[test]
fn groups_that_began_apart_are_joined_by_their_looks() {
    // Turned away at first: only the mean of later looks shows who it is.
    let turned = Embedding(vec![0.0, 0.7]);
    let faces = [
        sighting(0, 0.0, 0, 50.0, Some(look(0, 0.0))),
        sighting(50, 20.0, 1, 300.0, Some(turned)),
        sighting(51, 20.3, 1, 302.0, Some(look(0, 0.15))),
        sighting(52, 20.6, 1, 302.0, None),
    ];
    assert_eq!(group(&faces), [0, 0, 0, 0]);
}

prop_compose! {
    /// Persons who come and go, some looked at and some not; two never on one spot of a frame.
    fn any_sightings()(
        frames in prop::collection::vec(prop::collection::vec((0..4usize, 0..5usize, -0.2..0.2f32, any::<bool>()), 0..4), 1..14),
        gap in 0.1..3.0f64,
    ) -> Vec<(usize, Sighting)> {
        let mut all = Vec::new();
        for (frame, faces) in frames.into_iter().enumerate() {
            let mut seen: Vec<(usize, usize)> = Vec::new();
            for (person, spot, wobble, looked) in faces {
                if seen.iter().all(|(who, place)| *who != person && *place != spot) {
                    seen.push((person, spot));
                    let look = looked.then(|| look(person, wobble));
                    let at = sighting(frame, frame as f64 * gap, frame / 5, 150.0 * spot as f64 + f64::from(wobble) * 20.0, look);
                    all.push((person, at));
                }
            }
        }
        all
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn two_faces_of_a_frame_are_never_one_person(faces in any_sightings()) {
        let sightings: Vec<Sighting> = faces.into_iter().map(|(_, sighting)| sighting).collect();
        let persons = group(&sightings);
        for (a, person) in sightings.iter().zip(&persons).enumerate().map(|(at, pair)| ((at, pair.0), pair.1)) {
            for (b, other) in sightings.iter().zip(&persons).skip(a.0 + 1) {
                prop_assert!(a.1.at.frame != b.at.frame || person != other);
            }
        }
    }

    #[test]
    fn the_order_of_sightings_does_not_matter(faces in any_sightings(), seed in any::<u64>()) {
        let sightings: Vec<Sighting> = faces.into_iter().map(|(_, sighting)| sighting).collect();
        let mut order: Vec<usize> = (0..sightings.len()).collect();
        order.sort_by_key(|&at| (at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17));
        let shuffled: Vec<Sighting> = order.iter().map(|&at| sightings[at].clone()).collect();
        let persons = group(&sightings);
        let expected: Vec<usize> = order.iter().map(|&at| persons[at]).collect();
        prop_assert_eq!(group(&shuffled), expected);
    }

    #[test]
    fn where_every_face_is_looked_at_persons_are_found_exactly(faces in any_sightings()) {
        // Everybody has a place of their own, to which they come back.
        let looked = |(person, sighting): (usize, Sighting)| {
            let wobble = sighting.bbox.x0.rem_euclid(150.0) as f32 / 1000.0;
            let x0 = 300.0 * person as f64;
            let bbox = BBox { x0, x1: x0 + 100.0, ..sighting.bbox };
            (person, Sighting { look: Some(look(person, wobble)), bbox, ..sighting })
        };
        let (truth, sightings): (Vec<usize>, Vec<Sighting>) = faces.into_iter().map(looked).unzip();
        let persons = group(&sightings);
        for a in 0..truth.len() {
            for b in 0..truth.len() {
                prop_assert_eq!(truth[a] == truth[b], persons[a] == persons[b], "{} and {}", a, b);
            }
        }
    }
}
