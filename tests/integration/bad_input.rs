//! Inputs that are no videos or images, and places that cannot be written: each is named, and nothing of
//! the rest is lost.

use std::fs;

use sbi::imaging::write_image;

use crate::made;
use crate::support::{Done, FACES, Place, fixture};

const INFER: &str = "infer -w weights/sbi.tar -q -n 2";

/// Scores `bad` between two good videos: the bad one is listed and noted, the others are scored.
#[track_caller]
fn assert_the_rest_goes_on(place: &Place, bad: &str, status: &str, reason: &str) {
    place.copy(FACES[0], "first.mp4");
    place.copy(FACES[1], "last.mp4");
    let flags = format!("-i first.mp4 {bad} last.mp4 --json out.json --csv out.csv");
    let done = place.sbi(&format!("infer -w weights/sbi.tar -n 2 {flags}")).code(1);
    let done = done.tells(&["ok", "first.mp4"]).tells(&[status, bad]).tells(&["ok", "last.mp4"]);
    let notes: Vec<&str> = done.stderr.lines().filter(|line| line.contains(bad)).collect();
    assert!(notes.len() == 1 && notes[0].contains(reason), "{done}");
    let json = place.json("out.json");
    let [first, failed, last] = json["videos"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert!(first["score"].is_f64() && last["score"].is_f64() && failed["score"].is_null(), "{json}");
    assert_eq!((&failed["path"], &failed["status"]), (&bad.into(), &status.into()));
    let note = failed["note"].as_str().unwrap();
    assert!(note.contains(reason) && !note.contains('\n'), "{note}");
    assert_eq!(csv::Reader::from_path(place.path("out.csv")).unwrap().records().count(), 3);
}

#[test]
fn a_text_file_called_mp4_is_named_and_the_rest_goes_on() {
    let place = Place::new();
    place.write("notes.mp4", "These are not frames.\n".repeat(100));
    assert_the_rest_goes_on(&place, "notes.mp4", "unreadable", "in no format that is known");
    let alone = place.sbi(&format!("{INFER} -i notes.mp4")).code(2);
    alone.tells(&["unreadable", "notes.mp4"]);
}

#[test]
fn an_empty_mp4_is_named_and_the_rest_goes_on() {
    let place = Place::new();
    place.write("empty.mp4", "");
    assert_the_rest_goes_on(&place, "empty.mp4", "unreadable", "the file is empty");
}

#[test]
fn an_mp4_cut_before_its_index_is_unreadable() {
    let place = Place::new();
    let whole = fs::read(fixture(FACES[2])).unwrap();
    place.write("half.mp4", &whole[..whole.len() / 2]);
    assert_the_rest_goes_on(
        &place,
        "half.mp4",
        "unreadable",
        "damaged or cut off: its header cannot be read",
    );
}

#[test]
fn a_video_that_ends_too_early_is_scored_by_what_is_left() {
    let place = Place::new();
    place.copy("cut.avi", "cut.avi");
    place.copy(FACES[0], "a.mp4");
    let infer = "infer -w weights/sbi.tar --threshold 0.0001 -n 4 -i cut.avi a.mp4 --json out.json";
    let done = place.sbi(infer).code(1);
    assert!(done.stderr.contains("cut.avi: damaged or cut off: "), "{done}");
    let cut = &place.json("out.json")["videos"][0];
    assert_eq!((&cut["status"], &cut["frames"], &cut["faces"]), (&"truncated".into(), &4.into(), &4.into()));
    let last = cut["frame_scores"][3]["frame"].as_u64().unwrap();
    assert!(cut["score"].is_f64() && (3..11).contains(&last), "{cut}");
    assert_eq!(place.json("out.json")["videos"][1]["verdict"], "likely_fake");

    let alone = "infer -w weights/sbi.tar --threshold 0.0001 -n 1 -i cut.avi --json out.json";
    place.sbi(alone).code(1);
    let cut = &place.json("out.json")["videos"][0];
    assert_eq!(cut["verdict"], "undecided");
    assert_eq!(cut["reasons"][0], "the file is damaged, and only 1 of its frames could be seen");
}

#[test]
fn damaged_bytes_inside_a_video_do_no_harm() {
    let place = Place::new();
    let mut bytes = fs::read(fixture(FACES[2])).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle..middle + 400].fill(0xff);
    place.write("scratched.mp4", bytes);
    place.copy(FACES[0], "a.mp4");
    let done = place.sbi("infer -w weights/sbi.tar -n 4 -q -i scratched.mp4 a.mp4 --json out.json");
    assert!(matches!(done.code, Some(0 | 1)), "{done}");
    assert_eq!(place.json("out.json")["videos"][1]["status"], "ok", "{done}");
}

