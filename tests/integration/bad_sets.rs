//! Data sets with faulty lists and packed folders with faulty arrays.

use std::fs;

use ndarray::{Array1, Array4};
use sbi::npy;

use crate::pipeline::arrays;
use crate::support::{FACES, Place};

const INFER: &str = "infer -w weights/sbi.tar -q -n 2";
const LIST: &str = "data/DFDC/labels.csv";

#[test]
fn faulty_tables_of_labels_are_named_with_the_line() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 0)]);
    for (table, parts) in [
        ("filename,fake\nv0.mp4,1\n", ["expected a column 'label'", "found filename, fake"]),
        ("name,label\nv0.mp4,1\n", ["expected a column 'filename'", "found name, label"]),
        ("filename,label\nv0.mp4,FAKE\n", ["line 2: expected a label 0 (real) or 1 (fake)", "'FAKE'"]),
        ("filename,label\nv0.mp4,2\n", ["line 2", "'2'"]),
        ("filename,label\nv0.mp4\n", ["invalid CSV", "line: 2"]),
        ("filename,label\n", ["no videos", "columns filename,label"]),
        ("filename,label\n../v0.mp4,1\n", ["line 2: expected a file name", "'../v0.mp4'"]),
    ] {
        place.write(LIST, table);
        let done = place.sbi("npy-pack -q -d DFDC").refused(&parts);
        assert!(done.stderr.contains(LIST), "{done}");
    }
    assert!(!place.path("data/npy").exists(), "a refused run left a folder");
}

#[test]
fn missing_lists_are_named_with_what_belongs_there() {
    let place = Place::new();
    fs::create_dir(place.path("data")).unwrap();
    for (set, list) in [
        ("DFDC", "data/DFDC/labels.csv: no such file"),
        ("CDF", "data/Celeb-DF-v2/List_of_testing_videos.txt: no such file"),
        ("FF", "data/FaceForensics++/test.json: no such file"),
        ("DFDCP", "data/DFDCP/dataset.json: no such file"),
    ] {
        place.sbi(&format!("{INFER} -d {set}")).refused(&[list, "expected"]);
    }
    place.ff("c40");
    place.sbi(&format!("{INFER} -d FF")).refused(&["youtube/raw/videos: no such folder", "-c c40"]);
    place.write("data/FaceForensics++/test.json", r#"[["000", "001"],"#);
    let broken = place.sbi(&format!("{INFER} -d FF -c c40"));
    broken.refused(&["data/FaceForensics++/test.json", "invalid JSON"]);
}

#[test]
fn a_listed_video_that_is_missing_must_be_allowed() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1), (FACES[2], 1)]);
    fs::remove_file(place.path("data/DFDC/videos/v1.mp4")).unwrap();
    let parts =
        [LIST, "1 of the videos it names are not on disk: data/DFDC/videos/v1.mp4", "--allow-missing"];
    place.sbi(&format!("{INFER} -d DFDC")).refused(&parts);
    place.sbi("npy-pack -d DFDC -n 2").refused(&parts);
    let without = "1 videos of the list are not on disk and are left out, first data/DFDC/videos/v1.mp4";
    let infer = "infer -w weights/sbi.tar -n 2 -d DFDC --allow-missing --json";
    let direct = place.sbi(&format!("{infer} direct.json")).code(0);
    assert!(direct.stderr.contains(without), "{direct}");
    let packed = place.sbi("npy-pack -d DFDC -n 2 --allow-missing").code(0).tells(&["2 packed now"]);
    assert!(packed.stderr.contains(without), "{packed}");
    place.sbi(&format!("{infer} packed.json")).code(0);
    crate::support::assert_same_scores(&place.json("direct.json"), &place.json("packed.json"));
    assert!(place.json("direct.json")["notes"][0].as_str().unwrap().contains(without));
}

#[test]
fn an_unreadable_video_of_a_set_counts_as_undecided_and_is_tried_again() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1)]);
    fs::remove_file(place.path("data/DFDC/videos/v1.mp4")).unwrap();
    place.write("data/DFDC/videos/v1.mp4", "no video");
    let done = place.sbi(&format!("{INFER} -d DFDC --json out.json")).code(1);
    done.tells(&["unreadable", "v1.mp4", "in no format that is known"]);
    let video = &place.json("out.json")["videos"][1];
    assert_eq!((&video["score"], &video["status"]), (&0.5.into(), &"unreadable".into()));
    place.sbi("npy-pack -q -d DFDC -n 2").code(1).tells(&["unreadable", "1"]);
    place.copy(FACES[1], "repaired.mp4");
    fs::rename(place.path("repaired.mp4"), place.path("data/DFDC/videos/v1.mp4")).unwrap();
    place.sbi("npy-pack -q -d DFDC -n 2").code(0).tells(&["1 packed now, 1 before"]);
}

/// A folder as the original programs leave it: three videos with one or two faces each.
fn packed() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("set")).unwrap();
    let labels = Array1::from(vec![0i64, 1, 1]);
    npy::write_array(&place.path("set/target_list.npy"), labels.view()).unwrap();
    for (number, faces) in [(1usize, 2usize), (2, 1), (3, 1)] {
        let shape = (faces, 3, 380, 380);
        let array = Array4::from_shape_fn(shape, |(n, c, y, x)| (40 * number + n + c + y / 9 + x / 7) as u8);
        let frames = Array1::from_iter(0..faces as i64);
        npy::write_array(&place.path(&format!("set/{number}.npy")), array.view()).unwrap();
        npy::write_array(&place.path(&format!("set/{number}_idx.npy")), frames.view()).unwrap();
    }
    place
}

