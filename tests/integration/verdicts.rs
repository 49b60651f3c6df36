//! What is made of scores: verdicts, calibration, heat maps, robustness, the detector in the box.

use crate::made;
use crate::support::{FACES, Place, fixture, scores};
use sbi::checkpoint::{self, write_safetensors};
use sbi::imaging::{read_image, resized, write_image};
use sbi::metrics::Calibration;
use std::fs;
use std::path::Path;

const INFER: &str = "infer -w weights/sbi.tar -q";
const BOXED: &str = "weights/default.safetensors";

/// Puts a calibrated detector where the one in the box belongs.
fn boxed_detector(place: &Place, calibration: Calibration) {
    let file = checkpoint::read(&fixture("sbi.tar")).unwrap();
    let mut metadata = file.metadata.clone();
    metadata.extend(calibration.to_metadata());
    write_safetensors(&place.path(BOXED), &file.state, &metadata).unwrap();
}

/// DFDC with the made videos, labelled so that the untrained detector seems to know something.
fn knowing_place() -> Place {
    let place = Place::new();
    FACES.iter().for_each(|name| place.copy(name, name));
    place.sbi(&format!("{INFER} -n 4 -i {} --json first.json", FACES.join(" "))).code(0);
    let mut found = scores(&place.json("first.json"));
    found.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap());
    let labelled: Vec<(&str, i64)> = found
        .iter()
        .enumerate()
        .map(|(rank, (path, _))| (*FACES.iter().find(|name| *name == path).unwrap(), (rank >= 2) as i64))
        .collect();
    place.dfdc(&labelled);
    place
}

#[test]
fn without_weights_the_detector_in_the_box_gives_a_verdict_with_reasons() {
    let place = Place::new();
    place.copy(FACES[0], "clip.mp4");
    place.copy("dark.mp4", "dark.mp4");
    place.sbi("infer -i clip.mp4").refused(&[BOXED, "is missing", "-w"]);

    boxed_detector(&place, Calibration { threshold: 0.001, temperature: 0.5 });
    let done = place.sbi("infer -i clip.mp4 dark.mp4 -n 4 --json out.json").code(1);
    let told: Vec<&str> = done.stderr.lines().filter(|line| line.contains(BOXED)).collect();
    assert_eq!(told.len(), 1, "{done}");
    let done = done.tells(&["likely fake", "clip.mp4"]).tells(&["undecided", "no_face", "dark.mp4"]);
    assert!(done.stdout.lines().next().unwrap().contains("p(fake)"), "{done}");
    let json = place.json("out.json");
    assert_eq!(json["decision"]["threshold"], 0.001);
    let clip = &json["videos"][0];
    assert_eq!(clip["verdict"], "likely_fake");
    assert!(clip["probability"].as_f64().unwrap() > 0.7, "{clip}");
    let reasons = clip["reasons"].to_string();
    assert!(reasons.contains("4 of 4 frames") && reasons.contains("px at ("), "{reasons}");
    let dark = &json["videos"][1];
    assert_eq!((&dark["verdict"], dark["probability"].is_null()), (&"undecided".into(), true));

    let one = place.sbi("infer -q -i clip.mp4 -n 4").code(0);
    assert!(one.stdout.contains("likely fake:\n  score"), "{one}");
    assert!(one.last_line().starts_with("fakeness: "), "{one}");
    assert_eq!(one.stderr, "", "{one}");
    // Weights that tell nothing give scores and no verdict.
    let plain = place.sbi(&format!("{INFER} -i clip.mp4 -n 4 --json plain.json")).code(0);
    assert!(!plain.stdout.contains("likely") && place.json("plain.json")["videos"][0]["verdict"].is_null());
}

