//! Help, versions, exit codes, which stream gets what.

use predicates::prelude::*;

use crate::support::{Done, FACES, Place};

const COMMANDS: [&str; 14] = [
    "preprocess",
    "train",
    "preview",
    "npy-pack",
    "infer",
    "merge",
    "serve",
    "verify",
    "compare",
    "robustness",
    "calibrate",
    "convert",
    "average",
    "doctor",
];

#[test]
fn help_names_every_command_and_each_has_an_example() {
    let place = Place::new();
    let help = place.sbi("--help").code(0).stdout;
    for command in COMMANDS {
        assert!(help.contains(command), "{command} is not in\n{help}");
        let own = place.sbi(&format!("{command} --help")).code(0);
        assert!(own.stdout.contains("Example"), "{own}");
        assert!(own.stdout.contains(&format!("\n  sbi {command}")), "{own}");
        assert_eq!(own.stderr, "", "{own}");
    }
    assert!(help.contains("Exit status: 0 all done; 1"), "{help}");
}

#[test]
fn a_program_that_starts_itself_again_keeps_arguments_output_and_exit_code() {
    let place = Place::new();
    let run = |patience: &[&str]| {
        let mut command = place.command("train -q --set seed=3 -n");
        command.arg("a b").arg("absent.json");
        for variable in patience {
            command.env_remove(variable);
        }
        Done::of("train -n 'a b' absent.json", command)
    };
    let (first, again) = (run(&[]), run(&["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "GLIBC_TUNABLES"]));
    assert_eq!((again.code, &again.stdout, &again.stderr), (first.code, &first.stdout, &first.stderr));
    assert!(again.stderr.contains("absent"), "{again}");
}

#[test]
fn the_version_is_that_of_the_package() {
    let place = Place::new();
    let done = place.sbi("--version").code(0);
    assert_eq!(done.stdout, concat!("sbi ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(done.stderr, "");
}

#[test]
fn without_or_with_a_wrong_command_nothing_is_done() {
    let place = Place::new();
    let nothing = place.sbi("").code(2);
    assert!(nothing.stdout.is_empty() && nothing.stderr.contains("Usage: sbi"), "{nothing}");
    place.sbi("infre -i x.mp4").misused(&["'infre'"]);
    place.sbi("infer -w weights/sbi.tar").misused(&["required"]);
    place.sbi("infer -w weights/sbi.tar -d FF -i x.mp4").misused(&["cannot be used with"]);
}

#[test]
fn numbers_out_of_range_say_what_was_expected() {
    let place = Place::new();
    let infer = "infer -w weights/sbi.tar -i x.mp4";
    for flag in ["--threads=0", "-n=0", "--batch-size=0", "--jobs=0", "--limit=0", "-n=-1", "-n=many"] {
        let done = place.sbi(&format!("{infer} {flag}"));
        done.misused(&["expected a whole number of at least 1"]);
    }
    place.sbi(&format!("{infer} --threshold 1.5")).misused(&["1.5", "expected a number from 0 to 1"]);
    place.sbi(&format!("{infer} --threshold nan")).misused(&["expected a number from 0 to 1"]);
    place.sbi(&format!("{infer} --max-size 10")).misused(&["64 to 8192"]);
    place.sbi(&format!("{infer} --detector dlib")).misused(&["retinaface-r50 or retinaface-mnet"]);
    place.sbi(&format!("{infer} --device gpu")).misused(&["expected auto, cpu, cuda or cuda:N"]);
    place.sbi("npy-pack -d FF -c c25").misused(&["unknown compression 'c25'", "raw, c23 and c40"]);
}

#[test]
fn an_unknown_set_suggests_the_known_one() {
    let place = Place::new();
    place.sbi("npy-pack -d FF/DeepFake").misused(&["'FF/DeepFake'", "did you mean FF/Deepfakes?"]);
    place.sbi("infer -w weights/sbi.tar -d CFD").misused(&["unknown test set 'CFD'", "known are FF"]);
}

#[test]
fn a_cuda_device_that_is_not_there_is_refused() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    let done = place.sbi("infer -w weights/sbi.tar -i a.mp4 --device cuda");
    done.refused(&["device cuda:0", "no CUDA device", "--device cpu"]);
}

#[test]
fn results_go_to_stdout_and_the_rest_to_stderr() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    let infer = "infer -w weights/sbi.tar -i a.mp4 -n 2";
    let loud = place.sbi(infer).code(0);
    assert!(loud.stderr.contains("published numbers need retinaface-r50"), "{loud}");
    assert!(loud.stderr.contains("1/1 videos"), "{loud}");
    let quiet = place.sbi(&format!("{infer} --quiet")).code(0);
    assert_eq!(quiet.stderr, "", "{quiet}");
    assert_eq!(loud.stdout, quiet.stdout);
    let table = "fakeness  frames  faces  persons  status      file\n0.";
    assert!(predicate::str::starts_with(table).eval(&quiet.stdout), "{quiet}");
}

#[test]
fn the_exit_code_says_whether_all_some_or_none_went_well() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    place.copy("dark.mp4", "dark.mp4");
    let infer = |files: &str| place.sbi(&format!("infer -w weights/sbi.tar -n 2 -q -i {files}"));
    infer("a.mp4").code(0);
    let some = infer("a.mp4 dark.mp4").code(1).tells(&["no_face", "dark.mp4"]);
    assert_eq!(some.stderr, "", "{some}");
    infer("dark.mp4").code(2).tells(&["-  ", "no_face", "dark.mp4"]);
}

#[test]
fn the_data_root_comes_from_the_flag_or_the_environment() {
    let place = Place::new();
    let from_flag = place.sbi("npy-pack -d CDF --data-root elsewhere");
    from_flag.refused(&["elsewhere: no such folder", "--data-root or SBI_DATA_ROOT"]);
    let mut command = place.command("npy-pack -d CDF");
    command.env("SBI_DATA_ROOT", "far/away");
    Done::of("npy-pack -d CDF", command).refused(&["far/away: no such folder"]);
    place.sbi("npy-pack -d CDF").refused(&["data: no such folder"]);
}

#[test]
fn doctor_reports_line_by_line_and_as_json() {
    let place = Place::new();
    place.cdf();
    let done = place.sbi("doctor").code(0);
    assert_eq!(done.stderr, "", "{done}");
    for line in done.stdout.lines() {
        let word = line.split_whitespace().next().unwrap();
        assert!(["ok", "missing", "bad"].contains(&word), "{line}");
    }
    let done = done.tells(&["ok", "face detector retinaface-mnet"]);
    let done = done.tells(&["missing", "retinaface-r50", "weights/README.md"]);
    let done = done.tells(&["ok", "test set CDF: 3 videos"]);
    done.tells(&["missing", "test set DFDC", "labels.csv"]);
    let json: serde_json::Value = serde_json::from_str(&place.sbi("doctor --json").stdout).unwrap();
    let checks = json.as_array().unwrap();
    assert!(checks.iter().all(|check| check["name"].is_string() && check["detail"].is_string()), "{json}");
}

#[test]
fn doctor_finds_damaged_weights_and_fails() {
    let place = Place::new();
    place.write("weights/EG-weights.tar", "<html><body>Quota exceeded</body></html>");
    place.sbi("doctor").code(1).tells(&["bad", "EG-weights.tar", "web page"]);
}
