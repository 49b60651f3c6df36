//! Test sets from videos over packed faces to scores.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use ndarray::{Array1, Array4};
use sbi::npy;
use serde_json::Value as Json;

use crate::support::{FACES, Place, assert_same_scores, scores};

const INFER: &str = "infer -w weights/sbi.tar -q -n 2";

/// All arrays of a folder by name.
pub fn arrays(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    named.filter(|(name, _)| name.ends_with(".npy")).map(|(n, path)| (n, fs::read(path).unwrap())).collect()
}

fn assert_metrics(metrics: &Json) {
    for name in ["video_auc", "video_auc_scored_only", "frame_auc", "ap", "eer", "acc", "acc_at_eer"] {
        let value = &metrics[name];
        assert!(value.as_f64().is_some_and(|value| (0.0..=1.0).contains(&value)), "{name}: {metrics}");
    }
    let ci: Vec<f64> = metrics["video_auc_ci95"].as_array().unwrap().iter().flat_map(Json::as_f64).collect();
    assert!(ci.len() == 2 && ci[0] <= ci[1], "{metrics}");
}

#[test]
fn packed_faces_score_like_the_videos_they_come_from() {
    let place = Place::new();
    place.ff("c23");
    let direct = place.sbi(&format!("{INFER} -d FF -c c23 --json direct.json")).code(0);
    let packed =
        place.sbi("npy-pack -d FF -c c23 -n 2").code(0).tells(&["videos", "10 (10 packed now, 0 before)"]);
    assert!(packed.stdout.contains("data/npy/FF") && packed.stderr.contains("10/10 videos"), "{packed}");
    place.sbi("infer -w weights/sbi.tar -q --packed data/npy/FF --json packed.json").code(0);
    let found = place.sbi("infer -w weights/sbi.tar -d FF -c c23 --json found.json").code(0);
    assert!(found.stderr.contains("using the packed faces in data/npy/FF"), "{found}");

    let json = place.json("direct.json");
    for other in ["packed.json", "found.json"] {
        let other = place.json(other);
        assert_same_scores(&json, &other);
        assert_eq!(json["metrics"], other["metrics"]);
        assert_eq!((&other["dataset"], &other["compression"]), (&"FF".into(), &"c23".into()));
        assert_eq!(other["detector"], "retinaface-mnet");
    }
    assert_metrics(&json["metrics"]);
    assert_eq!((&json["metrics"]["real"], &json["metrics"]["fake"]), (&2.into(), &8.into()));
    assert_eq!(json["metrics"]["unscored"], 0);
    let groups: Vec<&String> = json["metrics"]["groups"].as_object().unwrap().keys().collect();
    assert_eq!(groups, ["Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"]);
    let labels: Vec<i64> =
        json["videos"].as_array().unwrap().iter().map(|video| video["label"].as_i64().unwrap()).collect();
    assert_eq!(labels, [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    let auc = json["metrics"]["video_auc"].as_f64().unwrap();
    assert_eq!(direct.last_line(), format!("FF| AUC: {auc:.4}"));
    assert_eq!(found.last_line(), direct.last_line());

    let other = place.sbi(&format!("{INFER} -d FF"));
    other.refused(&["data/npy/FF", "was packed from c23 videos, but raw was asked for"]);
    let settings = place.sbi("npy-pack -d FF -c c23 -n 3");
    settings.refused(&["data/npy/FF/manifest.json", "number of frames 2", "this run has 3", "--overwrite"]);
}

#[test]
fn packed_arrays_are_those_of_the_published_evaluation() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 1), ("dark.mp4", 0), (FACES[1], 0), ("cut.avi", 1)]);
    let done = place.sbi("npy-pack -q -d DFDC -s out -n 4").code(1);
    done.tells(&["no_face", "1"]).tells(&["truncated", "v3.mp4", "2 of 4 frames"]);
    let mut expected = vec!["manifest.json".to_owned(), "target_list.npy".to_owned()];
    expected.extend((1..=4).flat_map(|i| [format!("{i}.npy"), format!("{i}_idx.npy")]));
    expected.sort();
    assert_eq!(place.names("out"), expected);

    let labels: Array1<i64> = npy::read_array(&place.path("out/target_list.npy")).unwrap();
    assert_eq!(labels.to_vec(), [1, 0, 0, 1]);
    for (number, indices) in [(1, vec![0, 3, 7, 11]), (2, vec![]), (3, vec![0, 3, 7, 11]), (4, vec![0, 3])] {
        if indices.is_empty() {
            // As the published program leaves a video without a face.
            for name in [format!("out/{number}.npy"), format!("out/{number}_idx.npy")] {
                let nothing: Array1<f64> = npy::read_array(&place.path(&name)).unwrap();
                assert_eq!(nothing.len(), 0);
            }
            continue;
        }
        let faces: Array4<u8> = npy::read_array(&place.path(&format!("out/{number}.npy"))).unwrap();
        assert_eq!(faces.shape(), [indices.len(), 3, 380, 380]);
        let found: Array1<i64> = npy::read_array(&place.path(&format!("out/{number}_idx.npy"))).unwrap();
        assert_eq!(found.to_vec(), indices);
        assert!(faces.iter().any(|&value| value > 200), "the face is bright");
    }

    let manifest = place.json("out/manifest.json");
    assert_eq!((&manifest["version"], &manifest["complete"]), (&1.into(), &true.into()));
    let settings = &manifest["settings"];
    assert_eq!((&settings["dataset"], &settings["frames"]), (&"DFDC".into(), &4.into()));
    assert_eq!((&settings["detector"], &settings["face_size"]), (&"retinaface-mnet".into(), &380.into()));
    let videos = manifest["videos"].as_array().unwrap();
    let column = |name: &str| videos.iter().map(|video| video[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("status"), ["ok", "no_face", "ok", "truncated"]);
    assert_eq!(column("faces"), [4, 0, 4, 2]);
    assert_eq!(column("frames_decoded"), [4, 4, 4, 2]);
    assert_eq!(column("path")[3], "data/DFDC/videos/v3.mp4");

    let scored =
        place.sbi("infer -w weights/eg.tar --threshold 0.0001 -q --packed out --json out.json").code(1);
    assert!(scored.last_line().starts_with("DFDC| AUC: "), "{scored}");
    place.sbi("infer -w weights/eg.tar --threshold 0.0001 -q -d DFDC -n 4 --json direct.json").code(1);
    let (json, direct) = (place.json("out.json"), place.json("direct.json"));
    assert_same_scores(&json, &direct);
    assert_eq!((&json["videos"][1]["score"], &json["metrics"]["unscored"]), (&0.5.into(), &1.into()));
    assert_eq!(json["videos"][3]["status"], "truncated");
    for told in [&json, &direct] {
        let verdicts: Vec<_> =
            told["videos"].as_array().unwrap().iter().map(|video| &video["verdict"]).collect();
        assert_eq!(verdicts, ["likely_fake", "undecided", "likely_fake", "undecided"]);
        assert_eq!(
            told["videos"][3]["reasons"][0],
            "only 2 of 4 frames could be read, at least 3 are needed"
        );
    }
}

