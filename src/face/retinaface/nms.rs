//! Non-maximum suppression.

use super::priors::Candidate;

/// Intersection over union of two boxes given as left, top, right, bottom.
pub fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |r: &[f32; 4]| (r[2] - r[0]) * (r[3] - r[1]);
    let w = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let h = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let both = w * h;
    both / (area(a) + area(b) - both)
}

/// Keeps, best score first, each candidate that overlaps no kept one by more than `limit`.
pub fn suppress(mut candidates: Vec<Candidate>, limit: f32) -> Vec<Candidate> {
    // Stable, so that equal scores keep the order of the priors.
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.iter().all(|better| iou(&better.corners, &candidate.corners) <= limit) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(corners: [f32; 4], score: f32) -> Candidate {
        Candidate { corners, points: [0.0; 10], score, prior: 0 }
    }

    #[test]
    fn overlap_of_half_a_box() {
        assert_eq!(iou(&[0.0, 0.0, 2.0, 2.0], &[1.0, 0.0, 3.0, 2.0]), 1.0 / 3.0);
        assert_eq!(iou(&[0.0, 0.0, 1.0, 1.0], &[2.0, 2.0, 3.0, 3.0]), 0.0);
    }

    #[test]
    fn the_better_of_two_overlapping_boxes_stays() {
        let kept = suppress(
            vec![
                candidate([0.0, 0.0, 10.0, 10.0], 0.8),
                candidate([1.0, 0.0, 11.0, 10.0], 0.9),
                candidate([50.0, 50.0, 60.0, 60.0], 0.75),
            ],
            0.4,
        );
        assert_eq!(kept.iter().map(|c| c.score).collect::<Vec<_>>(), [0.9, 0.75]);
    }

    proptest! {
        #[test]
        fn kept_boxes_never_overlap_and_every_dropped_one_has_a_better_rival(
            boxes in prop::collection::vec((0.0f32..90.0, 0.0f32..90.0, 1.0f32..40.0, 1.0f32..40.0, 0.0f32..1.0), 0..40)
        ) {
            let all: Vec<_> =
                boxes.iter().map(|&(x, y, w, h, s)| candidate([x, y, x + w, y + h], s)).collect();
            let kept = suppress(all.clone(), 0.4);
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(kept[i + 1..].iter().all(|b| iou(&a.corners, &b.corners) <= 0.4));
            }
            for c in all.iter().filter(|c| !kept.contains(c)) {
                prop_assert!(kept.iter().any(|k| k.score >= c.score && iou(&k.corners, &c.corners) > 0.4));
            }
        }
    }
}
