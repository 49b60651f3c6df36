use super::super::read::tests::result;
use super::videos::shared_folder;
use super::*;
use crate::compare::ComparedVideo;
use crate::page::testing::{assert_offline, assert_sound};
use serde_json::{Value, json};

const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{202E}";

/// Ten videos with hostile names, of which the second half is fake.
fn hostile(name: &str, shift: f64, labels: bool) -> super::super::ReadResult {
    let video = |at: usize| {
        let score = (0.1 * at as f64 + shift).clamp(0.0, 1.0);
        let mut video = json!({"path": format!("{HOSTILE}{at}"), "score": score, "verdict": "undecided"});
        if labels {
            video["label"] = json!(usize::from(at >= 5));
            video["source"] = json!(HOSTILE);
            video["group"] = if at >= 5 { json!(HOSTILE) } else { Value::Null };
        }
        if at == 3 {
            video["verdict"] = json!(if shift > 0.0 { "likely_fake" } else { "no_trace_found" });
        }
        video
    };
    let videos: Vec<Value> = (0..10).map(video).collect();
    let protocol = json!({"line": HOSTILE, "crop": HOSTILE});
    result(name, json!({"videos": videos, "weights": HOSTILE, "protocol": protocol, "dataset": name}))
}

fn rendered(labels: bool) -> String {
    let results = [hostile(HOSTILE, 0.0, labels), hostile("b", 0.15, labels), hostile("c", 0.05, labels)];
    let text = page(&super::super::compare(&results, false).unwrap()).render();
    assert_sound(&text);
    assert_offline(&text);
    // A folder ends at the slash of the second tag.
    assert_eq!(
        text.matches("alert(1)").count(),
        text.matches("&#60;script&#62;alert(1)&#60;").count(),
        "{text}"
    );
    text
}

#[test]
fn a_page_of_labelled_results_shows_everything_and_trusts_no_name() {
    let text = rendered(true);
    for part in [
        "Difference of AUCs",
        "ROC curves",
        "Scores of A and C",
        "Kinds of forgery",
        "Sources",
        "1 of 10 verdicts changed from A to B",
        "Videos whose scores are furthest apart",
        "test set</td><td class=\"doubt\">differs",
        "More than the detector differs",
    ] {
        assert!(text.contains(part), "{part} is not in the page");
    }
}

#[test]
fn what_all_paths_begin_with_is_told_once() {
    let video = |path: &str| ComparedVideo {
        path: path.to_owned(),
        label: None,
        group: None,
        source: None,
        scores: Vec::new(),
        verdicts: Vec::new(),
        apart: 0.0,
        counted: Vec::new(),
    };
    let shared = |paths: &[&str]| shared_folder(&paths.iter().map(|path| video(path)).collect::<Vec<_>>());
    assert_eq!(shared(&["/a/b/1.mp4", "/a/bc/2.mp4"]), "/a/");
    assert_eq!(shared(&["/a/1.mp4"]), "/a/");
    assert_eq!(shared(&["a/é/1.mp4", "a/è/1.mp4"]), "a/");
    assert_eq!(shared(&["1.mp4", "a/1.mp4"]), "");
    assert_eq!(shared(&["/1", "2"]), "");
    assert_eq!(shared(&[]), "");
}

#[test]
fn without_labels_a_page_tells_of_agreement_alone() {
    let text = rendered(false);
    assert!(text.contains("How far scores agree") && text.contains("Scores of A and B"));
    assert!(text.contains("The results have no labels") && !text.contains("AUC of each result"));
    assert!(!text.contains("ROC curves") && !text.contains("Kinds of forgery"));
}
