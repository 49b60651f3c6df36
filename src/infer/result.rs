//! What an inference run found out: the program's JSON is this structure, field by field.

use super::evidence::{FileEvidence, RunEvidence};
use super::protocol::Protocol;
use super::{BenchmarkMetrics, Judge, Judgement, Part, Passage, PersonResult, Verdict};
use crate::metrics::{FaceMeasures, FrameScore, LikelihoodRatio, LikelihoodRatios, Measures, VideoMetrics};
use crate::model::ForgeryDetector;
use crate::types::{Label, VideoStatus};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::path::Path;
use std::time::Duration;

/// One video or photograph.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VideoResult {
    /// The file; for a packed set without a manifest its array file.
    pub path: String,
    /// Real or fake, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// The method that made it, for FaceForensics++.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where it comes from, where a table of labels tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The result of what it was made from, by its position in the list, where a table of labels tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<usize>,
    /// Probability of a fake, 0..1; for a video without a face 0.5 in a test set, else none.
    pub score: Option<f64>,
    /// The verdict with its reasons; `None` without calibration and threshold.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// `true` where the verdict is `no_trace_found`: the name that it had before. It goes with the next version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub likely_real: bool,
    /// Number of the person whose verdict is that of the file, where persons were judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deciding_person: Option<usize>,
    /// How much more likely the score is for a fake than for a real face; `None` without a face and for detectors that were
    /// not calibrated for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<LikelihoodRatio>,
    /// How the reading went.
    pub status: VideoStatus,
    /// How many frames were looked at.
    pub frames: usize,
    /// How many faces were scored.
    pub faces: usize,
    /// Score of each frame with a face.
    pub frame_scores: Vec<FrameScore>,
    /// The persons, where they were told apart: in files of people, not in test sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persons: Option<Vec<PersonResult>>,
    /// Parts of the video in which a person is likely to be forged, where persons were told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passages: Option<Vec<Passage>>,
    /// Which frames were looked at, where persons were told apart and the file could be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// What its faces are like, where that was measured.
    #[serde(skip)]
    pub measured: Option<FaceMeasures>,
    /// What went wrong, as a sentence; none if nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What should be known although nothing went wrong, such as colours that are not as they were filmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// What tells the file from every other one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileEvidence>,
}

impl VideoResult {
    /// Whether everything about this input went as it should.
    pub fn is_ok(&self) -> bool {
        self.status == VideoStatus::Ok && self.note.is_none()
    }

    /// Without what is long: scores of frames, persons and what the file says of itself. For lists of which nobody wants to
    /// hold everything in memory.
    pub fn shortened(self) -> VideoResult {
        let file = self.file.map(|file| FileEvidence { container: None, ..file });
        VideoResult { frame_scores: Vec::new(), persons: None, sampling: None, file, ..self }
    }

    /// The verdict, where there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.judgement.as_ref().map(|judgement| judgement.verdict)
    }

    /// The passages of the person that decides.
    pub fn deciding_passages(&self) -> impl Iterator<Item = &Passage> {
        let passages = self.passages.as_deref().unwrap_or_default().iter();
        passages.filter(|passage| Some(passage.person) == self.deciding_person)
    }

    /// Its probability of a fake, where there is one.
    pub fn probability(&self) -> Option<f64> {
        self.judgement.as_ref().and_then(|judgement| judgement.probability)
    }

    /// The persons that count, in their order.
    pub fn counting_persons(&self) -> impl Iterator<Item = &PersonResult> {
        self.persons.iter().flatten().filter(|person| !person.stray)
    }

    /// Which of two files is more suspicious: likely fakes, then what is undecided; within these the higher probability or
    /// score. What has none is the least.
    pub fn suspicion(&self, other: &VideoResult) -> Ordering {
        let rank = |video: &VideoResult| match video.verdict() {
            Some(Verdict::LikelyFake) => 3,
            Some(Verdict::Undecided) if video.score.is_some() => 2,
            Some(Verdict::NoTraceFound) => 1,
            None if video.score.is_some() => 1,
            _ => 0,
        };
        let worst = |video: &VideoResult| video.probability().or(video.score).unwrap_or(-1.0);
        rank(self).cmp(&rank(other)).then(worst(self).total_cmp(&worst(other)))
    }

    /// The verdict in words, with the passage that it is about: `likely fake in 0:42 to 0:51`. Empty without a verdict.
    pub fn verdict_in_words(&self) -> String {
        let Some(verdict) = self.verdict() else { return String::new() };
        let times: Vec<String> = self.deciding_passages().map(Passage::times).collect();
        if times.is_empty() { verdict.to_string() } else { format!("{verdict} in {}", times.join(", ")) }
    }
}

