//! Results that were made by hand, compared.

use super::read::tests::result;
use super::*;
use serde_json::{Value, json};

fn video(path: &str, label: Option<i64>, score: Option<f64>) -> Value {
    let frames = score.map(|score| json!({"frame": 0, "score": score}));
    json!({"path": path, "label": label, "score": score.or(label.map(|_| 0.5)), "frame_scores": frames.iter().collect::<Vec<_>>()})
}

fn of(name: &str, videos: Vec<Value>) -> ReadResult {
    result(name, json!({"videos": videos, "decision": {"threshold": 0.5, "temperature": 1.0}}))
}

/// Three real and three fake videos.
fn labelled(name: &str, scores: [f64; 6]) -> ReadResult {
    let video = |(at, score): (usize, f64)| video(&format!("v{at}"), Some(i64::from(at >= 3)), Some(score));
    of(name, scores.into_iter().enumerate().map(video).collect())
}

#[test]
fn two_results_by_hand() {
    let a = labelled("a.json", [0.1, 0.2, 0.7, 0.4, 0.8, 0.9]);
    let b = labelled("b.json", [0.1, 0.6, 0.3, 0.7, 0.8, 0.2]);
    let found = compare(&[a, b], false).unwrap();
    assert_eq!((found.real, found.fake, found.unlabelled), (3, 3, 0));
    // One and three of nine pairs are in the wrong order.
    let aucs: Vec<f64> = found.results.iter().map(|result| result.auc.unwrap().value.unwrap()).collect();
    assert!((aucs[0] - 8.0 / 9.0).abs() < 1e-15 && (aucs[1] - 7.0 / 9.0).abs() < 1e-15, "{aucs:?}");
    let pair = &found.pairs[0];
    let difference = pair.difference.unwrap();
    assert!((difference.value.unwrap() + 1.0 / 9.0).abs() < 1e-15);
    let (low, high) = difference.ci95.unwrap();
    assert!(low < -1.0 / 9.0 && high > -1.0 / 9.0);
    assert!((pair.delong.unwrap().difference - difference.value.unwrap()).abs() < 1e-15);
    // A is wrong about v2 and v3, B about v1 and v5.
    let calls = pair.calls.unwrap();
    assert_eq!((calls.both_right, calls.both_wrong), (2, 0));
    assert_eq!((calls.mcnemar.only_first_right, calls.mcnemar.only_second_right), (2, 2));
    assert_eq!(found.results[0].right_at_border, Some(4.0 / 6.0));
    assert_eq!((pair.delong_holm, pair.mcnemar_holm), (None, None), "one test needs no correction");
    let order: Vec<&str> = found.videos.iter().map(|video| video.path.as_str()).collect();
    assert_eq!(order[0], "v5");
    assert_eq!(pair.agreement.scored, 6);
    assert!((pair.agreement.same_call.unwrap() - 2.0 / 6.0).abs() < 1e-15);
}

#[test]
fn the_other_way_round_it_is_the_mirror_image() {
    let a = labelled("a.json", [0.1, 0.2, 0.7, 0.4, 0.8, 0.9]);
    let b = labelled("b.json", [0.1, 0.6, 0.3, 0.7, 0.8, 0.2]);
    let (there, back) = (compare(&[a.clone(), b.clone()], false).unwrap(), compare(&[b, a], false).unwrap());
    let (there, back) = (&there.pairs[0], &back.pairs[0]);
    let (low, high) = there.difference.unwrap().ci95.unwrap();
    let (back_low, back_high) = back.difference.unwrap().ci95.unwrap();
    assert!((back_low + high).abs() < 1e-12 && (back_high + low).abs() < 1e-12, "{back_low} {back_high}");
    assert_eq!(there.delong.unwrap().p, back.delong.unwrap().p);
    assert_eq!(there.calls.unwrap().mcnemar.mid_p, back.calls.unwrap().mcnemar.mid_p);
}

