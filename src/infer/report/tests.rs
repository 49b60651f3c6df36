//! Whole reports, of results that want to be markup.

use super::*;
use crate::infer::evidence::FileEvidence;
use crate::infer::{
    Judge, Judgement, PersonFace, PersonResult, ScoredBy, Timing, Verdict, likelihood, metrics,
};
use crate::media::ContainerFacts;
use crate::metrics::{FaceMeasures, FrameScore};
use crate::page::testing::{assert_offline, assert_sound, parsed};
use crate::types::{Label, VideoStatus};

/// What must never become markup.
const HOSTILE: &str = "<script>alert(1)</script>\"' onload=x \u{202E}gpj.\u{0}&amp;<!--]]>";

fn result(path: &str, scores: &[f64], verdict: Option<Verdict>) -> VideoResult {
    let face = |(frame, score): (usize, &f64)| PersonFace {
        frame,
        seconds: frame as f64 / 2.0,
        bbox: [10.0, 20.0, 130.0, 160.0],
        score: *score,
        confidence: 0.99,
    };
    let score = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    let judgement = verdict.map(|verdict| Judgement {
        verdict,
        probability: (!scores.is_empty()).then_some(0.9),
        reasons: vec![format!("a reason {HOSTILE}")],
    });
    let person = PersonResult {
        person: 1,
        stray: false,
        score,
        judgement: judgement.clone(),
        frames: scores.len(),
        frames_that_could: scores.len(),
        from_seconds: 0.0,
        to_seconds: scores.len().saturating_sub(1) as f64 / 2.0,
        side: 120.0,
        faces: scores.iter().enumerate().map(face).collect(),
        members: (0..scores.len()).collect(),
        passages: Vec::new(),
        measured: FaceMeasures { side: Some(120.0), brightness: Some(30.0), sharpness: Some(400.0) },
    };
    let container = ContainerFacts {
        format: HOSTILE.to_owned(),
        tags: [(HOSTILE.to_owned(), HOSTILE.repeat(100))].into(),
        ..ContainerFacts::default()
    };
    VideoResult {
        path: path.to_owned(),
        label: None,
        group: None,
        source: None,
        original: None,
        score: (!scores.is_empty()).then_some(score),
        judgement,
        likely_real: false,
        deciding_person: (!scores.is_empty()).then_some(1),
        lr: None,
        status: if scores.is_empty() { VideoStatus::NoFace } else { VideoStatus::Ok },
        frames: 12,
        faces: scores.len(),
        frame_scores: scores
            .iter()
            .enumerate()
            .map(|(frame, &score)| FrameScore { frame: frame as i64, score })
            .collect(),
        persons: Some(if scores.is_empty() { Vec::new() } else { vec![person] }),
        passages: None,
        sampling: None,
        measured: None,
        note: scores.is_empty().then(|| format!("a note {HOSTILE}")),
        remarks: vec![HOSTILE.to_owned()],
        file: Some(FileEvidence { container: Some(Box::new(container)), ..FileEvidence::default() }),
    }
}

fn summary(videos: Vec<VideoResult>) -> InferSummary {
    InferSummary {
        scored_by: ScoredBy {
            tool: "sbi".into(),
            version: "0".into(),
            weights: HOSTILE.to_owned(),
            model: "sbi".into(),
            backbone: "efficientnet-b4".into(),
        },
        dataset: Some(HOSTILE.to_owned()),
        compression: None,
        face_detector: Some(HOSTILE.to_owned()),
        decision: Judge::new(None, Some(0.5)),
        likelihood_ratios: None,
        notes: vec![HOSTILE.to_owned()],
        interrupted: true,
        videos,
        metrics: None,
        measures: None,
        protocol: None,
        deepfakebench: None,
        evidence: None,
        part: None,
        report_failed: None,
        timing: Timing { seconds: 1.0, faces_per_second: 1.0 },
    }
}

fn rendered(summary: &InferSummary) -> String {
    let metadata = [("calibrated_on".to_owned(), HOSTILE.to_owned())].into();
    let gallery = Gallery::default();
    let range = CalibratedRange::default();
    let text = page(&Material { summary, gallery: &gallery, metadata: &metadata, range }).render();
    assert_sound(&text);
    assert_offline(&text);
    assert!(!text.contains(['\u{202E}', '\0']));
    assert_eq!(
        text.matches("alert(1)").count(),
        text.matches("&#60;script&#62;alert(1)&#60;/script&#62;").count()
    );
    text
}

fn labelled(count: usize) -> InferSummary {
    let video = |number: usize| {
        let fake = !number.is_multiple_of(3);
        let score = (number * 37 % 100) as f64 / 120.0 + if fake { 0.15 } else { 0.0 };
        let scores = if number % 10 == 9 { vec![] } else { vec![score; 3] };
        VideoResult {
            label: Some(if fake { Label::Fake } else { Label::Real }),
            group: fake.then(|| if number.is_multiple_of(2) { "FaceSwap" } else { HOSTILE }.to_owned()),
            persons: None,
            deciding_person: None,
            ..result(&format!("{number}{HOSTILE}.mp4"), &scores, Some(Verdict::Undecided))
        }
    };
    let videos: Vec<VideoResult> = (0..count).map(video).collect();
    let judge = Judge::new(None, Some(0.5));
    InferSummary {
        metrics: Some(metrics(&videos, &(0..videos.len()).collect::<Vec<_>>()).unwrap()),
        measures: Some(likelihood::measures(&videos, judge, None).unwrap()),
        ..summary(videos)
    }
}