#[test]
fn an_altered_file_is_refused() {
    let place = Place::new();
    place.copy(FACES[0], "clip.mp4");
    boxed_detector(&place, Calibration { threshold: 0.5, temperature: 1.0 });
    let whole = fs::read(place.path(BOXED)).unwrap();
    let refused = |bytes: &[u8], why: &str| {
        fs::write(place.path(BOXED), bytes).unwrap();
        place.sbi("infer -q -i clip.mp4").refused(&[BOXED, why]);
    };
    let mut bit = whole.clone();
    *bit.last_mut().unwrap() ^= 1;
    refused(&bit, "do not match the checksum");
    // The border between real and fake is as good as a weight.
    let entry = b"\"threshold\":\"0.5\"";
    let at = whole.windows(entry.len()).position(|bytes| bytes == entry).unwrap() + entry.len() - 2;
    let mut border = whole.clone();
    border[at] = b'9';
    refused(&border, "do not match the checksum");
    refused(&whole[..whole.len() - 9], "bytes");
    refused(b"<html>", BOXED);
}

#[test]
fn the_committed_detector_is_whole_small_and_tells_what_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(BOXED);
    assert!(fs::metadata(&path).unwrap().len() < 10_000_000);
    let file = checkpoint::read(&path).unwrap();
    let told = |key: &str| file.metadata.get(key).unwrap_or_else(|| panic!("{key} is not told")).clone();
    assert_eq!((told("normalisation"), told("image_size")), ("imagenet".to_owned(), "224".to_owned()));
    for key in ["method", "backbone", "version", "seed", "averaged", "calibrated_on"] {
        assert!(!told(key).is_empty());
    }
    let training: serde_json::Value = serde_json::from_str(&told("training")).unwrap();
    assert_eq!(training["backbone"].as_str().unwrap(), told("backbone"));
    let Calibration { threshold, temperature } =
        Calibration::from_metadata(&file.metadata).unwrap().expect("it is calibrated");
    let card = fs::read_to_string(path.with_file_name("MODEL_CARD.md")).unwrap();
    for number in [format!("threshold {threshold:.3}"), format!("temperature {temperature:.2}")] {
        assert!(card.replace('\n', " ").contains(&number), "the model card is of another detector: {number}");
    }
}

#[test]
fn heat_maps_are_drawn_for_videos_photographs_and_packed_faces() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1)]);
    place.copy(FACES[2], "clip.mp4");
    place.copy("dark.mp4", "dark.mp4");
    // Everything is over this border, and red.
    boxed_detector(&place, Calibration { threshold: 0.001, temperature: 1.0 });
    place.sbi("infer -q -i clip.mp4 dark.mp4 -n 3 --heatmaps maps --json with.json").code(1);
    assert_eq!(place.names("maps"), ["clip_heatmap.png"], "without a face there is nothing to draw");
    let sheet = read_image(&place.path("maps/clip_heatmap.png")).unwrap();
    let pixels = sheet.data().chunks_exact(3);
    let coloured = pixels.filter(|rgb| rgb[0].abs_diff(rgb[2]) > 60).count();
    assert!(coloured > 1000, "{coloured} coloured pixels");
    place.sbi("infer -q -i clip.mp4 dark.mp4 -n 3 --json without.json").code(1);
    crate::support::assert_same_scores(&place.json("with.json"), &place.json("without.json"));

    place.sbi("npy-pack -q -d DFDC -n 3").code(0);
    place.sbi(&format!("{INFER} -d DFDC --heatmaps packed")).code(0);
    assert_eq!(place.names("packed").len(), 2);
    place.write("file", "");
    place.sbi(&format!("{INFER} -i clip.mp4 --heatmaps file/maps")).refused(&["file/maps", "cannot write"]);
}

