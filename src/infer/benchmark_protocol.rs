//! DeepfakeBench's way of making numbers of scores, beside the published one.
//!
//! Published: a video's score is the mean over its frames, one without a face counts 0.5, numbers are over videos. There:
//! numbers are over frames; a "video" is what shares the name of its folder of frames, whatever method made it; videos
//! without a face are absent; of longer lists the first 32 frames count.

use super::VideoResult;
use crate::metrics::{self, Roc};
use crate::types::Label;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::str::FromStr;

/// Frames of a video that count there.
const FRAMES: usize = 32;
/// Scores from which a frame is called fake.
const THRESHOLD: f64 = 0.5;

/// Another way of making numbers than the published one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherProtocol {
    /// DeepfakeBench's.
    DeepfakeBench,
}

impl FromStr for OtherProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "deepfakebench" => Ok(OtherProtocol::DeepfakeBench),
            _ => Err("expected deepfakebench".to_owned()),
        }
    }
}

/// The numbers as DeepfakeBench names them, and what they are numbers of. Those that need both classes are none where
/// one is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchmarkMetrics {
    /// Share of frames on their side of 0.5.
    pub acc: Option<f64>,
    /// AUC over frames.
    pub auc: Option<f64>,
    /// Equal error rate over frames.
    pub eer: Option<f64>,
    /// Average precision over frames.
    pub ap: Option<f64>,
    /// AUC over what shares a folder's name.
    pub video_auc: Option<f64>,
    /// AUC over the true videos, of the same frames.
    pub true_video_auc: Option<f64>,
    /// Frames that count.
    pub frames: usize,
    /// What shares a folder's name, counted.
    pub videos: usize,
    /// True videos that count.
    pub true_videos: usize,
    /// True videos that share a folder's name with another one.
    pub merged: usize,
    /// Names under which there are real videos and fakes; they count as what the first one is.
    pub mixed: usize,
    /// Videos without a face: they are absent.
    pub absent: usize,
    /// Frames beyond the first 32 of their video.
    pub beyond: usize,
}

impl BenchmarkMetrics {
    /// The numbers of labelled videos; those without a label do not count.
    ///
    /// Fails when a score is not a number.
    pub fn of(videos: &[VideoResult]) -> Result<Self, metrics::Error> {
        let mut frames = Scores::default();
        let mut true_videos = Scores::default();
        let mut groups: Vec<Group> = Vec::new();
        let mut by_name: HashMap<String, usize> = HashMap::new();
        let (mut absent, mut beyond) = (0, 0);
        for video in videos {
            let Some(label) = video.label else { continue };
            if video.frame_scores.is_empty() {
                absent += 1;
                continue;
            }
            let scores: Vec<f64> = video.frame_scores.iter().take(FRAMES).map(|frame| frame.score).collect();
            beyond += video.frame_scores.len() - scores.len();
            scores.iter().for_each(|&score| frames.push(label, score));
            true_videos.push(label, mean(&scores));
            let group = *by_name.entry(folder_name(&video.path)).or_insert_with(|| {
                groups.push(Group { label, labels: BTreeSet::new(), videos: 0, scores: Vec::new() });
                groups.len() - 1
            });
            groups[group].labels.insert(label.class());
            groups[group].videos += 1;
            groups[group].scores.extend(scores);
        }
        let mut videos = Scores::default();
        groups.iter().for_each(|group| videos.push(group.label, mean(&group.scores)));
        let roc = frames.roc()?;
        Ok(BenchmarkMetrics {
            acc: roc.accuracy(THRESHOLD),
            auc: roc.auc(),
            eer: roc.equal_error_rate().map(|eer| eer.rate),
            ap: roc.average_precision(),
            video_auc: videos.roc()?.auc(),
            true_video_auc: true_videos.roc()?.auc(),
            frames: frames.labels.len(),
            videos: groups.len(),
            true_videos: true_videos.labels.len(),
            merged: groups.iter().filter(|group| group.videos > 1).map(|group| group.videos).sum(),
            mixed: groups.iter().filter(|group| group.labels.len() > 1).count(),
            absent,
            beyond,
        })
    }

