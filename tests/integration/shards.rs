//! Lists shared out among processes, results that are taken up again, and what joins them.

use crate::pipeline::arrays;
use crate::support::{Done, FACES, Place};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const INFER: &str = "infer -w weights/sbi.tar -q -n 2";
/// Numbers of videos in [`labelled_place`] that show a face.
const WITH_FACES: [usize; 5] = [0, 1, 2, 3, 5];

/// A result without what is a matter of when and how fast it was made, as text.
fn settled(place: &Place, name: &str) -> String {
    let mut json = place.json(name);
    for key in ["timing", "checksum"] {
        json.as_object_mut().unwrap().shift_remove(key).expect(key);
    }
    json["evidence"].as_object_mut().unwrap().shift_remove("date").unwrap();
    serde_json::to_string_pretty(&json).unwrap()
}

/// Runs a command for each shard, the last one first; `code` is what each ends with.
fn all_shards(place: &Place, command: &str, count: usize, code: impl Fn(usize) -> i32) {
    for index in (1..=count).rev() {
        place.sbi(&format!("{command} --shard {index}/{count}")).code(code(index));
    }
}

/// Photographs and videos, with labels; among them one without a face and one that cannot be read.
fn labelled_place() -> Place {
    let place = Place::new();
    let mut table = "path,label,group,pair\n".to_owned();
    for number in 0..9 {
        let source = if number == 4 { "dark.mp4" } else { FACES[number % FACES.len()] };
        place.copy(source, &format!("mine/v{number}.mp4"));
        let (label, group, pair) = match number % 3 {
            0 => (0, "", String::new()),
            1 => (1, "swap", format!("v{}", number - 1)),
            _ => (1, "reenact", format!("v{}", number - 2)),
        };
        table += &format!("v{number}.mp4,{label},{group},{pair}\n");
    }
    place.write("mine/v9.mp4", "no video");
    table += "v9.mp4,0,,\n";
    place.write("mine/labels.csv", table);
    place
}

#[test]
fn eight_shards_joined_are_one_run_to_the_last_byte() {
    let place = labelled_place();
    let command = format!("{INFER} --labels mine/labels.csv");
    place.sbi(&format!("{command} --json one.json --csv one.csv")).code(1);
    // The seventh has nothing but the file without a face of places 6 and 14; all have names of their own.
    let bad = |index: usize| match index {
        2 | 5 => 1,
        _ => 0,
    };
    let code = |index| if index == 5 { 2 } else { bad(index) };
    all_shards(&place, &format!("{command} --json many.json --csv many.csv"), 8, code);
    assert!(!place.path("many.json").exists());
    let parts: Vec<String> = (1..=8).map(|index| format!("many.shard-{index}-of-8.json")).collect();
    let merged = place.sbi(&format!("merge {} --json many.json --csv many.csv", parts.join(" "))).code(1);
    assert_eq!(settled(&place, "many.json"), settled(&place, "one.json"));
    assert_eq!(fs::read(place.path("many.csv")).unwrap(), fs::read(place.path("one.csv")).unwrap());
    let merged = merged.tells(&["videos", "4 real, 6 fake"]).tells(&["above its original"]);
    merged.tells(&["protocol: video level", "2 of 10 videos without a face"]);
    assert!(place.json("one.json")["metrics"]["video_auc"].is_number());
    // What was joined is a result like any other.
    place.sbi("verify many.json").code(0).tells(&["verified"]);

    // Without one part: named, refused, and joined on request; the rest joins later.
    let some = [&parts[..4], &parts[5..]].concat().join(" ");
    place
        .sbi(&format!("merge {some}"))
        .refused(&["1 of 10 inputs are missing: all of shard 5/8", "--allow-missing"]);
    place.sbi(&format!("merge {some} --allow-missing --json some.json")).code(1);
    assert_eq!(place.json("some.json")["part"]["missing"][0]["place"], 4);
    place.sbi(&format!("merge some.json {} --json late.json", parts[4])).code(1);
    let late: Json = serde_json::from_str(&settled(&place, "late.json")).unwrap();
    assert_eq!(late, serde_json::from_str::<Json>(&settled(&place, "one.json")).unwrap());
    // Twice the same, and a part of another run.
    place.sbi(&format!("merge {} {}", parts.join(" "), parts[0])).refused(&[
        "mine/v0.mp4",
        "mine/v8.mp4",
        "--allow-double",
    ]);
    let eg = "infer -w weights/eg.tar -q -n 2 --labels mine/labels.csv --shard 1/8 --json eg.json";
    place.sbi(eg).code(0);
    place
        .sbi(&format!("merge {} eg.shard-1-of-8.json", parts[1]))
        .refused(&["eg.shard-1-of-8.json", "weights"]);
    let other = "infer -w weights/sbi.tar -q -n 3 --labels mine/labels.csv --shard 1/8 --json frames.json";
    place.sbi(other).code(0);
    place.sbi(&format!("merge {} frames.shard-1-of-8.json", parts[1])).refused(&["frames 3", "has 2"]);
    let text = fs::read_to_string(place.path(&parts[0])).unwrap();
    fs::write(place.path(&parts[0]), text.replacen("\"faces\": 2", "\"faces\": 3", 1)).unwrap();
    place.sbi(&format!("merge {} --allow-missing", parts[0])).refused(&["altered since it was written"]);
}