#[test]
fn robustness_is_the_same_from_videos_and_packed_faces_and_names_what_it_leaves_out() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1), ("dark.mp4", 1)]);
    let run = "robustness -q -w weights/sbi.tar --batch-size 3";
    let done = place
        .sbi(&format!("{run} -d DFDC -n 2 --json videos.json --plot plot.png --report robust.html"))
        .code(1);
    let done =
        done.tells(&["left out", "v2.mp4", "no face"]).tells(&["2 videos, 4 faces, each in 26 versions"]);
    let done = done.tells(&["as it is"]).tells(&["jpeg", "quality 15"]);
    done.tells(&["brightness", "factor 0.2"]);
    let plot = read_image(&place.path("plot.png")).unwrap();
    assert!(plot.width() > 2 * plot.height());
    place.sbi("npy-pack -q -d DFDC -n 2").code(1);
    place.sbi(&format!("{run} -d DFDC --json packed.json --threads 1")).code(1);
    let (videos, packed) = (place.json("videos.json"), place.json("packed.json"));
    let rows = videos["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 25);
    let report = fs::read_to_string(place.path("robust.html")).unwrap();
    assert!(
        report.contains("Robustness on DFDC") && report.contains("brightness") && report.contains("v2.mp4")
    );
    for row in rows {
        let told = format!("<td class=\"number\" data-key=\"{:e}\">", row["real_shift"].as_f64().unwrap());
        assert!(report.contains(&told), "{told}");
    }
    assert!(
        rows.iter().any(|row| row["real_shift"].as_f64().unwrap().abs() > 1e-4),
        "nothing changes a score"
    );
    for (one, other) in rows.iter().zip(packed["rows"].as_array().unwrap()) {
        assert_eq!((&one["kind"], &one["severity"]), (&other["kind"], &other["severity"]));
        for key in ["real_shift", "fake_shift", "video_auc"] {
            let number = |row: &serde_json::Value| row[key].as_f64().unwrap();
            assert!((number(one) - number(other)).abs() < 1e-6, "{key}: {one} {other}");
        }
    }
}

#[test]
fn robustness_that_cannot_work_is_refused() {
    let place = Place::new();
    place.dfdc(&[("dark.mp4", 0), ("dark.mp4", 1)]);
    let run = "robustness -q -w weights/sbi.tar -n 2";
    place.sbi(&format!("{run} -d DFDC")).refused(&["no video gives a face", "v0.mp4"]);
    place.sbi(run).misused(&["required"]);
    place.sbi(&format!("{run} --packed absent")).refused(&["absent"]);
    place.sbi(&format!("{run} -d DFDC --plot weights")).refused(&["weights", "is a folder"]);
    place.sbi("robustness -q -d DFDC").refused(&[BOXED, "is missing"]);
}

#[test]
fn calibration_on_labelled_videos_gives_a_detector_with_verdicts() {
    let place = knowing_place();
    let run = "calibrate -w weights/sbi.tar -d DFDC -n 4 -o known.safetensors";
    let done = place.sbi(run).code(0).tells(&["calibrated on 4 videos of DFDC"]).tells(&["threshold", "0."]);
    assert!(done.stderr.contains("only 4 videos"), "{done}");
    place.sbi("infer -q -w known.safetensors -d DFDC -n 4 --json out.json").code(0);
    let json = place.json("out.json");
    let threshold = json["decision"]["threshold"].as_f64().unwrap();
    let all: Vec<f64> = scores(&json).into_iter().filter_map(|(_, score)| score).collect();
    let (low, high) = all.iter().fold((1f64, 0f64), |(low, high), &s| (low.min(s), high.max(s)));
    assert!(low < threshold && threshold < high, "{threshold} is not in {low}..{high}");
    let told = checkpoint::read(&place.path("known.safetensors")).unwrap().metadata;
    assert_eq!(told["calibrated_on"], "4 videos of DFDC");
    let errors = &told["calibrated_errors"];
    assert!(errors.starts_with("AUC 1.000") && errors.contains("of 2 fakes missed"), "{errors}");

    place.sbi(run).refused(&["known.safetensors", "exists already", "--overwrite"]);
    place.sbi(&format!("{run} --overwrite --precision f16 -q")).code(0);
    assert!(fs::metadata(place.path("known.safetensors")).unwrap().len() < 10_000_000);
    place.sbi("calibrate -w weights/sbi.tar -d DFDC -o known.txt").refused(&["known.txt", ".safetensors"]);
    place.write("file", "");
    place.sbi("calibrate -w weights/sbi.tar -d DFDC -o file/known.pth").refused(&["file"]);
    place.sbi("calibrate -w weights/sbi.tar -o a.pth").misused(&["required"]);
    place.write("data/DFDC/labels.csv", "filename,label\nv0.mp4,1\nv1.mp4,1\n");
    let one_class = place.sbi("calibrate -q -w weights/sbi.tar -d DFDC -n 2 -o one.pth");
    one_class.refused(&["both classes are needed"]);
    assert!(!place.path("one.pth").exists());
}