#[test]
fn the_same_result_twice_does_not_differ() {
    let a = labelled("a.json", [0.1, 0.2, 0.7, 0.4, 0.8, 0.9]);
    let found = compare(&[a.clone(), a.clone(), a], false).unwrap();
    for pair in &found.pairs {
        let difference = pair.difference.unwrap();
        assert_eq!((difference.value, difference.ci95), (Some(0.0), Some((0.0, 0.0))));
        assert_eq!((pair.delong.unwrap().p, pair.delong_holm), (Some(1.0), Some(1.0)));
        assert_eq!((pair.calls.unwrap().mcnemar.exact_p, pair.agreement.rank_correlation), (1.0, Some(1.0)));
    }
    assert_eq!(found.pairs.len(), 3);
    assert!(found.settings.iter().all(|setting| setting.same));
    assert!(found.videos.iter().all(|video| video.apart == 0.0));
}

#[test]
fn videos_without_a_face_count_as_one_half_and_are_counted() {
    let with = |name, score| {
        of(
            name,
            vec![video("r", Some(0), Some(0.2)), video("f", Some(1), score), video("g", Some(1), Some(0.9))],
        )
    };
    let found = compare(&[with("a.json", Some(0.1)), with("b.json", None)], false).unwrap();
    assert_eq!(found.results[1].auc.unwrap().value, Some(1.0));
    assert_eq!((found.results[0].without_score, found.results[1].without_score), (0, 1));
    let top = &found.videos[0];
    assert_eq!(
        (top.path.as_str(), top.scores.as_slice(), top.apart),
        ("f", [Some(0.1), None].as_slice(), 0.4)
    );
    assert_eq!(found.pairs[0].delong, None, "one real video says nothing about chance");
    assert!(
        found.notes.iter().any(|note| note.contains("1 real and 2 fake videos are too few")),
        "{:?}",
        found.notes
    );
    assert_eq!((found.pairs[0].agreement.scored, found.pairs[0].agreement.only_first), (2, 1));
}

#[test]
fn one_class_has_calls_and_no_auc_and_no_labels_have_agreement_only() {
    let real = |name, scores: [f64; 3]| {
        of(
            name,
            scores
                .iter()
                .enumerate()
                .map(|(at, score)| video(&format!("v{at}"), Some(0), Some(*score)))
                .collect(),
        )
    };
    let found = compare(&[real("a", [0.1, 0.2, 0.9]), real("b", [0.1, 0.8, 0.9])], false).unwrap();
    assert_eq!(found.results[0].auc, Some(Measure::default()));
    assert_eq!(found.pairs[0].calls.unwrap().mcnemar.only_first_right, 1);
    assert!(found.notes.iter().any(|note| note.contains("only real videos")), "{:?}", found.notes);

    let plain = |name, scores: [Option<f64>; 3]| {
        of(
            name,
            scores.iter().enumerate().map(|(at, score)| video(&format!("v{at}"), None, *score)).collect(),
        )
    };
    let (a, b) = (plain("a", [Some(0.1), Some(0.9), None]), plain("b", [Some(0.2), Some(0.4), None]));
    let found = compare(&[a.clone(), b], false).unwrap();
    let pair = &found.pairs[0];
    assert_eq!((pair.difference, pair.delong, pair.calls), (None, None, None));
    assert_eq!((found.unlabelled, pair.agreement.scored), (3, 2));
    assert_eq!((pair.agreement.rank_correlation, pair.agreement.same_call), (Some(1.0), Some(0.5)));
    // Labels that one of them knows are those of the videos.
    let found = compare(&[a, real("b", [0.2, 0.4, 0.5])], false).unwrap();
    assert_eq!((found.real, found.unlabelled), (3, 0));
}

