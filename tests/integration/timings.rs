//! Where the time goes.

use crate::support::Place;

#[test]
fn stages_threads_and_processors_are_told_on_standard_error() {
    let place = Place::new();
    place.copy("face0.mp4", "face0.mp4");
    let done = place.sbi("infer -w weights/sbi.tar -i face0.mp4 --timings -q").code(0);
    let told = &done.stderr;
    for words in [
        "where the time went",
        "starting",
        "loading networks",
        "waiting for faces",
        "scoring faces",
        "meanwhile, on other threads",
        "finding faces",
        "processors busy",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // The stages of the run add up to it.
    let seconds = |line: &str| line.split_whitespace().rev().nth(3)?.parse::<f64>().ok();
    let lines: Vec<&str> = told.lines().skip_while(|line| !line.starts_with("where")).skip(1).collect();
    let all = lines.iter().position(|line| line.trim_start().starts_with("all ")).expect("a line for all");
    let sum: f64 = lines[..all].iter().filter_map(|line| seconds(line)).sum();
    let whole = seconds(lines[all]).expect("its seconds");
    assert!((sum - whole).abs() < 0.01 * all as f64, "{sum} of {whole}: {told}");
    assert!(!place.sbi("infer -w weights/sbi.tar -i face0.mp4 -q").code(0).stderr.contains("went"));
}