    /// In what these numbers are others than the published ones, one sentence each.
    pub fn differences(&self) -> Vec<String> {
        let BenchmarkMetrics { frames, videos, true_videos, merged, mixed, absent, beyond, .. } = *self;
        let mut told =
            vec![format!("acc, auc, eer and ap are over {frames} frames; published numbers are over videos")];
        if merged > 0 {
            told.push(format!(
                "{merged} of {true_videos} videos share the name of their folder with others: video_auc is over {videos} names"
            ));
        }
        if mixed > 0 {
            told.push(format!("{mixed} names stand for real videos and fakes: they count as the first one"));
        }
        if absent > 0 {
            told.push(format!(
                "{absent} videos without a face are absent; published numbers count them as 0.5"
            ));
        }
        if beyond > 0 {
            told.push(format!("{beyond} frames beyond the first {FRAMES} of their video are absent"));
        }
        told
    }
}

/// What shares a folder's name.
struct Group {
    /// What the first video is.
    label: Label,
    labels: BTreeSet<i64>,
    videos: usize,
    scores: Vec<f64>,
}

#[derive(Default)]
struct Scores {
    labels: Vec<Label>,
    scores: Vec<f64>,
}

impl Scores {
    fn push(&mut self, label: Label, score: f64) {
        self.labels.push(label);
        self.scores.push(score);
    }

    fn roc(&self) -> Result<Roc, metrics::Error> {
        Roc::new(&self.labels, &self.scores)
    }
}

fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len() as f64
}

/// The name of the folder that a video's frames have there: the video's own, without extension.
fn folder_name(path: &str) -> String {
    let path = Path::new(path);
    // A folder of crops has no extension to lose.
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FrameScore;
    use crate::types::VideoStatus;

    fn video(path: &str, label: Label, scores: &[f64]) -> VideoResult {
        let frame = |(frame, &score): (usize, &f64)| FrameScore { frame: frame as i64, score };
        VideoResult {
            path: path.to_owned(),
            label: Some(label),
            group: None,
            source: None,
            original: None,
            score: None,
            judgement: None,
            likely_real: false,
            deciding_person: None,
            lr: None,
            status: VideoStatus::Ok,
            frames: scores.len(),
            faces: scores.len(),
            frame_scores: scores.iter().enumerate().map(frame).collect(),
            persons: None,
            passages: None,
            sampling: None,
            measured: None,
            note: None,
            remarks: Vec::new(),
            file: None,
        }
    }

    #[test]
    fn methods_of_one_id_are_one_video_and_videos_without_a_face_are_absent() {
        use Label::{Fake, Real};
        let long = [0.2; 40];
        let videos = [
            video("o/000.mp4", Real, &[0.1, 0.3]),
            video("o/001.mp4", Real, &[0.6]),
            video("o/002.mp4", Real, &long),
            video("Deepfakes/000_003.mp4", Fake, &[0.9, 0.8]),
            video("FaceSwap/000_003.mp4", Fake, &[0.4]),
            video("FaceSwap/001_870.mp4", Fake, &[]),
        ];
        let found = BenchmarkMetrics::of(&videos).unwrap();
        assert_eq!((found.frames, found.videos, found.true_videos), (2 + 1 + 32 + 3, 4, 5));
        assert_eq!((found.merged, found.mixed, found.absent, found.beyond), (2, 0, 1, 8));
        // The merged fake has (0.9 + 0.8 + 0.4) / 3 = 0.7, above all; by itself the second has 0.4, below 0.6.
        assert_eq!(found.video_auc, Some(1.0));
        assert_eq!(found.true_video_auc, Some(5.0 / 6.0));
        // Of 3 x 35 pairs of frames, 0.4 against 0.6 alone is wrong.
        assert!((found.auc.unwrap() - 104.0 / 105.0).abs() < 1e-12);
        // Wrong are the real frame of 0.6 and the fake one of 0.4.
        assert!((found.acc.unwrap() - 36.0 / 38.0).abs() < 1e-12);
        let told = found.differences().join("\n");
        assert!(told.contains("38 frames") && told.contains("2 of 5 videos share"), "{told}");
        assert!(told.contains("1 videos without a face") && told.contains("8 frames beyond"), "{told}");
    }

    #[test]
    fn one_name_for_real_and_fake_is_told_and_one_class_has_no_auc() {
        let both = [video("a/1.mp4", Label::Real, &[0.1]), video("b/1.mp4", Label::Fake, &[0.9])];
        let found = BenchmarkMetrics::of(&both).unwrap();
        assert_eq!((found.mixed, found.video_auc, found.true_video_auc), (1, None, Some(1.0)));
        assert!(found.differences().iter().any(|told| told.starts_with("1 names stand for")));
        let none = BenchmarkMetrics::of(&[video("x.mp4", Label::Fake, &[])]).unwrap();
        assert_eq!((none.acc, none.auc, none.absent), (None, None, 1));
    }
}
