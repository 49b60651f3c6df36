//! Sheets and files of self-blended pairs.

use crate::preprocess::{head, place};
use crate::support::Place;
use sbi::imaging::{read_image, write_image};
use sbi::types::RgbImage;
use std::fs;

const SET: &str = "data/FaceForensics++/original_sequences/youtube/c23";
const SPLIT: &str = r#"[["000", "001"]]"#;

/// Two prepared originals, `000` of the training split and `002` of none.
fn prepared() -> Option<Place> {
    let place = place()?;
    fs::create_dir_all(place.path(SET).join("videos")).unwrap();
    for (first, name) in ["000.mp4", "002.mp4"].into_iter().enumerate() {
        let to = place.path(SET).join("videos").join(name);
        crate::made::video(&to, 6, |frame| head(30 * first + frame));
    }
    for list in ["train.json", "val.json"] {
        place.write(&format!("data/FaceForensics++/{list}"), SPLIT);
    }
    place.sbi("preprocess -q -d Original -c c23 -n 3").code(0);
    Some(place)
}

fn image(place: &Place, name: &str) -> RgbImage {
    read_image(&place.path(name)).unwrap()
}

/// How many grey levels two images differ by on average.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: u64 = a.data().iter().zip(b.data()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.data().len() as f64
}

#[test]
fn a_prepared_set_gives_a_sheet_that_its_seed_repeats() {
    let Some(place) = prepared() else { return };
    let run = |flags: &str, out: &str| {
        place
            .sbi(&format!("preview -q -d Original -c c23 -n 3 -o {out} {flags}"))
            .code(0)
            .tells(&["sheet", out]);
        fs::read(place.path(out)).unwrap()
    };
    let first = run("", "a.png");
    assert!(run("", "b.png") == first, "the same seed gives another sheet");
    assert!(run("--seed 6", "c.png") != first);
    let sheet = image(&place, "a.png");
    assert!(sheet.width() > 5 * 200 && sheet.height() > 3 * 224, "{sheet:?}");
    let default = place.sbi("preview -q -d Original -c c23 -n 1").code(0);
    assert_eq!(default.last_line(), "sheet   preview.png");
}

#[test]
fn saved_pairs_differ_inside_their_masks_alone_and_come_with_their_parameters() {
    let Some(place) = prepared() else { return };
    let run = "preview -q -d Original -c c23 -n 5 --phase val --image-size 160 --save pairs";
    place.sbi(run).code(0).tells(&["pairs", "5"]).tells(&["saved", "pairs"]);
    assert!(!place.path("preview.png").exists(), "a sheet that nobody asked for");
    let list = place.json("pairs/pairs.json");
    assert_eq!((&list["seed"], &list["image_size"]), (&5.into(), &160.into()));
    let pairs = list["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 5);
    for pair in pairs {
        let read = |key: &str| image(&place, &format!("pairs/{}", pair[key].as_str().unwrap()));
        let (real, fake, mask) = (read("real"), read("fake"), read("mask"));
        assert_eq!((real.width(), real.height()), (160, 160));
        assert!(difference(&real, &fake) > 0.1, "fake and real are equal");
        let mut inside = 0;
        for ((real, fake), mask) in real.data().iter().zip(fake.data()).zip(mask.data()) {
            assert!(*mask > 0 || real.abs_diff(*fake) <= 2, "a difference outside the mask");
            inside += usize::from(*mask > 0);
        }
        assert!(inside > real.data().len() / 50, "the mask is all but empty");
        assert_eq!(pair["landmarks"].as_array().unwrap().len(), 81);
        assert!(pair["recipe"]["hull"].is_string() && pair["recipe"]["joint_transforms"].is_null());
    }
}

#[test]
fn a_configuration_chooses_split_and_size() {
    let Some(place) = prepared() else { return };
    place.write(
        "tiny.json",
        r#"{"epoch": 2, "batch_size": 4, "image_size": 96, "data": {"compression": "c23"}}"#,
    );
    place.sbi("preview -q tiny.json -n 6 --save pairs").code(0);
    let list = place.json("pairs/pairs.json");
    assert_eq!(list["image_size"], 96);
    let sources: Vec<&str> =
        list["pairs"].as_array().unwrap().iter().map(|pair| pair["source"].as_str().unwrap()).collect();
    assert!(sources.iter().all(|source| source.contains("frames/000/")), "{sources:?}");
    place.write("data/FaceForensics++/train.json", r#"[["500", "501"]]"#);
    place.sbi("preview -q tiny.json").refused(&["none of the 2 prepared videos"]);
    // A list of the configuration's own goes before that of the data set.
    place.write("mine.json", SPLIT);
    place.write("listed.json", r#"{"image_size": 96, "data": {"compression": "c23", "train": "mine.json"}}"#);
    place.sbi("preview -q listed.json -n 1").code(0);
    place.write("misspelt.json", r#"{"data": {"compresion": "c23"}}"#);
    place.sbi("preview -q misspelt.json").refused(&["misspelt.json", "data.compresion", "data.compression"]);
    place.write("broken.json", "{");
    place.sbi("preview -q broken.json").refused(&["broken.json", "not a training configuration"]);
    place.sbi("preview -q absent.json").refused(&["absent.json"]);
}

#[test]
fn photographs_and_videos_need_no_preparation() {
    let Some(place) = place() else { return };
    write_image(&place.path("face.jpg"), &head(0)).unwrap();
    crate::made::video(&place.path("face.mp4"), 6, head);
    write_image(&place.path("empty.png"), &RgbImage::filled(120, 90, [90, 120, 80])).unwrap();
    place.write("text.jpg", "no image");
    place.sbi("preview -q -i face.jpg face.mp4 -n 3 -o ok.png").code(0).tells(&["pairs", "3"]);
    let done = place.sbi("preview -q -i face.jpg empty.png text.jpg absent.jpg -n 2 -o some.png").code(1);
    let done = done.tells(&["unused", "empty.png: dlib finds no face"]);
    done.tells(&["unused", "text.jpg: in no format that is known"]).tells(&["unused", "absent.jpg"]);
    assert!(place.path("some.png").exists());
    place.sbi("preview -q -i empty.png -o none.png").code(2).tells(&["pairs", "0"]);
    assert!(!place.path("none.png").exists());
    place.sbi("preview -q -i face.jpg -o absent/sheet.png").refused(&["absent", "cannot write here"]);
}

#[test]
fn frames_that_cannot_be_used_are_named_and_passed_over() {
    let Some(place) = prepared() else { return };
    let set = place.path(SET);
    // An image that is cut, a box that is gone, landmarks of another form.
    let cut = set.join("frames/000/000.png");
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..whole.len() / 3]).unwrap();
    fs::remove_file(set.join("retina/000/002.npy")).unwrap();
    let odd = set.join("landmarks/002/000.npy");
    sbi::npy::write_array(&odd, ndarray::Array3::<i64>::zeros((1, 5, 2)).view()).unwrap();
    let done = place.sbi("preview -q -d Original -c c23 -n 8 -o sheet.png").code(1);
    let done = done.tells(&["pairs", "8"]);
    let done = done.tells(&["unused", "frames/000/000.png"]);
    done.tells(&["unused", "landmarks/002/000.npy", "[1, 5, 2]", "Preparing the set anew replaces it"]);
    place
        .sbi("preview -q -d Face2Face")
        .refused(&["no prepared frames", "`sbi preprocess -d Face2Face -c raw`"]);
}
