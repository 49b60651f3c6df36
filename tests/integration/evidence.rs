//! Results that another examiner can repeat, and likelihood ratios with their bounds.

use crate::made;
use crate::support::{FACES, Place, scores};
use sbi::hash::FileSum;
use sbi::imaging::write_image;
use sbi::metrics::LikelihoodRatios;
use std::fs;

const INFER: &str = "infer -w weights/sbi.tar -q";

/// 24 photographs and a table that labels them so that the untrained detector seems to know something.
fn labelled_photographs() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("mine")).unwrap();
    for seed in 0..24 {
        write_image(&place.path(&format!("mine/{seed}.png")), &made::portrait(seed, 0)).unwrap();
    }
    place.sbi(&format!("{INFER} -i mine --json first.json")).code(0);
    let mut found = scores(&place.json("first.json"));
    found.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap());
    let mut table = "file,label,source\n".to_owned();
    for (rank, (path, _)) in found.iter().enumerate() {
        // Two are on the wrong side.
        let label = match rank {
            9 => "fake",
            14 => "real",
            _ if rank < 12 => "real",
            _ => "fake",
        };
        table.push_str(&format!("{},{label},s{}\n", path.trim_start_matches("mine/"), rank % 3));
    }
    place.write("mine/labels.csv", table);
    place
}

#[test]
fn labelled_files_give_measures_and_ratios_within_bounds() {
    let place = labelled_photographs();
    let done = place.sbi(&format!("{INFER} --labels mine/labels.csv --json labelled.json")).code(0);
    let done = done.tells(&["protocol: video level", "32 frames", "retinaface-mnet", "0 of 24", "0.5"]);
    done.tells(&["least cost", "Cllr_min"]).tells(&["fakes found", "5 %"]);
    let json = place.json("labelled.json");
    let least = &json["measures"]["cllr_min"];
    let [low, high] = [0, 1].map(|end| least["ci95"][end].as_f64().unwrap());
    let value = least["value"].as_f64().unwrap();
    assert!(0.0 < value && value < 1.0 && low <= value && value <= high, "{least}");
    assert!(json["measures"]["cllr"]["value"].is_null(), "there are no ratios yet");
    assert_eq!(json["measures"]["curves"]["det"].as_array().unwrap().len(), 24);
    assert_eq!(json["protocol"]["weights"], json["evidence"]["weights"]["sha256"]);

    let calibrate = "calibrate -q -w weights/sbi.tar";
    let done = place.sbi(&format!("{calibrate} --result labelled.json -o known.safetensors")).code(0);
    done.tells(&["calibrated on 24 videos of labels"])
        .tells(&["ratios ", "12 real and 12 fake"])
        .tells(&["Cllr", "source"]);
    place.sbi(&format!("{calibrate} --labels mine/labels.csv -o other.safetensors")).code(0);
    let metadata = |name: &str| sbi::checkpoint::read(&place.path(name)).unwrap().metadata;
    let (known, other) = (metadata("known.safetensors"), metadata("other.safetensors"));
    assert_eq!(known["likelihood_ratios"], other["likelihood_ratios"], "from scores or from files: the same");
    let ratios = LikelihoodRatios::from_metadata(&known).unwrap().unwrap();
    let (low, high) = ratios.log10_bounds;
    assert!(
        -1.2 < low && low < 0.0 && 0.0 < high && high < 1.2,
        "{low} {high}: twelve files support no more"
    );

    let one = place.sbi("infer -q -w known.safetensors -i mine/0.png --json one.json").code(0);
    let one = one.tells(&["likelihood ratio: "]).tells(&["times as likely if the face is"]);
    assert!(one.last_line().starts_with("fakeness: "), "{one}");
    let lr = &place.json("one.json")["videos"][0]["lr"];
    let value = lr["value"].as_f64().unwrap();
    assert!(lr["bounds"][0].as_f64().unwrap() <= value && value <= lr["bounds"][1].as_f64().unwrap(), "{lr}");
    place
        .sbi("infer -q -w known.safetensors --labels mine/labels.csv")
        .code(0)
        .tells(&["cost of ratios", "Cllr"]);

    let text = fs::read_to_string(place.path("labelled.json")).unwrap();
    place.write("altered.json", text.replacen("\"label\": 0", "\"label\": 1", 1));
    let refused = |arguments: &str, parts: &[&str]| {
        place.sbi(&format!("calibrate -q {arguments} -o no.safetensors")).refused(parts);
    };
    refused("-w weights/sbi.tar --result altered.json", &["altered.json", "altered since it was written"]);
    refused("-w weights/eg.tar --result labelled.json", &["labelled.json", "another weight file", "eg.tar"]);
    refused("-w weights/sbi.tar --result first.json", &["first.json", "no labels"]);
    assert!(!place.path("no.safetensors").exists());
}