#[test]
fn shards_of_plain_files_join_in_the_order_of_the_list() {
    let place = labelled_place();
    place.write("list.txt", "mine/v3.mp4\nmine/v0.mp4\nmine/v5.mp4\nmine/v1.mp4\n");
    place.sbi(&format!("{INFER} @list.txt --json one.json")).code(0);
    // More shards than files: some have nothing to do.
    all_shards(&place, &format!("{INFER} @list.txt --json many.json"), 5, |_| 0);
    place.write(
        "parts.txt",
        (1..=5).map(|index| format!("many.shard-{index}-of-5.json\n")).collect::<String>(),
    );
    place.sbi("merge @parts.txt --json many.json").code(0);
    assert_eq!(settled(&place, "many.json"), settled(&place, "one.json"));
    // A list that was cut by hand.
    place.sbi(&format!("{INFER} mine/v3.mp4 mine/v0.mp4 --json a.json")).code(0);
    place.sbi(&format!("{INFER} mine/v5.mp4 mine/v1.mp4 --json b.json")).code(0);
    place.sbi("merge a.json b.json --json cut.json").code(0);
    assert_eq!(settled(&place, "cut.json"), settled(&place, "one.json"));
    place.sbi("merge a.json many.shard-1-of-5.json").refused(&[
        "a.json",
        "whole list",
        "many.shard-1-of-5.json",
    ]);
    place.sbi("merge a.json a.json").refused(&["mine/v3.mp4"]);
    place.sbi("merge list.txt").refused(&["list.txt", "not a result"]);
    place.sbi("merge a.json weights").refused(&["weights is a folder"]);
    // Only a shard's own files have to be there.
    fs::remove_file(place.path("mine/v0.mp4")).unwrap();
    place.sbi(&format!("{INFER} @list.txt --shard 1/2 --json gone.json")).code(0);
    place.sbi(&format!("{INFER} @list.txt --shard 2/2")).refused(&["mine/v0.mp4", "cannot be accessed"]);
    place.sbi(&format!("{INFER} @list.txt --shard 3/2")).misused(&["3/2", "I from 1 to N"]);
}