#[test]
fn other_videos_and_labels_are_refused_or_left_out() {
    let a = labelled("a.json", [0.1, 0.2, 0.7, 0.4, 0.8, 0.9]);
    let more = {
        let mut videos =
            labelled("", [0.1, 0.2, 0.7, 0.4, 0.8, 0.9]).json["videos"].as_array().unwrap().clone();
        videos.push(video("extra", Some(1), Some(0.3)));
        videos[0]["label"] = json!(1);
        videos
    };
    let b = of("b.json", more);
    let error = compare(&[a.clone(), b.clone()], false).unwrap_err().to_string();
    assert_eq!(error, "the results are not of the same videos: b.json has 1 video (extra) that not all have");
    let found = compare(&[a.clone(), b.clone()], true).unwrap();
    assert_eq!((found.videos.len(), found.real, found.fake), (5, 2, 3));
    assert_eq!((found.left_out.lacking[1].count, found.left_out.labels_differ.count), (1, 1));
    let mut same = b.json["videos"].as_array().unwrap().clone();
    same.pop();
    let error = compare(&[a.clone(), of("b.json", same)], false).unwrap_err().to_string();
    assert_eq!(error, "the labels of 1 video (v0: real in a.json, fake in b.json) are not the same");
    let other = of("c.json", vec![video("w", Some(1), Some(0.3))]);
    assert_eq!(compare(&[a, other], true).unwrap_err().to_string(), "no video is in all of these results");
}

#[test]
fn groups_share_the_real_videos_and_sources_need_both_classes() {
    let with = |name: &str, high: f64| {
        let mut videos: Vec<Value> =
            (0..3).map(|at| video(&format!("r{at}"), Some(0), Some(0.1 * at as f64))).collect();
        videos.extend((3..10).map(|at| video(&format!("r{at}"), Some(0), Some(0.01))));
        let swaps = (0..9).map(|_| ("swap", 0.9)).chain([("swap", high), ("mouth", 0.15)]);
        for (at, (group, score)) in swaps.enumerate() {
            let mut fake = video(&format!("f{at}"), Some(1), Some(score));
            fake["group"] = json!(group);
            fake["source"] = json!("web");
            videos.push(fake);
        }
        videos[0]["source"] = json!("web");
        videos[1]["source"] = json!("studio");
        of(name, videos)
    };
    let found = compare(&[with("a", 0.15), with("b", 0.8)], false).unwrap();
    let told: Vec<_> = found.parts.iter().map(|part| (part.name.as_str(), part.real, part.fake)).collect();
    assert_eq!(told, [("swap", 10, 10), ("mouth", 10, 1), ("web", 1, 11)]);
    let swap = &found.parts[0];
    assert_eq!((swap.kind, swap.aucs[1].value), (PartKind::Group, Some(1.0)));
    assert!((swap.against_first[0].difference.value.unwrap() - 1.0 / 100.0).abs() < 1e-15);
    assert!(swap.against_first[0].delong_p.is_some() && found.parts[1].against_first[0].delong_p.is_none());
}

#[test]
fn changed_verdicts_are_counted_by_class() {
    let with = |verdicts: [&str; 6]| {
        let mut json = labelled("", [0.1, 0.2, 0.7, 0.4, 0.8, 0.9]).json;
        for (at, verdict) in verdicts.into_iter().enumerate() {
            json["videos"][at]["verdict"] = json!(verdict);
        }
        result("v", json)
    };
    let (no, un, yes) = ("no_trace_found", "undecided", "likely_fake");
    let found =
        compare(&[with([no, no, un, un, yes, yes]), with([no, un, yes, yes, yes, un])], false).unwrap();
    let changes = found.pairs[0].verdicts.as_ref().unwrap();
    assert_eq!((changes.videos, changes.changed, changes.changes.len()), (6, 4, 3));
    let first = changes.changes[0];
    assert_eq!((first.from, first.to), (Verdict::Undecided, Verdict::LikelyFake));
    assert_eq!((first.videos, first.real, first.fake), (2, 1, 1));
    let counts = found.results[1].verdicts.unwrap();
    assert_eq!((counts.likely_fake, counts.undecided, counts.no_trace_found), (3, 2, 1));
}

#[test]
fn names_go_on_after_z() {
    assert_eq!([0, 1, 25, 26, 27, 52].map(name), ["A", "B", "Z", "AA", "AB", "BA"]);
}
