//! Photographs and videos given by path.

use std::fs;

use png::{BitDepth, ColorType};
use sbi::imaging::{read_image, write_image};
use sbi::types::RgbImage;
use serde_json::Value as Json;

use crate::made;
use crate::support::{FACES, FRAMES, Place, assert_same_scores, frames_of, scores};
use crate::testing::placed;

const INFER: &str = "infer -w weights/sbi.tar -q";

/// The score of the one input.
fn only_score(place: &Place, json: &str) -> f64 {
    let json = place.json(json);
    assert_eq!(json["videos"].as_array().unwrap().len(), 1);
    json["videos"][0]["score"].as_f64().unwrap()
}

#[test]
fn a_single_file_ends_with_its_fakeness() {
    let place = Place::new();
    place.copy(FACES[0], "clip_ü.mp4");
    let done = place.sbi(&format!("{INFER} -i clip_ü.mp4 -n 3 --json new/out.json")).code(0);
    let score = only_score(&place, "new/out.json");
    assert_eq!(done.last_line(), format!("fakeness: {score:.4}"));
    done.tells(&[&format!("{score:.4}"), "3", "ok", "clip_ü.mp4"]);
}

#[test]
fn the_json_of_free_inputs_has_no_labels() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    place.copy("dark.mp4", "dark.mp4");
    place.sbi("infer -w weights/eg.tar -i a.mp4 dark.mp4 -n 3 -q --json out.json").code(1);
    let json = place.json("out.json");
    assert_eq!((&json["tool"], &json["version"]), (&"sbi".into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!((&json["weights"], &json["model"]), (&"weights/eg.tar".into(), &"eg".into()));
    assert_eq!((&json["dataset"], &json["detector"]), (&Json::Null, &"retinaface-mnet".into()));
    assert!(json.get("metrics").is_none() && json.as_object().unwrap().contains_key("dataset"), "{json}");
    let [a, dark] = json["videos"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert!(a.get("label").is_none() && a.get("note").is_none(), "{a}");
    assert_eq!((&a["path"], &a["status"]), (&"a.mp4".into(), &"ok".into()));
    assert_eq!((&a["frames"], &a["faces"]), (&3.into(), &3.into()));
    let frames = a["frame_scores"].as_array().unwrap();
    let indices: Vec<_> = frames.iter().map(|frame| frame["frame"].as_u64().unwrap()).collect();
    assert_eq!(indices, [0, 5, FRAMES as u64 - 1]);
    let mean = frames.iter().map(|frame| frame["score"].as_f64().unwrap()).sum::<f64>() / 3.0;
    assert!((a["score"].as_f64().unwrap() - mean).abs() < 1e-9, "{a}");
    assert_eq!((&dark["score"], &dark["status"]), (&Json::Null, &"no_face".into()));
    assert!(dark.as_object().unwrap().contains_key("score") && dark["note"].is_string(), "{dark}");
    assert!(json["timing"]["seconds"].is_f64() && json["timing"]["faces_per_second"].is_f64(), "{json}");
}

#[test]
fn photographs_of_every_kind_are_scored() {
    let place = Place::new();
    let colour = made::portrait(1, 0);
    write_image(&place.path("colour.png"), &colour).unwrap();
    write_image(&place.path("photo.jpg"), &colour).unwrap();
    let save = |name: &str, kind: ColorType, depth: BitDepth, data: Vec<u8>| {
        let file = fs::File::create(place.path(name)).unwrap();
        let mut encoder = png::Encoder::new(file, colour.width() as u32, colour.height() as u32);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(&data).unwrap();
    };
    let of_pixels = |change: fn(&[u8]) -> Vec<u8>| colour.data().chunks_exact(3).flat_map(change).collect();
    let deep = colour.data().iter().flat_map(|&value| [value; 2]).collect();
    save("deep.png", ColorType::Rgb, BitDepth::Sixteen, deep);
    let with_alpha = of_pixels(|pixel| [pixel, &[255]].concat());
    save("alpha.png", ColorType::Rgba, BitDepth::Eight, with_alpha);
    let grey = of_pixels(|pixel| vec![(pixel.iter().map(|&value| u32::from(value)).sum::<u32>() / 3) as u8]);
    save("grey.png", ColorType::Grayscale, BitDepth::Eight, grey);
    write_image(&place.path("tiny.png"), &RgbImage::filled(8, 8, [250; 3])).unwrap();
    let names = "colour.png deep.png alpha.png grey.png photo.jpg tiny.png";
    place.sbi(&format!("{INFER} -i {names} --json out.json")).code(1);
    let json = place.json("out.json");
    let score = |at: usize| scores(&json)[at].1;
    assert!(score(0).is_some() && score(0) == score(1) && score(0) == score(2), "{json}");
    assert!(score(3).is_some() && score(3) != score(0) && score(4).is_some(), "{json}");
    for photo in &json["videos"].as_array().unwrap()[..5] {
        assert_eq!((&photo["frames"], &photo["faces"]), (&1.into(), &1.into()), "{photo}");
    }
    let tiny = &json["videos"][5];
    assert_eq!((&tiny["status"], &tiny["score"]), (&"no_face".into(), &Json::Null));
}

#[test]
fn a_folder_is_walked_with_its_folders() {
    let place = Place::new();
    place.copy(FACES[0], "mix/b.mp4");
    place.copy(FACES[1], "mix/deeper/a.MP4");
    write_image(&place.path("mix/c.png"), &made::portrait(2, 0)).unwrap();
    place.write("mix/readme.txt", "no image");
    place.write("mix/.hidden.png", "no image");
    let done = place.sbi("infer -w weights/sbi.tar -i mix -n 2 --json out.json").code(0);
    assert!(done.stderr.contains("mix: 1 file is neither photographs nor videos"), "{done}");
    let json = place.json("out.json");
    let paths: Vec<String> = scores(&json).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["mix/b.mp4", "mix/c.png", "mix/deeper/a.MP4"]);
    place.sbi(&format!("{INFER} -i mix -n 2 --limit 2 --json two.json")).code(0);
    assert_eq!(scores(&place.json("two.json")), &scores(&json)[..2]);
}

#[test]
fn batches_jobs_and_threads_change_no_score() {
    let place = Place::new();
    FACES[..3].iter().for_each(|name| place.copy(name, name));
    let runs =
        ["--batch-size 8", "--batch-size 1", "--batch-size 3", "-j 1", "-j 3", "--threads 1", "--threads 2"];
    let results = runs.map(|flags| {
        place.sbi(&format!("{INFER} -i {} -n 4 {flags} --json out.json", FACES[..3].join(" "))).code(0);
        place.json("out.json")
    });
    results.iter().for_each(|result| assert_same_scores(&results[0], result));
    let distinct: std::collections::HashSet<_> =
        scores(&results[0]).iter().map(|(_, score)| score.unwrap().to_bits()).collect();
    assert_eq!(distinct.len(), 3, "the fixtures should differ in score");
}

#[test]
fn two_faces_of_one_frame_are_both_scored() {
    let place = Place::new();
    let image = made::with_faces(320, 128, &[(64, 64), (224, 64)], 3, 0);
    write_image(&place.path("two.png"), &image).unwrap();
    place.sbi(&format!("{INFER} -i two.png --json out.json")).code(0);
    let video = &place.json("out.json")["videos"][0];
    assert_eq!((&video["faces"], video["frame_scores"].as_array().unwrap().len()), (&2.into(), 1));
}

#[test]
fn persons_are_told_apart_and_judged_one_by_one() {
    let place = Place::new();
    let image = |frame| made::with_faces(320, 128, &[(64, 64), (224, 64)], 3, frame);
    write_image(&place.path("two.png"), &image(0)).unwrap();
    made::video(&place.path("both.mp4"), FRAMES, image);
    let flags = "-n 4 --threshold 0 --json out.json --csv out.csv --annotate drawn --heatmaps maps";
    let done = place.sbi(&format!("{INFER} two.png both.mp4 {flags}")).code(0);
    let done = done.tells(&["person 1", "likely fake"]).tells(&["person 2", "likely fake"]);
    let done = done.tells(&["2 files", "2 likely fake, 0 undecided, 0 no trace found"]).tells(&["next: "]);
    assert!(done.stdout.lines().next().unwrap().contains("persons"), "{done}");
    let json = place.json("out.json");
    for (video, frames) in json["videos"].as_array().unwrap().iter().zip([1usize, 4]) {
        let persons = video["persons"].as_array().unwrap();
        assert_eq!(persons.len(), 2, "{video}");
        for (number, person) in persons.iter().enumerate() {
            assert_eq!((&person["person"], &person["frames"]), (&(number + 1).into(), &frames.into()));
            assert_eq!((&person["stray"], &person["verdict"]), (&false.into(), &"likely_fake".into()));
            let faces = person["faces"].as_array().unwrap();
            // Each stays in its half of the frame, and its score is the mean over its own faces.
            let left = faces.iter().all(|face| (face["bbox"][0].as_f64().unwrap() < 150.0) == (number == 0));
            let mean =
                faces.iter().map(|face| face["score"].as_f64().unwrap()).sum::<f64>() / faces.len() as f64;
            assert!(left && (person["score"].as_f64().unwrap() - mean).abs() < 1e-9, "{person}");
        }
        // The published number is the mean of each frame's highest face.
        let of = |person: usize, frame: usize| persons[person]["faces"][frame]["score"].as_f64().unwrap();
        let highest = (0..frames).map(|frame| of(0, frame).max(of(1, frame))).sum::<f64>() / frames as f64;
        assert!((video["score"].as_f64().unwrap() - highest).abs() < 1e-9, "{video}");
        let decides = usize::from(persons[1]["score"].as_f64() > persons[0]["score"].as_f64()) + 1;
        assert_eq!(video["deciding_person"], decides);
        assert_eq!(
            (&video["passages"], &video["sampling"]["planned"]),
            (&Json::Array(vec![]), &frames.into())
        );
    }
    assert_eq!(place.names("drawn"), ["both.mp4", "two.png"]);
    assert_eq!(place.names("maps"), ["both_heatmap.png", "two_heatmap.png"]);
    let table = fs::read_to_string(place.path("out.csv")).unwrap();
    assert!(table.contains("1 0.") && table.contains("likely fake; 2 0."), "{table}");
    let nothing = place.sbi(&format!("{INFER} two.png --threshold 1 --json none.json")).code(0);
    nothing
        .tells(&["no proof of a real file", "generated whole", "mouths"])
        .tells(&["next: treat the file as unchecked"]);
    let video = &place.json("none.json")["videos"][0];
    assert_eq!((&video["verdict"], &video["likely_real"]), (&"no_trace_found".into(), &true.into()));
}

#[test]
fn files_are_named_with_and_without_a_flag_and_in_lists() {
    let place = Place::new();
    place.copy(FACES[0], "a b.mp4");
    place.copy(FACES[1], "c.mp4");
    fs::write(place.path("list.txt"), "a b.mp4\n\nc.mp4\n").unwrap();
    let flagged = place.sbi(&format!("{INFER} -n 2 -i c.mp4 --json flagged.json")).code(0);
    let plain = place.sbi(&format!("{INFER} -n 2 c.mp4 --json plain.json")).code(0);
    assert_eq!(flagged.stdout, plain.stdout);
    assert_same_scores(&place.json("flagged.json"), &place.json("plain.json"));
    let listed = place.sbi(&format!("{INFER} -n 2 @list.txt --jsonl")).code(0);
    let lines: Vec<Json> = listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let paths: Vec<&str> = lines.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["a b.mp4", "c.mp4"]);
    let (own, whole) = (&lines[1]["score"], &place.json("plain.json")["videos"][0]["score"]);
    assert!((own.as_f64().unwrap() - whole.as_f64().unwrap()).abs() < 1e-6, "{own} {whole}");
    // What a command is given on standard input is a list too.
    let list = fs::File::open(place.path("list.txt")).unwrap();
    let mut command = place.command(&format!("{INFER} -n 2 -i - --jsonl"));
    let piped = command.stdin(list).output().unwrap();
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), listed.stdout);
    place.sbi(&format!("{INFER} @nowhere.txt")).refused(&["nowhere.txt", "list cannot be read"]);
    place.sbi(&format!("{INFER} c.mp4 -d CDF")).misused(&["cannot be used with"]);
}