#[test]
fn robustness_of_parts_is_that_of_the_whole() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1), ("dark.mp4", 1), (FACES[2], 0), (FACES[3], 1)]);
    let command = "robustness -q -w weights/sbi.tar -n 1 -d DFDC";
    place.sbi(&format!("{command} --json one.json --plot one.png")).code(1);
    all_shards(&place, &format!("{command} --json many.json"), 3, |index| if index == 3 { 1 } else { 0 });
    let parts: Vec<String> = (1..=3).map(|index| format!("many.shard-{index}-of-3.json")).collect();
    let merged = place.sbi(&format!("merge {} --json many.json --plot many.png", parts.join(" "))).code(1);
    for (one, many) in [("one.json", "many.json"), ("one.png", "many.png")] {
        assert!(fs::read(place.path(many)).unwrap() == fs::read(place.path(one)).unwrap(), "{merged}");
    }
    place.sbi(&format!("merge {} {}", parts[0], parts[2])).refused(&["2 of 5 inputs are missing"]);
    place.sbi("merge one.json many.json").refused(&["one.json", "cannot be joined"]);
    let labels = "file,label\nv0.mp4,real\nv1.mp4,fake\n";
    place.write("data/DFDC/videos/labels.csv", labels);
    let own = "robustness -q -w weights/sbi.tar -n 1 --labels data/DFDC/videos/labels.csv";
    place.sbi(own).code(0).tells(&["2 videos, 2 faces"]);
}

#[test]
fn shards_fill_one_packed_folder_and_one_prepared_set() {
    let place = Place::new();
    place.ff("c23");
    let pack = "npy-pack -q -d FF -c c23 -n 2";
    place.sbi(&format!("{pack} -s one")).code(0);
    // At the same time, as on a cluster.
    let started: Vec<_> =
        (1..=3).map(|index| place.start(&format!("{pack} -s many --shard {index}/3"))).collect();
    for child in started {
        Done::from_output("npy-pack", child.wait_with_output().unwrap()).code(0).tells(&["sbi merge many"]);
    }
    place.sbi("merge many").code(0).tells(&["videos", "10 of 10"]);
    assert_eq!(place.names("many"), place.names("one"));
    assert_eq!(arrays(&place.path("many")), arrays(&place.path("one")));
    let manifest = |name: &str| fs::read(place.path(name).join("manifest.json")).unwrap();
    assert_eq!(manifest("many"), manifest("one"));
    place.sbi(&format!("{pack} -s many --shard 1/3 --overwrite")).misused(&["cannot be used with"]);

    for number in 0..5 {
        place.copy(FACES[number % FACES.len()], &format!("videos/{number}.mp4"));
    }
    let prepare = "preprocess -q -i videos -n 3 --steps boxes -j 1";
    place.sbi(&format!("{prepare} -o one")).code(0);
    all_shards(&place, &format!("{prepare} -o many"), 2, |_| 0);
    let parts: Vec<String> =
        ["json", "txt"].map(|kind| format!("preprocess_many.shard-1-of-2.{kind}")).into();
    assert!(
        parts.iter().all(|name| place.names("data/many").contains(name)),
        "{:?}",
        place.names("data/many")
    );
    // A shard that did not come to its end.
    let second = place.path("data/many/preprocess_many.shard-2-of-2.json");
    let mut record: Json = serde_json::from_slice(&fs::read(&second).unwrap()).unwrap();
    let whole = record.clone();
    record["videos"].as_array_mut().unwrap().pop();
    fs::write(&second, record.to_string()).unwrap();
    place.sbi("merge data/many").refused(&["1 of 5 videos are missing: videos/3.mp4"]);
    fs::write(&second, whole.to_string()).unwrap();
    place.sbi("merge data/many").code(0).tells(&["shards", "2"]);
    let tree = |name: &str| -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        walk(&place.path(&format!("data/{name}")), &mut |path: &Path| {
            let text = path.display().to_string().replace(&format!("data/{name}/"), "").replace(name, "set");
            let content = fs::read(path).unwrap();
            let content = match path.extension().is_some_and(|kind| kind == "json" || kind == "txt") {
                true => String::from_utf8(content).unwrap().replace(name, "set").into_bytes(),
                false => content,
            };
            found.insert(text, content);
        });
        found
    };
    assert_eq!(tree("many"), tree("one"));
    // A later run finds everything done.
    place.sbi(&format!("{prepare} -o many")).code(0).tells(&["5 (0 prepared now, 5 before)"]);
}

fn walk(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => walk(&path, each),
            false => each(&path),
        }
    }
}