#[test]
fn a_second_run_packs_nothing_and_leaves_the_arrays_alone() {
    let place = Place::new();
    place.cdf();
    let pack = "npy-pack -d CDF -n 2";
    place.sbi(pack).code(0).tells(&["3 packed now, 0 before"]);
    let folder = place.path("data/npy/CDF");
    let times = || -> Vec<(String, SystemTime)> {
        let videos = arrays(&folder).into_keys().filter(|name| name != "target_list.npy");
        videos
            .map(|name| (name.clone(), fs::metadata(folder.join(name)).unwrap().modified().unwrap()))
            .collect()
    };
    let (before, bytes, manifest) = (times(), arrays(&folder), place.json("data/npy/CDF/manifest.json"));
    place.sbi(pack).code(0).tells(&["0 packed now, 3 before"]);
    assert_eq!(times(), before);
    assert_eq!(place.json("data/npy/CDF/manifest.json"), manifest);
    // A damaged array is packed again, and only that one.
    fs::write(folder.join("2.npy"), &bytes["2.npy"][..5000]).unwrap();
    place.sbi(pack).code(0).tells(&["1 packed now, 2 before"]);
    assert!(arrays(&folder) == bytes, "the repaired array differs");
    place.sbi(&format!("{pack} --overwrite")).code(0).tells(&["3 packed now, 0 before"]);
    assert!(arrays(&folder) == bytes, "packing again gave other arrays");
}

#[test]
fn other_settings_never_mix_with_a_packed_folder() {
    let place = Place::new();
    place.cdf();
    place.sbi("npy-pack -q -d CDF -n 2").code(0);
    let before = arrays(&place.path("data/npy/CDF"));
    let pack = |flags: &str| place.sbi(&format!("npy-pack -q -d CDF {flags}"));
    pack("-n 2 --max-size 200").refused(&["max-size 0, this run has 200", "--overwrite"]);
    pack("-n 2 --limit 2").refused(&["holds 3 videos, this run has 2", "--overwrite"]);
    place.dfdc(&[(FACES[0], 1)]);
    let other = place.sbi("npy-pack -q -d DFDC -n 2 -s data/npy/CDF");
    other.refused(&["data/npy/CDF/manifest.json", "test set CDF, this run has DFDC"]);
    assert!(arrays(&place.path("data/npy/CDF")) == before, "a refused run changed the folder");
    pack("-n 3 --overwrite").code(0).tells(&["3 packed now"]);
    let faces: Array4<u8> = npy::read_array(&place.path("data/npy/CDF/1.npy")).unwrap();
    assert_eq!(faces.shape()[0], 3);
}