#[test]
fn of_long_files_more_frames_are_looked_at_and_scenes_are_seen() {
    let place = Place::new();
    // A hundred frames, declared as two and a half a second, last forty seconds.
    let frame = |frame: usize| match frame {
        51..=52 => RgbImage::filled(made::WIDTH, made::HEIGHT, [250, 250, 250]),
        _ => made::portrait(0, frame),
    };
    let (width, height) = (made::WIDTH, made::HEIGHT);
    let mut writer = sbi::video::VideoWriter::create(&place.path("long.mp4"), width, height, 2.5).unwrap();
    (0..100).for_each(|at| writer.write(&frame(at)).unwrap());
    writer.finish().unwrap();
    place.sbi(&format!("{INFER} long.mp4 --json out.json")).code(0);
    let video = &place.json("out.json")["videos"][0];
    let sampling = &video["sampling"];
    let told = (&sampling["frames"], &sampling["seconds"], &sampling["planned"]);
    assert_eq!(told, (&100.into(), &40.0.into(), &40.into()));
    assert!(sampling["scenes"].as_u64().unwrap() >= 3, "{sampling}");
    let looked_at = video["frames"].as_u64().unwrap();
    assert_eq!(looked_at, 40 + sampling["added_for_scenes"].as_u64().unwrap());
    let fixed = place.sbi(&format!("{INFER} long.mp4 -n 32 --json fixed.json")).code(0);
    assert_eq!(place.json("fixed.json")["videos"][0]["frames"], 32, "{fixed}");
}