#[test]
fn results_come_line_by_line_and_a_later_run_takes_them_over() {
    let place = labelled_place();
    let list = WITH_FACES.map(|number| format!("mine/v{number}.mp4\n")).concat();
    place.write("list.txt", &list);
    let command = format!("{INFER} @list.txt");
    place.sbi(&format!("{command} --json one.json --jsonl one.jsonl")).code(0);
    // The first two, and half of the third: as a killed process leaves it.
    let lines = fs::read_to_string(place.path("one.jsonl")).unwrap();
    let ends: Vec<usize> = lines.match_indices('\n').map(|(at, _)| at).collect();
    assert_eq!(ends.len(), 5);
    fs::write(place.path("two.jsonl"), &lines[..ends[1] + 200]).unwrap();
    place.sbi(&format!("{command} --jsonl two.jsonl")).refused(&[
        "two.jsonl",
        "holds results already",
        "--resume",
    ]);
    let loud = command.replace(" -q", "");
    let done = place.sbi(&format!("{loud} --jsonl two.jsonl --resume --json two.json")).code(0);
    assert!(done.stderr.contains("2 of 5 inputs have results from before"), "{done}");
    assert!(done.stderr.contains("3/3 videos"), "{done}");
    assert_eq!(settled(&place, "two.json"), settled(&place, "one.json"));
    let same = fs::read_to_string(place.path("two.jsonl")).unwrap();
    assert_eq!(same, lines, "the lines of one go");
    for line in lines.lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        assert!(
            line["file"]["sha256"].is_string() && line["run"].is_string() && line["modified"].is_string(),
            "{line}"
        );
    }

    // A touched file is the same, one with another content is not, and other settings are another run.
    let v0 = fs::read(place.path("mine/v0.mp4")).unwrap();
    fs::write(place.path("mine/v0.mp4"), &v0).unwrap();
    place.copy(FACES[3], "mine/v1.mp4");
    let done = place.sbi(&format!("{loud} --jsonl two.jsonl --resume --json three.json")).code(0);
    assert!(done.stderr.contains("4 of 5 inputs") && done.stderr.contains("1 files have changed"), "{done}");
    place.sbi(&format!("{command} --json fresh.json")).code(0);
    assert_eq!(settled(&place, "three.json"), settled(&place, "fresh.json"));
    place
        .sbi(&format!("{} --jsonl two.jsonl --resume", command.replace("-n 2", "-n 3")))
        .refused(&["another run", "line "]);
    place.sbi(&format!("{command} --jsonl - --resume")).refused(&["--resume", "standard output"]);
    place.sbi(&format!("{command} --resume")).misused(&["required"]);

    // Lines of shards, one behind the other, are those of one run, and memory need not hold them.
    all_shards(&place, &format!("{command} --jsonl part.jsonl --resume"), 2, |_| 0);
    let parts = [1, 2]
        .map(|index| fs::read_to_string(place.path(&format!("part.shard-{index}-of-2.jsonl"))).unwrap());
    fs::write(place.path("all.jsonl"), parts.concat()).unwrap();
    let done = place.sbi(&format!("{command} --jsonl all.jsonl --resume")).code(0);
    done.tells(&["results", "5, in all.jsonl"]);
    place.sbi(&format!("{command} --jsonl all.jsonl --resume --json joined.json")).code(0);
    assert_eq!(settled(&place, "joined.json"), settled(&place, "fresh.json"));
    // A whole file of lines makes the table and the labels of a later run.
    let labelled = format!("{INFER} --labels mine/labels.csv --jsonl labels.jsonl --resume");
    place.sbi(&labelled).code(1);
    let again = place.sbi(&labelled.replace(" -q", "")).code(1);
    assert!(again.stderr.contains("9 of 10 inputs"), "what could not be read is tried again: {again}");
}

