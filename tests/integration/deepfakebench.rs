//! DeepfakeBench: its weights, lists, crops and numbers, as a user of it meets them.

use std::path::Path;

use sbi::checkpoint::{self, StateDict};
use sbi::imaging::write_image;
use sbi::types::RgbImage;

use crate::support::{Place, fixture};
use crate::testing::placed;

/// The made detector under their names, bare.
fn theirs(path: &Path) {
    let mut state = StateDict::new();
    for (name, tensor) in checkpoint::read(&fixture("sbi.tar")).unwrap().state.iter() {
        let rest = name.strip_prefix("net.").unwrap();
        let name = match rest.strip_prefix("_fc.") {
            Some(leaf) => format!("backbone.last_layer.{leaf}"),
            None => format!("backbone.efficientnet.{rest}"),
        };
        state.insert(name, tensor.clone()).unwrap();
    }
    checkpoint::write_bare_torch(path, &state).unwrap();
}

/// A list of two real videos and two fakes of one id, and the crops that it names.
fn list(place: &Place) {
    let mut entries = Vec::new();
    for (label, folder, video, red) in [
        ("FF-real", "original", "000", 10),
        ("FF-real", "original", "001", 60),
        ("FF-DF", "Deepfakes", "000_003", 120),
        ("FF-FS", "FaceSwap", "000_003", 200),
    ] {
        let mut frames = Vec::new();
        for frame in [0, 7, 30] {
            let file = format!("FF++/{folder}/c23/frames/{video}/{frame:03}.png");
            let path = place.path(&format!("crops/rgb/{file}"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let value = |i: usize| (red + i * i % 50 + frame) as u8;
            write_image(&path, &RgbImage::from_raw(256, 256, (0..256 * 256 * 3).map(value).collect()))
                .unwrap();
            frames.push(format!("\"{}\"", file.replace('/', "\\\\")));
        }
        let video = format!("\"{video}\": {{\"label\": \"{label}\", \"frames\": [{}]}}", frames.join(", "));
        entries.push(format!("\"{label} {folder} {red}\": {{\"test\": {{\"c23\": {{{video}}}}}}}"));
    }
    place.write("list.json", format!("{{\"FF++\": {{{}}}}}", entries.join(", ")));
}

#[test]
fn a_list_is_scored_with_their_weights_and_both_protocols_stand_side_by_side() {
    let place = Place::new();
    theirs(&place.path("theirs.pth"));
    list(&place);
    let run = "infer -w theirs.pth --list list.json --root crops --protocol deepfakebench";
    let done = place.sbi(&format!("{run} --json out.json")).code(0);
    let done = done.tells(&["protocols", "published  deepfakebench"]).tells(&["AUC of videos", "video_auc"]);
    let done = done.tells(&["2 of 4 videos share the name of their folder"]);
    assert!(done.last_line().starts_with("FF++| AUC: "), "{}", done.last_line());
    let json = place.json("out.json");
    let theirs = &json["deepfakebench"];
    let counts =
        ["frames", "videos", "true_videos", "merged", "absent"].map(|key| theirs[key].as_u64().unwrap());
    assert_eq!(counts, [12, 3, 4, 2, 0]);
    assert_eq!(theirs["auc"], json["metrics"]["frame_auc"]);
    assert_eq!(theirs["true_video_auc"], json["metrics"]["video_auc"]);
    let frames = json["videos"][0]["frame_scores"].as_array().unwrap();
    let numbers: Vec<u64> = frames.iter().map(|frame| frame["frame"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 7, 30]);

    let first = json["videos"][0]["path"].as_str().unwrap();
    let crops =
        [0, 7, 30].map(|frame| std::fs::read(place.path(&format!("{first}/{frame:03}.png"))).unwrap());
    assert_eq!(json["videos"][0]["file"]["sha256"], sbi::hash::sha256(&crops.concat()));
    let done = place.sbi("verify -q out.json").code(0).tells(&["files", "4 of 4 are the same"]);
    assert_eq!(done.last_line(), "verified: the same to the last bit", "{done}");
    std::fs::copy(place.path(&format!("{first}/007.png")), place.path(&format!("{first}/030.png"))).unwrap();
    place.sbi("verify -q out.json").code(1).tells(&["ANOTHER FILE"]);

    place.sbi(&format!("{run} --input-normalisation imagenet --json other.json -q")).code(0);
    assert_ne!(place.json("other.json")["videos"], json["videos"]);
    place.sbi("infer -w theirs.pth --list list.json --root crops --split val").refused(&["split val"]);
    place.sbi("infer -w theirs.pth --list list.json").misused(&["required arguments"]);
}

#[test]
fn their_weights_convert_to_ours_and_back_with_equal_scores() {
    let place = Place::new();
    theirs(&place.path("theirs.pth"));
    list(&place);
    let done = place.sbi("convert theirs.pth ours.safetensors").code(0);
    assert!(done.stderr.contains("read as DeepfakeBench's EfficientNet: 256 pixels"), "{done}");
    place.sbi("convert ours.safetensors again.pth --layout deepfakebench").code(0);
    // PyTorch's batch counters, which a strict load wants and the made file lacks, are put in.
    let mut again = StateDict::new();
    let read = |name: &str| checkpoint::read(&place.path(name)).unwrap().state;
    for (name, tensor) in read("again.pth").iter().filter(|(name, _)| !name.ends_with("num_batches_tracked"))
    {
        again.insert(name, tensor.clone()).unwrap();
    }
    assert_eq!(again, read("theirs.pth"));
    let videos = |weights: &str| {
        place
            .sbi(&format!("infer -w {weights} --list list.json --root crops --json {weights}.json -q"))
            .code(0);
        place.json(&format!("{weights}.json"))["videos"].clone()
    };
    assert_eq!(videos("ours.safetensors"), videos("theirs.pth"));
    place.copy("sbi.tar", "sbi.tar");
    place
        .sbi("convert sbi.tar no.pth --layout deepfakebench")
        .refused(&["sbi.tar", "its stem pads the image"]);
    assert!(!place.path("no.pth").exists());
}

#[test]
fn photographs_become_crops_that_are_scored_alike_as_a_layout_and_directly() {
    let model = "weights/shape_predictor_68_face_landmarks.dat";
    let (Some(portrait), Some(model)) = (placed("data/sample/astronaut.png"), placed(model)) else { return };
    let place = Place::new();
    theirs(&place.path("theirs.pth"));
    std::fs::create_dir(place.path("photos")).unwrap();
    std::fs::copy(portrait, place.path("photos/a.png")).unwrap();
    let model = format!("--landmark-model {}", model.display());
    let prepare = format!("preprocess -i photos -o mine --layout deepfakebench {model}");
    place.sbi(&prepare).code(0).tells(&["1 wanted", "1 with a crop"]).tells(&["deepfakebench_mine.json"]);
    assert_eq!(place.names("data/rgb/mine/frames/a"), ["000.png"]);
    assert_eq!(place.names("data/rgb/mine/landmarks/a"), ["000.npy"]);
    place.sbi(&prepare).code(0).tells(&["(0 prepared now, 1 before)"]);

    place.write(
        "list.json",
        r#"{"mine": {"mine_real": {"test": {"a": {"label": "mine_real", "frames": ["mine\\frames\\a\\000.png"]}}}}}"#,
    );
    place.sbi("infer -w theirs.pth --list list.json --root data --json crops.json -q").code(0);
    let infer = format!("infer -w theirs.pth -i photos/a.png --crop deepfakebench {model}");
    place.sbi(&format!("{infer} --json direct.json -q")).code(0);
    let score = |file: &str| place.json(file)["videos"][0]["score"].as_f64().unwrap();
    assert_eq!(score("crops.json"), score("direct.json"));
    let direct = place.json("direct.json");
    assert_eq!(direct["detector"], "dlib-deepfakebench");
    assert!(direct["evidence"]["face_detector"]["path"].as_str().unwrap().ends_with("68_face_landmarks.dat"));
    place.sbi("verify -q direct.json").code(0).tells(&["verified: the same to the last bit"]);
}
