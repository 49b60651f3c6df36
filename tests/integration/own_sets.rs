//! Photographs of the user's own: a set, a detector trained on it, a score.
//!
//! These need real models and a real face; where set-up has not placed them, the tests say so and pass.

use crate::preprocess::{head, place};
use crate::support::Place;
use crate::train::run_folder;
use sbi::checkpoint;
use sbi::imaging::write_png;
use std::fs;
use std::path::Path;

const PREPARE: &str = "preprocess -q -i photos -o faces --detector retinaface-mnet";
const PHOTOS: usize = 6;

/// A place with six photographs in two folders, one that is cut, and a file that is none.
fn place_with_photos() -> Option<Place> {
    let place = place()?;
    for number in 0..PHOTOS {
        let folder = place.path("photos").join((number % 2).to_string());
        fs::create_dir_all(&folder).unwrap();
        write_png(&folder.join(format!("p{number}.png")), &head(9 * number)).unwrap();
    }
    let whole = fs::read(place.path("photos/0/p0.png")).unwrap();
    place.write("photos/cut.png", &whole[..whole.len() / 3]);
    place.write("photos/notes.txt", "no photograph");
    Some(place)
}

/// A folder whose photographs are prepared, with a small configuration that trains on them.
fn prepared() -> Option<Place> {
    let place = place_with_photos()?;
    place.sbi(PREPARE).code(1);
    place.write(
        "small.json",
        r#"{"epoch": 2, "batch_size": 4, "image_size": 64, "method": "sbi", "backbone": "efficientnet-lite0",
            "normalisation": "imagenet", "ema": 0.9, "workers": 2,
            "data": {"sets": ["faces"], "val_share": 0.5, "degradation": 1}}"#,
    );
    Some(place)
}

#[test]
fn a_folder_of_photographs_is_prepared_once_and_its_bad_files_are_named() {
    let Some(place) = place_with_photos() else { return };
    let first = place.sbi(&PREPARE.replace("-q ", "")).code(1);
    let first = first.tells(&["truncated", "cut"]).tells(&["frames", "6 with both"]);
    assert!(first.stderr.contains("1 file is neither photographs nor videos"), "{first}");
    place.sbi(PREPARE).code(1).tells(&["videos", "(1 prepared now, 6 before)"]);
    place.sbi("preview -q -d faces -n 2 -o sheet.png").code(0).tells(&["sheet", "sheet.png"]);
}

#[test]
fn photographs_become_moving_videos_that_depend_on_their_names_and_the_seed_alone() {
    let Some(place) = place_with_photos() else { return };
    let of = |out: &str, more: &str| {
        place.sbi(&format!(
            "preprocess -q -i photos/0 -o {out} --detector retinaface-mnet -n 2 --as-video {more}"
        ))
    };
    of("moving", "").code(0).tells(&["videos", "3"]);
    let frames = |out: &str| {
        let folder = place.path("data").join(out).join("frames/p0");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    let two = frames("moving");
    assert!(two.len() == 2 && two[0] != two[1], "two frames that differ");
    of("alone", "-j 1 --limit 1").code(0);
    assert!(frames("alone") == two, "order and threads change nothing");
    of("moving", "").code(0).tells(&["(0 prepared now, 3 before)"]);
    let refused = of("moving", "--seed 6");
    assert!(refused.code(2).stderr.contains("seed 5"), "another seed is another setting");
    let still = place.sbi("preprocess -q -i photos/0 -o moving --detector retinaface-mnet -n 2").code(2);
    assert!(still.stderr.contains("what a photograph is taken for"), "{still}");
    of("moving", "--seed 6 --overwrite").code(0);
    assert!(frames("moving") != two);
}

#[test]
fn a_detector_learns_from_them_and_its_file_tells_how_to_feed_it() {
    let Some(place) = prepared() else { return };
    place.sbi("train small.json -q --output runs").code(0).tells(&["2 of 2"]);
    let last = run_folder(&place, "runs").join("weights/last.tar");
    let told = checkpoint::read(&last).unwrap().metadata;
    for (key, value) in
        [("normalisation", "imagenet"), ("image_size", "64"), ("backbone", "efficientnet-lite0")]
    {
        assert_eq!(told.get(key).map(String::as_str), Some(value), "{key} of {told:?}");
    }

    let score = |weights: &Path| {
        let infer = format!("infer -q -w {} -i photos/0/p0.png --json out.json", weights.display());
        place.sbi(&infer).code(0);
        place.json("out.json")["videos"][0]["score"].as_f64().unwrap()
    };
    let own = score(&last);
    place.sbi(&format!("convert {} copy.safetensors", last.display())).code(0);
    assert_eq!(score(&place.path("copy.safetensors")), own, "the copy takes its images otherwise");
}

#[test]
fn sets_that_are_none_are_refused_with_what_was_probably_meant() {
    let Some(place) = prepared() else { return };
    let with = |sets: &str| {
        place.sbi(&format!("train small.json -q --output out --set data.sets={}", sets.replace(' ', "")))
    };
    with(r#"["Orginal"]"#).refused(&["Orginal", "did you mean Original?"]);
    with(r#"["faces", "faces"]"#).refused(&["\"faces\" twice"]);
    with("[]").refused(&["data.sets"]);
    assert!(!place.path("out").exists(), "a refused run left a folder");
    place.sbi("preprocess -q -i photos").misused(&["required", "not provided"]);
    place.sbi("preprocess -q -i absent -o set").refused(&["absent", "No such file"]);
}