#[test]
fn a_file_is_told_in_full_and_nothing_hostile_becomes_markup() {
    let scores: Vec<f64> = (0..40).map(|at| 0.5 + 0.4 * (at as f64 / 5.0).sin()).collect();
    let text =
        rendered(&summary(vec![result(&format!("{HOSTILE}.mp4"), &scores, Some(Verdict::LikelyFake))]));
    for part in [
        "Likely fake",
        "What was found",
        "Why it may be wrong",
        "The face is dark",
        "The file",
        "stopped early",
    ] {
        assert!(text.contains(part), "{part}");
    }
    // Every score stands there as exactly as in JSON.
    let document = parsed(&text);
    let cells: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("td"))
        .filter_map(|node| node.text())
        .collect();
    for score in &scores {
        assert!(cells.contains(&score.to_string().as_str()), "{score}");
    }
    assert!(text.len() < 200_000, "{}", text.len());
}

#[test]
fn even_the_noisiest_video_with_the_most_faces_stays_under_five_megabytes() {
    use super::gallery::{OF_ONE, ShownFace};
    use crate::page::Picture;
    let mut seed = 1_u32;
    let mut noise = |side: usize| {
        let mut value = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let image =
            crate::types::RgbImage::from_raw(side, side, (0..side * side * 3).map(|_| value()).collect());
        Picture::of(&image).unwrap()
    };
    let faces: Vec<ShownFace> = (0..OF_ONE)
        .map(|frame| ShownFace {
            person: Some(1),
            frame,
            seconds: Some(frame as f64),
            size: Some((120.0, 140.0)),
            score: 0.9,
            face: noise(228),
            map: noise(228),
            small: noise(72),
        })
        .collect();
    let scores: Vec<f64> = (0..10_000).map(|at| (at as f64 * 0.1).sin().abs()).collect();
    let summary = summary(vec![result("long.mp4", &scores, Some(Verdict::LikelyFake))]);
    let gallery = Gallery::of_one(faces, summary.videos[0].clone());
    let (metadata, range) = (BTreeMap::new(), CalibratedRange::default());
    let text = page(&Material { summary: &summary, gallery: &gallery, metadata: &metadata, range }).render();
    assert_sound(&text);
    assert_eq!(text.matches("<img").count(), 1 + 2 * OF_ONE);
    assert!(text.len() < 5_000_000, "{}", text.len());
    assert!(text.contains("and 6000 more"));
}

#[test]
fn what_cannot_be_judged_is_told_without_charts() {
    let text = rendered(&summary(vec![result("dark.mp4", &[], Some(Verdict::Undecided))]));
    assert!(text.contains("No face was found") && !text.contains("What was found"));
    let plain = InferSummary { decision: None, ..summary(vec![result("a.png", &[0.7], None)]) };
    let text = rendered(&plain);
    assert!(text.contains("Score 0.700, no verdict") && text.contains("not calibrated"));
}

#[test]
fn a_folder_leads_from_its_table_to_each_file_the_most_suspicious_first() {
    let videos = vec![
        result("quiet.mp4", &[0.1; 4], Some(Verdict::NoTraceFound)),
        result("loud.mp4", &[0.9; 4], Some(Verdict::LikelyFake)),
        result("empty.mp4", &[], Some(Verdict::Undecided)),
    ];
    let text = rendered(&summary(videos));
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(at("href=\"#file-1\">loud.mp4") < at("href=\"#file-2\">quiet.mp4"));
    assert!(at("href=\"#file-2\">quiet.mp4") < at("href=\"#file-3\">empty.mp4"));
    assert!(text.contains("1 of 3 files likely fake") && text.contains("1. loud.mp4"));
}

#[test]
fn a_long_folder_stays_bounded() {
    let videos =
        (0..7000).map(|number| result(&format!("{number}.mp4"), &[0.2; 32], Some(Verdict::NoTraceFound)));
    let videos: Vec<VideoResult> = videos.map(|video| VideoResult { file: None, ..video }).collect();
    let text = rendered(&summary(videos));
    assert!(text.len() < 8_000_000, "{}", text.len());
    assert!(text.contains("and 2000 less suspicious ones"));
}

#[test]
fn a_set_has_its_curves_errors_and_the_figures_of_the_json() {
    let summary = labelled(90);
    let text = rendered(&summary);
    let metrics = summary.metrics.as_ref().unwrap();
    let (low, high) = metrics.video_auc_ci95.unwrap();
    for part in [
        format!("AUC {:.4}", metrics.video_auc.unwrap()),
        format!("{low:.4} to {high:.4}"),
        format!("<td class=\"number\">{:.4}</td>", summary.measures.as_ref().unwrap().bpcer.value.unwrap()),
        "9 videos gave no face".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}");
    }
    for id in ["roc", "det", "scores", "kinds-auc", "errors", "unanswered", "all"] {
        assert!(text.contains(&format!("id=\"{id}")), "{id}");
    }
    let one_class = labelled(1);
    assert!(rendered(&one_class).contains("AUC is undefined"));
}
