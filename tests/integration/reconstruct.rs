//! Counterparts: a small autoencoder learns prepared faces and gives them back.

use crate::support::Place;
use sbi::imaging::{read_image, write_png};
use sbi::prepared_frames::{VideoFolders, write_landmarks};
use sbi::types::{Landmarks, RgbImage};
use std::fs;
use std::path::Path;

/// Everything small: seconds.
const RUN: &str = "reconstruct -q -d faces -n tiny --side 32 --width 4 --bottleneck conv:4";

/// Where the parts of a face are in frames of the set: 41 points around eyes, nose and mouth.
fn landmarks(shift: i32) -> Landmarks {
    let mut points = vec![(64 + shift, 110); Landmarks::FACE];
    for (range, (x, y)) in [(36..42, (50, 55)), (42..48, (78, 55)), (27..36, (64, 69)), (48..68, (64, 85))] {
        points[range].fill((x + shift, y));
    }
    Landmarks::new(points).unwrap()
}

/// A prepared set of three videos with a frame each, and a fourth without landmarks.
fn prepared() -> Place {
    let place = Place::new();
    for number in 0..4 {
        let name = format!("v{number}");
        let files = VideoFolders::new(&place.path("data/faces"), Path::new(&name)).files(0);
        for path in [&files.frame, &files.landmarks] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        write_png(&files.frame, &crate::made::portrait(number, 0)).unwrap();
        if number < 3 {
            write_landmarks(&files.landmarks, &[landmarks(number as i32)]).unwrap();
        }
    }
    place
}

fn frame(place: &Place, folder: &str, video: usize) -> RgbImage {
    read_image(&place.path(&format!("data/faces/{folder}/v{video}/000.png"))).unwrap()
}

fn bytes(place: &Place, file: &str) -> Vec<u8> {
    fs::read(place.path(&format!("data/faces/counterparts/{file}"))).unwrap()
}

#[test]
fn every_frame_with_landmarks_gets_a_counterpart_that_differs_in_the_face_alone() {
    let place = prepared();
    let done = place.sbi(&format!("{RUN} --steps 30 --sheet sheet.png")).code(0);
    let done = done.tells(&["3 with landmarks, 1 without"]).tells(&["3 now, 0 before, 0 failed"]);
    done.tells(&["30 steps on 3 faces"]).tells(&["sheet", "sheet.png"]);
    for video in 0..3 {
        let (real, made) = (frame(&place, "frames", video), frame(&place, "counterparts/tiny", video));
        assert_eq!((made.width(), made.height()), (real.width(), real.height()));
        let differs = |x, y| real.pixel(x, y) != made.pixel(x, y);
        // The square is 4.2 distances of the eyes wide, 118 pixels, and begins some 4 px from the left.
        assert!(!(0..real.height()).any(|y| differs(150, y)), "changed beside the square");
        let changed = (30..100).filter(|&x| differs(x, 70)).count();
        assert!(changed > 50, "{changed} of 70 pixels of the face changed");
    }
    assert!(!place.path("data/faces/counterparts/tiny/v3").exists());
    let record = place.json("data/faces/counterparts/tiny/record.json");
    assert_eq!(
        (&record["counterparts"], &record["seed"], &record["steps"]),
        (&3.into(), &5.into(), &30.into())
    );
    assert_eq!(record["design"]["bottleneck"]["conv"], 4);
    assert!(read_image(&place.path("sheet.png")).unwrap().width() > 1500);
}

#[test]
fn the_network_stays_and_later_frames_are_made_with_it() {
    let place = prepared();
    place.sbi(&format!("{RUN} --steps 3")).code(0);
    let (network, first) = (bytes(&place, "tiny/network.safetensors"), bytes(&place, "tiny/v0/000.png"));
    fs::remove_file(place.path("data/faces/counterparts/tiny/v0/000.png")).unwrap();
    let again = place.sbi("reconstruct -q -d faces -n tiny").code(0);
    again.tells(&["as it was there"]).tells(&["1 now, 2 before"]);
    assert!(
        bytes(&place, "tiny/v0/000.png") == first && bytes(&place, "tiny/network.safetensors") == network
    );

    // The same seed gives the same files, another one others.
    place.sbi(&format!("{} --steps 3", RUN.replace("tiny", "twin"))).code(0);
    assert!(
        bytes(&place, "twin/network.safetensors") == network && bytes(&place, "twin/v0/000.png") == first
    );
    place.sbi(&format!("{RUN} --steps 3 --seed 6")).refused(&["the seed was 5", "is 6 now", "--overwrite"]);
    place.sbi(&format!("{RUN} --steps 3 --seed 6 --overwrite")).code(0).tells(&["3 now, 0 before"]);
    assert!(bytes(&place, "tiny/v0/000.png") != first);
}

#[test]
fn what_others_have_made_is_left_alone() {
    let place = prepared();
    place.write("data/faces/counterparts/gan/v0/000.png", "an image");
    let run = RUN.replace("tiny", "gan");
    place.sbi(&format!("{run} --steps 3 --overwrite")).refused(&["another program", "choose another name"]);
    place.sbi(&RUN.replace("-n tiny", "-n ../frames")).refused(&["name of counterparts"]);
    place.sbi("reconstruct -q -d faces -n x --side 50").refused(&["multiple of 16"]);
    place.sbi(&RUN.replace("-d faces", "-d nothing")).refused(&["nothing"]);
    assert_eq!(place.names("data/faces/counterparts"), ["gan"]);
}