/// The second video is reported with `parts`, the others have scores.
#[track_caller]
fn assert_second_fails(place: &Place, parts: &[&str]) {
    let done = place.sbi("infer -w weights/sbi.tar --packed set --json out.json").code(1);
    let note = done.stderr.lines().find(|line| line.contains("set/2")).unwrap_or_default();
    assert!(parts.iter().all(|part| note.contains(part)), "{parts:?}: {done}");
    let json = place.json("out.json");
    let column = |name: &str| -> Vec<_> {
        json["videos"].as_array().unwrap().iter().map(|video| video[name].clone()).collect()
    };
    assert_eq!(column("status"), ["ok", "unreadable", "ok"], "{done}");
    assert_eq!(column("faces")[0], 2);
    assert_eq!((&column("score")[1], column("score")[2] == 0.5), (&0.5.into(), false));
    assert_eq!(json["metrics"]["unscored"], 1);
}

#[test]
fn arrays_of_another_type_or_shape_are_named() {
    let place = packed();
    place.sbi("infer -w weights/sbi.tar -q --packed set").code(0);
    let faces = place.path("set/2.npy");
    npy::write_array(&faces, Array4::<f32>::zeros((1, 3, 380, 380)).view()).unwrap();
    assert_second_fails(&place, &["set/2.npy", "expected elements of type |u1", "<f4"]);
    npy::write_array(&faces, Array4::<u8>::zeros((1, 380, 380, 3)).view()).unwrap();
    assert_second_fails(&place, &["set/2.npy", "3, 380, 380"]);
    npy::write_array(&faces, Array4::<u8>::zeros((1, 3, 224, 224)).view()).unwrap();
    assert_second_fails(&place, &["set/2.npy", "3, 380, 380", "224"]);
    fs::write(&faces, "<html>").unwrap();
    assert_second_fails(&place, &["set/2.npy"]);
}

#[test]
fn cut_and_missing_arrays_are_named() {
    let place = packed();
    let faces = place.path("set/2.npy");
    let whole = fs::read(&faces).unwrap();
    for len in [whole.len() - 1, 60, 0] {
        fs::write(&faces, &whole[..len]).unwrap();
        assert_second_fails(&place, &["set/2.npy"]);
    }
    fs::remove_file(&faces).unwrap();
    assert_second_fails(&place, &["set/2.npy: no such file", "expected the faces of a video"]);
    fs::write(&faces, &whole).unwrap();
    let indices = place.path("set/2_idx.npy");
    npy::write_array(&indices, Array1::from(vec![0i64, 1]).view()).unwrap();
    assert_second_fails(&place, &["set/2_idx.npy: expected 1 frame indices", "found 2"]);
    npy::write_array(&indices, Array1::from(vec![-1i64]).view()).unwrap();
    assert_second_fails(&place, &["set/2_idx.npy", "expected a frame index from 0, found -1"]);
    fs::remove_file(&indices).unwrap();
    assert_second_fails(&place, &["set/2_idx.npy: no such file", "the frame of each face"]);
}

#[test]
fn a_list_of_labels_that_does_not_fit_is_refused() {
    let place = packed();
    let list = place.path("set/target_list.npy");
    let infer = || place.sbi("infer -w weights/sbi.tar -q --packed set");
    for (labels, parts) in [
        (vec![0i64, 1], ["labels of 2 videos", "number 3"]),
        (vec![0, 1, 1, 0], ["labels of 4 videos", "number 3"]),
        (vec![0, 7, 1], ["video 2: expected label 0 (real) or 1 (fake)", "found 7"]),
        (vec![], ["expected the label of at least one video", "set"]),
    ] {
        npy::write_array(&list, Array1::from(labels).view()).unwrap();
        let done = infer().refused(&parts);
        assert!(done.stderr.contains("set/target_list.npy"), "{done}");
    }
    fs::remove_file(&list).unwrap();
    infer().refused(&["set/target_list.npy", "No such file"]);
}

#[test]
fn a_manifest_that_is_damaged_or_contradicts_is_refused() {
    let place = Place::new();
    place.cdf();
    place.sbi("npy-pack -q -d CDF -n 2 -s set").code(0);
    let before = arrays(&place.path("set"));
    let whole = fs::read_to_string(place.path("set/manifest.json")).unwrap();
    let infer = || place.sbi("infer -w weights/sbi.tar -q --packed set");
    for (text, parts) in [
        (whole[..whole.len() / 2].to_owned(), ["set/manifest.json: expected the manifest", "line"]),
        (whole.replacen("\"version\": 1", "\"version\": 99", 1), ["manifest version 99", "reads version 1"]),
        (
            whole.replacen("\"label\": 0", "\"label\": 1", 1),
            ["target_list.npy", "another label in the manifest"],
        ),
        ("{}".to_owned(), ["set/manifest.json", "no version"]),
    ] {
        place.write("set/manifest.json", &text);
        infer().refused(&parts);
    }
    place.sbi("npy-pack -q -d CDF -n 2 -s set").refused(&["set/manifest.json"]);
    assert!(arrays(&place.path("set")) == before, "a refused run changed the arrays");
}