#[test]
fn a_threshold_gives_a_verdict_in_table_and_csv() {
    let place = Place::new();
    place.copy(FACES[0], "a,b.mp4");
    place.copy("dark.mp4", "dark.mp4");
    for (threshold, verdict) in [("0", "likely fake"), ("1", "no trace found")] {
        let flags = format!("-n 2 --threshold {threshold} --csv out.csv");
        let done = place.sbi(&format!("{INFER} -i a,b.mp4 dark.mp4 {flags}")).code(1);
        let done = done.tells(&["fakeness", "verdict", "status"]).tells(&[verdict, "a,b.mp4"]);
        let dark = done.stdout.lines().find(|line| line.contains("dark.mp4")).unwrap();
        assert!(dark.contains("undecided") && !dark.contains("likely"), "{done}");
        let mut table = csv::Reader::from_path(place.path("out.csv")).unwrap();
        let head: Vec<_> = table.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(head[..5], ["path", "label", "group", "score", "verdict"]);
        let rest = [
            "status",
            "frames",
            "faces",
            "note",
            "probability",
            "reasons",
            "persons",
            "deciding_person",
            "passages",
            "lr",
            "sha256",
        ];
        assert_eq!(head[5..], rest);
        let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
        assert_eq!((&rows[0][0], &rows[0][1], &rows[0][4], &rows[0][5]), ("a,b.mp4", "", verdict, "ok"));
        assert!((0.0..=1.0).contains(&rows[0][3].parse::<f64>().unwrap()));
        assert_eq!((&rows[1][3], &rows[1][4], &rows[1][5], &rows[1][7]), ("", "undecided", "no_face", "0"));
        assert_eq!((&rows[1][9], &rows[1][10]), ("", "no face was found"));
    }
    assert!(!place.sbi(&format!("{INFER} -i a,b.mp4 -n 2")).stdout.contains("verdict"));
}