#[test]
fn lists_may_have_zero_bytes_between_their_paths() {
    let place = Place::new();
    place.copy(FACES[0], "a b.mp4");
    place.copy(FACES[1], "c.mp4");
    place.write("list", "c.mp4\0a b.mp4\0");
    let mut command = place.command(&format!("{INFER} -0 -i - --jsonl"));
    let piped = command.stdin(fs::File::open(place.path("list")).unwrap()).output().unwrap();
    let lines = String::from_utf8(piped.stdout).unwrap();
    let paths: Vec<Json> =
        lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()["path"].take()).collect();
    assert_eq!(paths, ["c.mp4", "a b.mp4"]);
    place.sbi(&format!("{INFER} @list")).refused(&["zero bytes", "-0"]);
    place
        .sbi("preprocess -q -0 -i @list -n 2 --steps boxes -o mine")
        .code(0)
        .tells(&["videos", "2 (2 prepared now"]);
}

#[test]
fn training_reads_an_archive_as_it_reads_folders() {
    let Some(place) = crate::preprocess::place() else { return };
    for number in 0..4 {
        let from = place.path(&format!("videos/{number}.mp4"));
        fs::create_dir_all(from.parent().unwrap()).unwrap();
        crate::made::video(&from, 6, |frame| crate::preprocess::head(20 * number + frame));
    }
    let prepare = "preprocess -q -i videos -n 3 -j 1";
    place.sbi(&format!("{prepare} -o folders")).code(0);
    // Interrupted after the first, taken up, by two shards, and once more with nothing left to do.
    place.sbi(&format!("{prepare} -o tars --archive --limit 1 --shard 1/2")).code(0);
    for index in [1, 2, 1] {
        place.sbi(&format!("{prepare} -o tars --archive --shard {index}/2")).code(0);
    }
    place.sbi("merge data/tars").code(0).tells(&["videos", "4 (4 prepared now"]);
    let names = ["prepared_tars.shard-1-of-2.tar", "prepared_tars.shard-2-of-2.tar"];
    let left = [&names[..], &["preprocess_tars.json", "preprocess_tars.txt"][..]].concat();
    assert_eq!(place.names("data/tars"), left);
    let videos = |name: &str| place.json(&format!("data/{name}/preprocess_{name}.json"))["videos"].clone();
    assert_eq!(videos("tars"), videos("folders"));
    // Any program takes the files out again; they are those of the folders.
    for name in names {
        let mut archive = tar::Archive::new(fs::File::open(place.path("data/tars").join(name)).unwrap());
        let mut count = 0;
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let (video, file) = path.split_once('/').unwrap();
            let (frame, kind) = file.split_once('.').unwrap();
            let folder = match kind {
                "png" => format!("frames/{video}/{frame}.png"),
                "landmarks.npy" => format!("landmarks/{video}/{frame}.npy"),
                _ => format!("retina/{video}/{frame}.npy"),
            };
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            assert_eq!(content, fs::read(place.path("data/folders").join(folder)).unwrap(), "{path}");
            count += 1;
        }
        assert!(count >= 12, "{count} members of {name}");
    }
    // The same pairs, to the last bit.
    for set in ["folders", "tars"] {
        place.sbi(&format!("preview -q -d {set} -n 4 -o none.png --save pairs_{set}")).code(0);
    }
    let images = |set: &str| {
        let names = place.names(&format!("pairs_{set}")).into_iter().filter(|name| name.ends_with(".png"));
        names
            .map(|name| fs::read(place.path(&format!("pairs_{set}")).join(name)).unwrap())
            .collect::<Vec<_>>()
    };
    assert!(images("folders").len() >= 4 && images("folders") == images("tars"));
}

