//! Results compared with one another: what was scored here, and what was made by hand.

use crate::browser;
use crate::made;
use crate::support::Place;
use sbi::imaging::write_image;
use serde_json::{Value, json};
use std::fs;

/// A result made by hand: path, label, score.
fn result(videos: &[(&str, i64, f64)]) -> String {
    let video =
        |(path, label, score): &(&str, i64, f64)| json!({"path": path, "label": label, "score": score});
    json!({"videos": videos.iter().map(video).collect::<Vec<Value>>()}).to_string()
}

const FIRST: [(&str, i64, f64); 6] =
    [("r/1", 0, 0.1), ("r/2", 0, 0.2), ("r/3", 0, 0.7), ("f/1", 1, 0.4), ("f/2", 1, 0.8), ("f/3", 1, 0.9)];
const SECOND: [(&str, i64, f64); 6] =
    [("r/1", 0, 0.1), ("r/2", 0, 0.6), ("r/3", 0, 0.3), ("f/1", 1, 0.7), ("f/2", 1, 0.8), ("f/3", 1, 0.2)];

#[test]
fn scored_twice_and_compared_results_say_what_differs() {
    let place = Place::new();
    let mut table = "file,label,kind\n".to_owned();
    std::fs::create_dir(place.path("mine")).unwrap();
    for seed in 0..12 {
        write_image(&place.path(&format!("mine/{seed}.png")), &made::portrait(seed, 0)).unwrap();
        let (label, kind) =
            if seed % 2 == 0 { ("real", "") } else { ("fake", ["swap", "mouth"][seed as usize / 2 % 2]) };
        table.push_str(&format!("{seed}.png,{label},{kind}\n"));
    }
    place.write("mine/labels.csv", table);
    let infer = "infer -q --labels mine/labels.csv --threshold 0.5";
    place.sbi(&format!("{infer} -w weights/sbi.tar --json a.json")).code(0);
    place.sbi(&format!("{infer} -w weights/sbi.tar --mirrored --json b.json")).code(0);
    place.sbi(&format!("{infer} -w weights/eg.tar --json c.json")).code(0);
    let done = place.sbi("compare a.json b.json --json ab.json --csv ab.csv --report ab.html").code(0);
    let done = done.tells(&["6 real, 6 fake", "matched by their paths"]);
    let done = done
        .tells(&["differs", "rule", "mirrored too"])
        .tells(&["DeLong", "p ="])
        .tells(&["McNemar", "mid-p"]);
    done.tells(&["per kind of forgery"]).tells(&["note:", "more than the detector differs", "rule"]);
    let (json, a) = (place.json("ab.json"), place.json("a.json"));
    assert_eq!(json["results"][0]["auc"]["value"], a["metrics"]["video_auc"]);
    assert_eq!(json["results"][0]["auc"]["ci95"], a["metrics"]["video_auc_ci95"]);
    assert_eq!(json["results"][0]["checksum"], "whole");
    assert_eq!(json["results"][0]["protocol"], a["protocol"]["line"]);
    let difference = &json["pairs"][0]["difference"];
    let auc = |at: usize| json["results"][at]["auc"]["value"].as_f64().unwrap();
    assert!((difference["value"].as_f64().unwrap() - (auc(1) - auc(0))).abs() < 1e-12);
    let parts: Vec<&str> =
        json["parts"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(parts, ["swap", "mouth"]);
    let lines = fs::read_to_string(place.path("ab.csv")).unwrap();
    assert_eq!(lines.lines().count(), 13);
    assert!(
        lines.starts_with("path,label,group,source,apart,score_A,score_B,verdict_A,verdict_B\n"),
        "{lines}"
    );
    let page = fs::read_to_string(place.path("ab.html")).unwrap();
    assert!(page.contains("<h1>Comparison of a.json, b.json</h1>") && page.contains("ROC curves"));

    let three = place.sbi("compare a.json b.json c.json").code(0);
    three
        .tells(&["differs", "weights", "eg.tar"])
        .tells(&["AUC of the row less", "Holm"])
        .tells(&["corrected"]);
    // What was scored is one thing, what is in the file now another.
    place.write("altered.json", fs::read_to_string(place.path("b.json")).unwrap().replacen("0.5", "0.6", 1));
    place.sbi("compare a.json altered.json").refused(&["altered.json", "altered since it was written"]);
}

#[test]
fn the_page_of_a_comparison_is_read_in_a_browser_without_a_request() {
    let place = Place::new();
    // Twelve of each class, so that every chart is there, and names that are no markup.
    let videos = |shift: f64| -> Vec<Value> {
        let of = |at: u32| {
            let score = (f64::from(at * 37 % 24) / 24.0 + shift + 0.3 * f64::from(at / 12)).min(1.0);
            let kind = (at >= 12)
                .then_some("swap <i>of</i> faces, with a long name that has to find its place on a phone");
            let path = format!("folder/<script>alert({at})</script>_{at}.mp4");
            json!({"path": path, "label": at / 12, "score": score, "group": kind, "verdict": "undecided"})
        };
        (0..24).map(of).collect()
    };
    for (name, shift) in [("a.json", 0.0), ("b.json", 0.02), ("c.json", 0.3)] {
        place.write(name, json!({"videos": videos(shift), "decision": {"threshold": 0.5}}).to_string());
    }
    place.sbi("compare a.json b.json c.json --report page.html").code(0);
    let Some(page) = browser::open(&place.path("page.html")) else { return };
    page.looks_right("comparison");
    assert_eq!(page.messages(), [""; 0]);
    assert!(page.requests().iter().all(|request| request.ends_with("/page.html")), "{:?}", page.requests());
    let text = page.text();
    for part in ["ROC curves", "Kinds of forgery", "<script>alert(3)</script>_3.mp4", "Where they disagree"] {
        assert!(text.contains(part), "{part} is not to be read:\n{text}");
    }
    // Sorted by the last column by a click.
    page.click("#apart th:last-child button");
    assert_eq!(page.evaluate("document.querySelectorAll('#apart th[aria-sort]').length"), 1);
    assert!(page.pdf().starts_with(b"%PDF"));
}

#[test]
fn lines_and_results_of_other_programs_are_compared_as_well() {
    let place = Place::new();
    place.write("a.json", result(&FIRST));
    place.write("b.json", result(&SECOND));
    let done = place.sbi("compare a.json b.json --show 2").code(0).tells(&["3 real, 3 fake"]);
    let done = done.tells(&["B - A", "AUC -0.1111"]).tells(&["2 only A right, 2 only B right"]);
    let done = done.tells(&["0.7000", "fake", "f/3"]).tells(&["… and 2 more that differ"]);
    done.tells(&["no checksum"]).tells(&["A tells no border"]).tells(&["B is not shown to differ from A"]);
    std::fs::create_dir(place.path("photos")).unwrap();
    for seed in 0..3 {
        write_image(&place.path(&format!("photos/{seed}.png")), &made::portrait(seed, 0)).unwrap();
    }
    let lines = place.sbi("infer -q -w weights/sbi.tar -i photos --jsonl").code(0).stdout;
    place.write("a.jsonl", &lines);
    place.write("b.jsonl", place.sbi("infer -q -w weights/eg.tar -i photos --jsonl").code(0).stdout);
    let done = place.sbi("compare a.jsonl b.jsonl").code(0).tells(&["3, without labels"]);
    done.tells(&["rank correlation"]).tells(&["scores are", "apart on average"]);
    place.write("cut.jsonl", &lines[..lines.len() - 9]);
    place.sbi("compare a.jsonl cut.jsonl").refused(&["cut.jsonl: line 3 is not a result of one video"]);
}

#[test]
fn other_videos_and_labels_are_refused_with_their_names_or_left_out() {
    let place = Place::new();
    place.write("a.json", result(&FIRST));
    let mut other = SECOND;
    other[0].0 = "r/one";
    other[5].1 = 0;
    place.write("b.json", result(&other));
    let refused = place.sbi("compare a.json b.json");
    refused.refused(&[
        "not of the same videos",
        "a.json has 1 video (r/1)",
        "b.json has 1 video (r/one)",
        "--common",
    ]);
    let done = place.sbi("compare a.json b.json --common --json ab.json").code(0).tells(&["2 real, 2 fake"]);
    done.tells(&["left out", "r/one"]).tells(&["left out", "f/3", "labels differ"]);
    assert_eq!(place.json("ab.json")["left_out"]["labels_differ"]["count"], 1);
    place.write("c.json", result(&[("x", 0, 0.5)]));
    place.sbi("compare a.json c.json --common").refused(&["no video is in all of these results"]);
    place.write("d.json", result(&[("x", 0, 0.5), ("x", 1, 0.5)]));
    place.sbi("compare c.json d.json").refused(&["d.json: x is in this result twice"]);
    place.write("e.json", "{\"rows\": []}");
    place.sbi("compare a.json e.json").refused(&["e.json", "not a result"]);
    place.sbi("compare a.json absent.json").refused(&["absent.json"]);
    place
        .sbi("compare a.json b.json --common --json a.json/where.json")
        .refused(&["a.json", "cannot make this folder"]);
    place.sbi("compare a.json").misused(&["2 values required"]);
}