#[test]
fn damaged_photographs_are_named_and_the_rest_goes_on() {
    let place = Place::new();
    write_image(&place.path("whole.png"), &made::portrait(1, 0)).unwrap();
    let whole = fs::read(place.path("whole.png")).unwrap();
    place.write("header.png", &whole[..20]);
    assert_the_rest_goes_on(
        &place,
        "header.png",
        "unreadable",
        "the file breaks off before the image begins",
    );
    place.write("text.jpg", "no image");
    assert_the_rest_goes_on(&place, "text.jpg", "unreadable", "in no format that is known");
    place.write("empty.png", "");
    assert_the_rest_goes_on(&place, "empty.png", "unreadable", "the file is empty");
}

#[test]
fn a_photograph_called_mp4_is_a_photograph() {
    let place = Place::new();
    write_image(&place.path("a.png"), &made::portrait(1, 0)).unwrap();
    fs::rename(place.path("a.png"), place.path("a.mp4")).unwrap();
    place.sbi(&format!("{INFER} -i a.mp4 --annotate drawn")).code(0).tells(&["1", "ok", "a.mp4"]);
    assert_eq!(place.names("drawn"), ["a.png"]);
}

#[test]
fn a_folder_called_mp4_is_a_folder() {
    let place = Place::new();
    place.copy(FACES[0], "x.mp4/inner.mp4");
    place.sbi(&format!("{INFER} -i x.mp4")).code(0).tells(&["ok", "x.mp4/inner.mp4"]);
    // In a data set it stands where a video should be.
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1)]);
    fs::remove_file(place.path("data/DFDC/videos/v0.mp4")).unwrap();
    fs::create_dir(place.path("data/DFDC/videos/v0.mp4")).unwrap();
    let done: Done = place.sbi(&format!("{INFER} -d DFDC"));
    assert!(format!("{}{}", done.stdout, done.stderr).contains("data/DFDC/videos/v0.mp4"), "{done}");
    assert!(matches!(done.code, Some(1 | 2)), "{done}");
}

#[test]
fn wrong_paths_and_empty_folders_are_refused_before_any_work() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    fs::create_dir_all(place.path("nothing/in/here")).unwrap();
    place.write("nothing/readme.txt", "no video");
    place.sbi(&format!("{INFER} -i a.mp4 gone.mp4")).refused(&["gone.mp4", "No such file"]);
    place.sbi(&format!("{INFER} -i nothing")).refused(&["nothing: no photographs or videos"]);
    place.sbi(&format!("{INFER} --packed gone")).refused(&["gone", "No such file"]);
    place.sbi(&format!("{INFER} --packed nothing")).refused(&["nothing/target_list.npy"]);
}

#[test]
fn results_that_could_not_be_written_are_refused_before_any_work() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    place.cdf();
    place.write("file", "no folder");
    let infer = |flags: &str| place.sbi(&format!("{INFER} -i a.mp4 {flags}"));
    infer("--json file/out.json").refused(&["file: cannot make this folder"]);
    infer("--csv file/deeper/out.csv").refused(&["file/deeper: cannot make this folder"]);
    infer("--json weights").refused(&["weights: cannot write", "it is a folder, expected a file name"]);
    infer("--annotate file/drawn").refused(&["file/drawn", "cannot write here"]);
    place.sbi("npy-pack -q -d CDF -s file/out").refused(&["file/out", "cannot use the packed folder"]);
    assert_eq!(fs::read(place.path("file")).unwrap(), b"no folder");
}

#[test]
fn test_sets_are_not_annotated() {
    let place = Place::new();
    place.cdf();
    let done = place.sbi(&format!("{INFER} -d CDF --annotate drawn"));
    done.refused(&["test sets are not copied", "--annotate goes with inputs given with -i"]);
    assert!(!place.path("drawn").exists());
}