/// Runs a Slurm script as Slurm would start this task of an array of two.
fn task(place: &Place, script: &str, arguments: &[&str], number: usize, more: &[(&str, &str)]) -> Done {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/slurm").join(script);
    let mut command = std::process::Command::new("bash");
    command.arg(&script).args(arguments).current_dir(place.path("."));
    let program = Path::new(env!("CARGO_BIN_EXE_sbi")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(program.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    command.env("PATH", path.unwrap()).env("CUDA_VISIBLE_DEVICES", "").env_remove("SBI_DATA_ROOT");
    let number = number.to_string();
    for (name, value) in [
        ("SLURM_JOB_ID", "70"),
        ("SLURM_ARRAY_JOB_ID", "69"),
        ("SLURM_ARRAY_TASK_ID", number.as_str()),
        ("SLURM_ARRAY_TASK_MIN", "1"),
        ("SLURM_ARRAY_TASK_MAX", "2"),
        ("SLURM_ARRAY_TASK_COUNT", "2"),
        ("SLURM_CPUS_PER_TASK", "1"),
    ]
    .iter()
    .chain(more)
    {
        command.env(name, value);
    }
    Done::of(&script.display().to_string(), command)
}

#[test]
fn the_slurm_examples_do_what_they_say() {
    let place = labelled_place();
    let list = WITH_FACES.map(|number| format!("mine/v{number}.mp4\n")).concat();
    place.write("list.txt", &list);
    let options = ["-w", "weights/sbi.tar", "-q", "-n", "2"];
    place.sbi(&format!("{INFER} @list.txt --json one.json")).code(0);
    let arguments = [&["list.txt", "out/all"][..], &options].concat();
    for number in [2, 1] {
        task(&place, "infer.sbatch", &arguments, number, &[]).code(0);
    }
    // Started again, a task has nothing left to do.
    task(&place, "infer.sbatch", &arguments, 2, &[]).code(0);
    let parts = "out/all.shard-1-of-2.json out/all.shard-2-of-2.json";
    place.sbi(&format!("merge {parts} --json out/all.json")).code(0);
    let videos = |name: &str| place.json(name)["videos"].clone();
    assert_eq!(videos("out/all.json"), videos("one.json"));

    // From a store, of which each task copies its own share: names are those on the node.
    let keys = WITH_FACES.map(|number| format!("v{number}.mp4\n")).concat();
    place.write("keys.txt", keys + "missing.mp4\n");
    let arguments = [&["keys.txt", "staged/all"][..], &options].concat();
    let (store, node) = (place.path("mine").display().to_string(), place.path("node").display().to_string());
    let stage = [("STAGE_FROM", store.as_str()), ("STAGE_TO", node.as_str())];
    for number in [1, 2] {
        // By hand: the number of shards is said.
        let more = [&stage[..], &[("SHARDS", "2")]].concat();
        task(&place, "infer.sbatch", &arguments, number, &more).code(0);
        let left: Vec<String> = place.names("node/sbi-69");
        assert!(left.is_empty(), "{left:?}");
    }
    let parts = "staged/all.shard-1-of-2.json staged/all.shard-2-of-2.json";
    place.sbi(&format!("merge {parts} --json staged/all.json")).code(1);
    let (staged, one) = (videos("staged/all.json"), videos("one.json"));
    for (staged, one) in staged.as_array().unwrap().iter().zip(one.as_array().unwrap()) {
        assert_eq!((&staged["score"], &staged["file"]["sha256"]), (&one["score"], &one["file"]["sha256"]));
    }
    assert_eq!(staged[5]["status"], "unreadable");

    let arguments = ["-i", "mine", "-o", "set", "-q", "-n", "2", "--steps", "boxes"];
    for number in [1, 2] {
        let done = task(&place, "preprocess.sbatch", &arguments, number, &[]).code(0);
        done.tells(&["sbi merge data/set"]);
    }
    place.sbi("merge data/set").code(0).tells(&["videos", "10 (10 prepared now"]);
    // What srun starts is a process of its own each; here it is looked at, not trained.
    let srun = place.write("bin/srun", "#!/bin/sh\necho \"srun $*\"\n");
    fs::set_permissions(&srun, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let bin = place.path("bin").display().to_string();
    let with_srun = [("PATH", format!("{bin}:/usr/bin:/bin"))].map(|(name, path)| (name, path));
    let more: Vec<(&str, &str)> = with_srun.iter().map(|(name, path)| (*name, path.as_str())).collect();
    let arguments = ["configs/base.json", "first", "--set", "seed=1"];
    let done = task(&place, "train.sbatch", &arguments, 1, &more).code(0);
    done.tells(&["srun sbi train configs/base.json --name first --set seed=1"]);
}