#[test]
fn annotated_copies_have_the_size_and_length_of_the_inputs() {
    let place = Place::new();
    place.copy(FACES[0], "clip.mp4");
    place.copy(FACES[1], "other/clip.mp4");
    let odd = made::with_faces(161, 129, &[made::FACE_CENTRE], 1, 0);
    write_image(&place.path("odd.png"), &odd).unwrap();
    let done =
        place.sbi(&format!("{INFER} -i clip.mp4 other/clip.mp4 odd.png -n 2 --annotate drawn/here")).code(0);
    assert_eq!(place.names("drawn/here"), ["clip.mp4", "clip_2.mp4", "odd.png"], "{done}");
    let drawn = read_image(&place.path("drawn/here/odd.png")).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (161, 129));
    // The left edge of the box, below the caption and its label.
    let left = made::FACE_CENTRE.0 - made::BOX_SIDE / 2;
    assert_ne!(drawn.pixel(left, made::FACE_CENTRE.1), odd.pixel(left, made::FACE_CENTRE.1));
    for copy in ["clip.mp4", "clip_2.mp4"] {
        let frames = frames_of(&place.path("drawn/here").join(copy));
        assert_eq!(frames.len(), FRAMES, "{copy}");
        assert_eq!((frames[0].width(), frames[0].height()), (made::WIDTH, made::HEIGHT), "{copy}");
    }
}

#[test]
fn an_annotated_copy_never_replaces_an_input() {
    let place = Place::new();
    std::fs::create_dir(place.path("here")).unwrap();
    write_image(&place.path("here/a.png"), &made::portrait(1, 0)).unwrap();
    let before = std::fs::read(place.path("here/a.png")).unwrap();
    let done = place.sbi(&format!("{INFER} -i here/a.png --annotate weights/../here"));
    done.refused(&["here/a.png", "would replace this input", "another folder"]);
    assert_eq!(std::fs::read(place.path("here/a.png")).unwrap(), before);
}