#[test]
fn jobs_threads_and_steps_give_the_same_bytes() {
    let place = Place::new();
    place.cdf();
    place.sbi("npy-pack -q -d CDF -n 3 -s one --jobs 1 --threads 1").code(0);
    place.sbi("npy-pack -q -d CDF -n 3 -s three --jobs 3 --threads 2").code(0);
    place.sbi("npy-pack -q -d CDF -n 3 -s steps --limit 1").code(0).tells(&["1 (1 packed now, 0 before)"]);
    place.sbi("npy-pack -q -d CDF -n 3 -s steps").code(0).tells(&["3 (2 packed now, 1 before)"]);
    let one = arrays(&place.path("one"));
    assert_eq!(one.len(), 7);
    assert!(one == arrays(&place.path("three")) && one == arrays(&place.path("steps")));
    assert_eq!(place.json("one/manifest.json"), place.json("steps/manifest.json"));
    for threads in [1, 2] {
        let flags = format!("--threads {threads} --json {threads}.json");
        place.sbi(&format!("infer -w weights/sbi.tar -q --packed one {flags}")).code(0);
    }
    assert_same_scores(&place.json("1.json"), &place.json("2.json"));
    for faces in [1, 5, 100] {
        let flags = format!("--batch-size {faces} --json batches.json");
        place.sbi(&format!("infer -w weights/sbi.tar -q --packed one {flags}")).code(0);
        assert_same_scores(&place.json("1.json"), &place.json("batches.json"));
    }
    place.sbi("infer -w weights/sbi.tar -q --packed one --limit 2 --json two.json").code(0);
    assert_eq!(scores(&place.json("two.json")).len(), 2);
}

#[test]
fn one_class_alone_has_scores_but_no_auc() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 1), (FACES[1], 1)]);
    let done = place.sbi(&format!("{INFER} -d DFDC --threshold 0 --json out.json --csv out.csv")).code(0);
    assert_eq!(done.last_line(), "DFDC| AUC: undefined");
    let done = done.tells(&["AUC is undefined", "only fake videos"]);
    done.tells(&["accuracy at 0 ", "1.0000"]);
    let json = place.json("out.json");
    for metric in ["video_auc", "video_auc_ci95", "video_auc_scored_only", "frame_auc", "eer"] {
        assert!(json["metrics"][metric].is_null(), "{metric}: {json}");
    }
    assert_eq!((&json["metrics"]["real"], &json["metrics"]["fake"]), (&0.into(), &2.into()));
    assert!(scores(&json).iter().all(|(_, score)| score.is_some()));
    let mut table = csv::Reader::from_path(place.path("out.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[0][1], &rows[0][4]), (2, "1", "likely fake"));
}

#[test]
fn a_folder_of_the_original_programs_is_scored() {
    let place = Place::new();
    place.cdf();
    place.sbi("npy-pack -q -d CDF -n 2 -s ours").code(0);
    place.sbi("infer -w weights/sbi.tar -q --packed ours --json ours.json").code(0);
    fs::remove_file(place.path("ours/manifest.json")).unwrap();
    fs::rename(place.path("ours"), place.path("theirs")).unwrap();
    // They leave a video without a face as empty arrays of float64.
    let empty = Array1::<f64>::zeros(0);
    npy::write_array(&place.path("theirs/4.npy"), empty.view()).unwrap();
    npy::write_array(&place.path("theirs/4_idx.npy"), empty.view()).unwrap();
    let labels = Array1::from(vec![0i64, 1, 0, 1]);
    npy::write_array(&place.path("theirs/target_list.npy"), labels.view()).unwrap();
    let done = place.sbi("infer -w weights/sbi.tar -q --packed theirs --json theirs.json").code(1);
    assert!(done.last_line().starts_with("theirs| AUC: "), "{done}");
    let (ours, theirs) = (place.json("ours.json"), place.json("theirs.json"));
    for at in 0..3 {
        assert_eq!(ours["videos"][at]["frame_scores"], theirs["videos"][at]["frame_scores"]);
        assert_eq!(theirs["videos"][at]["path"], format!("theirs/{}.npy", at + 1));
    }
    assert_eq!(
        (&theirs["videos"][3]["status"], &theirs["videos"][3]["score"]),
        (&"no_face".into(), &0.5.into())
    );
    assert_eq!(theirs["detector"], Json::Null);
    place.sbi("npy-pack -d CDF -s theirs").refused(&["theirs", "without a manifest", "--overwrite"]);
}
