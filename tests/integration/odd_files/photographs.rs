//! Photographs: turned by their headers, cut, in unusual colours, transparent, several in a file, too large.

use super::{OddFiles, difference};
use crate::support::frames_of;

/// A photograph is one frame.
const ONE: [u64; 1] = [0];

#[test]
fn the_orientation_counts_in_every_format() {
    let Some(odd) = OddFiles::get() else { return };
    let upright = frames_of(&odd.path("photos/orientation_1.png")).remove(0);
    for number in 1..=8 {
        for kind in ["png", "webp", "tiff"] {
            let name = format!("photos/orientation_{number}.{kind}");
            odd.is_ok(&name, &ONE);
            odd.score_the_same(&name, "photos/orientation_1.png");
            assert!(frames_of(&odd.path(&name)) == [upright.clone()], "{name}");
        }
        let name = format!("photos/orientation_{number}.jpg");
        odd.is_ok(&name, &ONE);
        assert!(difference(&frames_of(&odd.path(&name))[0], &upright) < 3.0, "{name}");
    }
}

#[test]
fn a_cut_photograph_is_told() {
    let Some(odd) = OddFiles::get() else { return };
    for percent in [30, 50, 90] {
        let name = format!("photos/cut_at_{percent}_percent.jpg");
        odd.is_noted(&name, "truncated", &["breaks off after", "of 512 rows"]);
    }
}

#[test]
fn unusual_colours_are_read() {
    let Some(odd) = OddFiles::get() else { return };
    for name in ["cmyk.tiff", "grey.png", "grey16.png", "palette.png"] {
        odd.is_ok(&format!("photos/{name}"), &ONE);
    }
    odd.score_the_same("photos/cmyk.tiff", "photos/orientation_1.png");
    odd.score_the_same("photos/grey16.png", "photos/grey.png");
}

#[test]
fn what_hides_under_transparency_is_not_shown_to_the_detector() {
    let Some(odd) = OddFiles::get() else { return };
    let video = odd.is_ok("photos/noise_under_transparency.png", &ONE);
    assert!(video["remarks"].to_string().contains("transparent"), "{video}");
    odd.score_the_same("photos/noise_under_transparency.png", "photos/plain_ground.png");
    assert_ne!(video["score"], odd.found("photos/orientation_1.png")["score"]);
}

#[test]
fn all_images_of_a_file_are_looked_at() {
    let Some(odd) = OddFiles::get() else { return };
    for name in ["moving.gif", "moving.png", "moving.webp", "two_pages.tiff"] {
        odd.is_ok(&format!("photos/{name}"), &[0, 1]);
    }
    for name in ["moving.webp", "two_pages.tiff"] {
        odd.score_the_same(&format!("photos/{name}"), "photos/moving.png");
    }
}

#[test]
fn a_photograph_beyond_the_limit_is_refused_by_its_size() {
    let Some(odd) = OddFiles::get() else { return };
    odd.is_noted("photos/280_megapixels.jpg", "unreadable", &["20000 x 14000", "limit", "200000000"]);
}