#[test]
fn a_result_is_verified_to_the_last_bit_wherever_its_files_are() {
    let place = Place::new();
    place.copy(FACES[0], "clip.mp4");
    place.copy("dark.mp4", "dark.mp4");
    write_image(&place.path("face.png"), &made::portrait(3, 0)).unwrap();
    place.sbi(&format!("{INFER} -i clip.mp4 face.png dark.mp4 -n 3 --threshold 0.4 --json r.json")).code(1);
    let json = place.json("r.json");
    let clip = &json["videos"][0]["file"];
    let sum = FileSum::of(&place.path("clip.mp4"), &|| false).unwrap().unwrap();
    assert_eq!((&clip["sha256"], &clip["bytes"]), (&sum.sha256.into(), &sum.bytes.into()));
    assert_eq!(clip["container"]["frames"], 12, "{clip}");
    assert!(clip["container"]["codec"].as_str().is_some_and(|codec| !codec.is_empty()), "{clip}");
    assert!(
        clip["container"]["tags"]["encoder"].as_str().is_some_and(|tag| tag.starts_with("Lavf")),
        "{clip}"
    );
    assert_eq!(json["videos"][1]["file"]["photograph"], "PNG");
    let evidence = &json["evidence"];
    assert_eq!(
        (&evidence["settings"]["frames"], &evidence["settings"]["threshold"]),
        (&3.into(), &0.4.into())
    );
    assert_eq!(evidence["face_detector"]["sha256"].as_str().unwrap().len(), 64);

    let done = place.sbi("verify -q r.json --json v.json").code(0);
    let done = done.tells(&["checksum", "right"]).tells(&["files", "3 of 3"]);
    assert_eq!(done.last_line(), "verified: the same to the last bit", "{done}");
    assert_eq!(place.json("v.json")["scores"]["largest"], 0.0);

    // On another machine things lie elsewhere.
    fs::create_dir_all(place.path("copies/deep")).unwrap();
    fs::rename(place.path("clip.mp4"), place.path("copies/deep/clip.mp4")).unwrap();
    let done = place.sbi("verify -q r.json").code(1).tells(&["clip.mp4", "not found"]);
    assert!(done.last_line().starts_with("NOT verified"), "{done}");
    place.sbi("verify -q r.json --files copies").code(0).tells(&["3 of 3 are the same"]);
    place.copy(FACES[1], "clip.mp4");
    place.sbi("verify -q r.json").code(1).tells(&["clip.mp4", "ANOTHER FILE"]);
    place
        .sbi("verify -q r.json --files copies -w weights/eg.tar")
        .code(1)
        .tells(&["sbi.tar", "ANOTHER FILE"]);

    let text = fs::read_to_string(place.path("r.json")).unwrap();
    place.write("altered.json", text.replacen("\"frames\": 3", "\"frames\": 2", 1));
    let done = place.sbi("verify -q altered.json --files copies").code(1).tells(&["checksum", "WRONG"]);
    done.tells(&["clip.mp4", "frames", "was 2", "is 3"]);
    let compact = serde_json::to_string(&json).unwrap();
    place.write("compact.json", compact);
    place.sbi("verify -q compact.json --files copies").code(0).tells(&["checksum", "right"]);
}

#[test]
fn a_result_of_packed_faces_is_verified_and_what_is_no_result_refused() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1)]);
    place.sbi("npy-pack -q -d DFDC -n 2").code(0);
    place.sbi(&format!("{INFER} -d DFDC --json r.json")).code(0).tells(&["protocol: ", "2 frames"]);
    let done = place.sbi("verify -q r.json").code(0).tells(&["files", "2 of 2"]);
    assert_eq!(done.last_line(), "verified: the same to the last bit", "{done}");
    fs::copy(place.path("data/npy/DFDC/1.npy"), place.path("data/npy/DFDC/2.npy")).unwrap();
    place.sbi("verify -q r.json").code(1).tells(&["ANOTHER FILE"]);

    place.sbi("verify absent.json").refused(&["absent.json"]);
    place.write("no.json", "{\"videos\": 3}");
    place.sbi("verify no.json").refused(&["no.json", "not a result"]);
    place.write("old.json", "{\"tool\": \"sbi\", \"videos\": []}");
    place.sbi("verify old.json").refused(&["old.json", "no evidence"]);
}