/// Which frames of a video were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Frames that the file has.
    pub frames: usize,
    /// How long it lasts, in seconds; 0 for a photograph.
    pub seconds: f64,
    /// Frames that were looked at, evenly spread.
    pub planned: usize,
    /// Frames that were looked at besides, because a scene began there.
    pub added_for_scenes: usize,
    /// Scenes that were seen.
    pub scenes: usize,
    /// Whether persons were told apart by their looks; if not, by their places in the frames alone.
    pub by_looks: bool,
}

/// How long it took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Timing {
    /// From the first video to the last, without loading the networks.
    pub seconds: f64,
    /// Faces scored, over these seconds.
    pub faces_per_second: f64,
}

impl Timing {
    pub(super) fn of(faces: usize, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64();
        Timing { seconds, faces_per_second: faces as f64 / seconds.max(1e-9) }
    }
}

/// Which program and which forgery detector made scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoredBy {
    /// The program's name, `sbi`.
    pub tool: Cow<'static, str>,
    /// The program's version.
    pub version: Cow<'static, str>,
    /// The forgery detector's weight file.
    pub weights: String,
    /// The method of the forgery detector, `sbi` or `eg`.
    pub model: Cow<'static, str>,
    /// The forgery detector's backbone, such as `efficientnet-b4`.
    pub backbone: Cow<'static, str>,
}

impl ScoredBy {
    pub(super) fn new(weights: &Path, forgery_detector: &ForgeryDetector) -> Self {
        ScoredBy {
            tool: "sbi".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            weights: weights.display().to_string(),
            model: forgery_detector.method().name().into(),
            backbone: forgery_detector.backbone().variant.name.into(),
        }
    }
}

/// A whole inference run.
#[derive(Clone, Debug, Serialize)]
pub struct InferSummary {
    /// Which program and which forgery detector made the scores.
    #[serde(flatten)]
    pub scored_by: ScoredBy,
    /// Name of the test set; none for free inputs.
    pub dataset: Option<String>,
    /// Compression level, where the set has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// Name of the face detector, where known.
    #[serde(rename = "detector")]
    pub face_detector: Option<String>,
    /// Threshold and temperature by which verdicts were made; none for forgery detectors that are not calibrated when no
    /// threshold was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Judge>,
    /// What likelihood ratios were made by and fitted on; none for detectors that were not calibrated for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likelihood_ratios: Option<LikelihoodRatios>,
    /// What should be known before trusting the numbers, such as gaps in the data set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether the run was stopped early.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// One result per input, in the order of the inputs.
    pub videos: Vec<VideoResult>,
    /// Metrics over all videos, where labels are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<VideoMetrics>,
    /// Costs of likelihood ratios, error rates and curves over videos with a face, where labels are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measures>,
    /// How the set was scored, where labels are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// The same scores in DeepfakeBench's protocol, where that was asked for and labels are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deepfakebench: Option<BenchmarkMetrics>,
    /// What another examiner needs to repeat the run; none where it was stopped before that was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<RunEvidence>,
    /// Which part of a list it is of, where it is not of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Why the report that was asked for could not be written, as a sentence.
    #[serde(skip)]
    pub report_failed: Option<String>,
    /// How long it took.
    pub timing: Timing,
}

impl InferSummary {
    /// The inputs with which something was wrong.
    pub fn failed(&self) -> impl Iterator<Item = &VideoResult> {
        self.videos.iter().filter(|video| !video.is_ok())
    }
}