#[test]
fn with_the_detector_in_the_box_small_images_keep_their_size_and_large_ones_lose_some() {
    let place = Place::new();
    boxed_detector(&place, Calibration { threshold: 0.5, temperature: 1.0 });
    let small = made::portrait(1, 0);
    write_image(&place.path("small.png"), &small).unwrap();
    write_image(&place.path("large.png"), &resized(&small, 2560, 2048).unwrap()).unwrap();
    let faces = |flags: &str| {
        place.sbi(&format!("infer -q -i small.png large.png --json out.json {flags}"));
        let json = place.json("out.json");
        [0, 1].map(|at| json["videos"][at]["faces"].as_u64().unwrap())
    };
    // The made face detector knows faces of one size only.
    let [own, reduced] = faces("");
    assert_eq!(own, 1, "the small image was enlarged");
    assert_eq!(faces("--max-size 1280")[1], reduced, "the large image was not brought down to 1280");
    assert_eq!(faces("--max-size 160"), [1, 1]);
}

#[test]
fn a_table_of_labels_gives_metrics_for_any_files() {
    let place = Place::new();
    FACES.iter().for_each(|name| place.copy(name, &format!("mine/{name}")));
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|number| FACES[number]);
    let stem = |name: &str| name.rsplit_once('.').unwrap().0.to_owned();
    let table = format!(
        "file,label,kind,source,pair\n{first},real,,a,\n{second},fake,swap,a,{}\n{third},fake,lips,b,\nabsent.mp4,real,,b,\n",
        stem(first)
    );
    fs::write(place.path("mine/labels.csv"), table).unwrap();
    let done = place
        .sbi(&format!("{INFER} -n 2 -i mine/{first} mine/{second} mine/{third} mine/{fourth} --labels mine/labels.csv --json out.json"))
        .code(0);
    let done = done.tells(&["above its original", "1 pairs"]).tells(&["swap ", "(1 fake)"]).tells(&["lips "]);
    done.tells(&["within a source"]).tells(&["a ", "(1 real, 1 fake)"]).tells(&["labels| AUC: "]);
    let json = place.json("out.json");
    let videos = json["videos"].as_array().unwrap();
    // The one that the table does not name is left out, and told.
    assert_eq!(videos.len(), 3);
    assert!(json["notes"].to_string().contains(fourth), "{}", json["notes"]);
    assert!(
        json["notes"].to_string().contains("1 files that the table of labels names are not among the inputs")
    );
    assert_eq!(
        (&videos[1]["group"], &videos[1]["original"], &videos[1]["source"]),
        (&"swap".into(), &0.into(), &"a".into())
    );
    let above = videos[1]["score"].as_f64() > videos[0]["score"].as_f64();
    assert_eq!(json["metrics"]["pairs"]["above"], f64::from(u8::from(above)));
    assert_eq!(json["metrics"]["groups"]["lips"]["fake"], 1);

    // Without inputs everything that is named; what is not there is a failure of that file alone.
    let done = place.sbi(&format!("{INFER} -n 2 --labels mine/labels.csv")).code(1);
    done.tells(&["unreadable", "absent.mp4"]).tells(&["videos ", "2 real, 2 fake, 1 without a score"]);
    place.sbi("infer --labels mine/labels.csv -d CDF").misused(&["cannot be used with"]);
    place
        .sbi(&format!("{INFER} -i mine/{fourth} --labels mine/labels.csv"))
        .refused(&["none of the inputs is in this table"]);
}