#[test]
fn a_video_recorded_upright_is_looked_at_upright() {
    let place = Place::new();
    let mut bytes = std::fs::read(crate::support::fixture(FACES[0])).unwrap();
    let header = bytes.windows(4).position(|w| w == b"tkhd").unwrap();
    // The display matrix, 40 bytes into a track header of version 0: a quarter turn clockwise.
    let matrix: [i32; 9] = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30];
    let at = header + 4 + 40;
    for (i, value) in matrix.into_iter().enumerate() {
        bytes[at + 4 * i..][..4].copy_from_slice(&value.to_be_bytes());
    }
    place.write("phone.mp4", bytes);
    place.sbi(&format!("{INFER} -i phone.mp4 -n 2 --annotate drawn --json out.json")).code(0);
    let frames = frames_of(&place.path("drawn/phone.mp4"));
    assert_eq!((frames[0].width(), frames[0].height(), frames.len()), (made::HEIGHT, made::WIDTH, FRAMES));
    let (x, y) = (made::HEIGHT - 1 - made::FACE_CENTRE.1, made::FACE_CENTRE.0);
    assert!(frames[0].pixel(x, y).iter().all(|&value| value > 100), "the face is not where it should be");
    assert!(frames[0].pixel(x, made::WIDTH - 10).iter().all(|&value| value < 100));
    assert_eq!(place.json("out.json")["videos"][0]["faces"], 2);
}

#[test]
fn the_sample_portrait_has_one_face_with_real_weights() {
    let Some(photo) = placed("data/sample/astronaut.png") else { return };
    let Some(weights) = placed("weights/retinaface_mnet025.safetensors") else { return };
    let place = Place::new();
    std::fs::copy(&photo, place.path("a.png")).unwrap();
    let files = format!("-i a.png --detector-weights {}", weights.display());
    place.sbi(&format!("{INFER} {files} --json out.json")).code(0);
    assert_eq!(place.json("out.json")["videos"][0]["faces"], 1);
}

#[test]
fn half_precision_on_a_cpu_changes_nothing_and_says_so() {
    let place = Place::new();
    place.copy(FACES[0], "clip.mp4");
    let done = place.sbi("infer -w weights/sbi.tar -n 2 -i clip.mp4 --half --json half.json").code(0);
    assert!(done.stderr.contains("half precision is for CUDA devices"), "{done}");
    place.sbi(&format!("{INFER} -n 2 -i clip.mp4 --json whole.json")).code(0);
    assert_same_scores(&place.json("half.json"), &place.json("whole.json"));
}

#[test]
fn a_folder_of_photographs_and_videos_scores_like_each_of_them_alone() {
    let place = Place::new();
    let photograph = |name: &str, seed| write_image(&place.path(name), &made::portrait(seed, 0)).unwrap();
    fs::create_dir(place.path("all")).unwrap();
    for (number, seed) in [(0, 1), (1, 2), (4, 3), (5, 4), (8, 5)] {
        photograph(&format!("all/{number}.png"), seed);
    }
    place.copy("dark.mp4", "all/2.mp4");
    place.write("all/3.jpg", "no image");
    place.copy(FACES[0], "all/6.mp4");
    place.copy("cut.avi", "all/7.avi");
    let run = "infer -q -w weights/sbi.tar -n 4";
    let mut alone = Vec::new();
    for name in place.names("all") {
        place.sbi(&format!("{run} -i all/{name} --json one.json"));
        alone.push(place.json("one.json")["videos"][0].clone());
    }
    let statuses: Vec<&str> = alone.iter().map(|video| video["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ok", "ok", "no_face", "unreadable", "ok", "ok", "ok", "truncated", "ok"]);
    for flags in ["", "--batch-size 3 --jobs 1", "--batch-size 40 --jobs 4"] {
        place.sbi(&format!("{run} -i all {flags} --json all.json")).code(1);
        let together = place.json("all.json");
        assert_same_scores(&together, &serde_json::json!({ "videos": alone }));
        let notes = |videos: &[Json]| videos.iter().map(|video| video["note"].clone()).collect::<Vec<_>>();
        assert_eq!(notes(together["videos"].as_array().unwrap()), notes(&alone));
    }
}
