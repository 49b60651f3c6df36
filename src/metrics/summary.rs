//! Everything that is reported about the scores of a test set.

use serde::{Serialize, Serializer};

use super::{Bootstrap, Error, FrameScore, Roc};
use crate::types::Label;

/// Scores at least this high count as fake where no threshold is given.
const EVEN_ODDS: f64 = 0.5;

/// A video whose label is known, with its score.
#[derive(Clone, Copy, Debug)]
pub struct ScoredVideo<'a> {
    /// Whether the video is real or fake.
    pub label: Label,
    /// Probability of a fake, 0 to 1; the neutral 0.5 if it could not be scored.
    pub score: f64,
    /// False when the score is the neutral one of a video without faces or with an error.
    pub scored: bool,
    /// Scores of its frames, none if it could not be scored.
    pub frame_scores: &'a [FrameScore],
    /// The method that made it; `None` for originals and where methods are not told apart.
    pub group: Option<&'a str>,
    /// Where it comes from, if that is known.
    pub source: Option<&'a str>,
    /// The real video that a fake was made from, by its position in the list, if that is known.
    pub original: Option<usize>,
}

/// Metrics of a test set. What is undefined (one class, no videos) is `None`, `null` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VideoMetrics {
    /// AUC over all videos, the neutral scores included.
    pub video_auc: Option<f64>,
    /// The 95 % confidence interval of `video_auc`, (low, high).
    pub video_auc_ci95: Option<(f64, f64)>,
    /// AUC over the videos that could be scored.
    pub video_auc_scored_only: Option<f64>,
    /// AUC over frames, each with the label of its video.
    pub frame_auc: Option<f64>,
    /// Average precision over all videos.
    pub ap: Option<f64>,
    /// Equal error rate over all videos.
    pub eer: Option<f64>,
    /// Share of videos on their side of 0.5, which itself counts as fake.
    pub acc: Option<f64>,
    /// Share of videos on their side of the threshold at which the error rates are nearest.
    pub acc_at_eer: Option<f64>,
    /// That threshold; not part of the JSON.
    #[serde(skip)]
    pub eer_threshold: Option<f64>,
    /// Number of real videos.
    pub real: usize,
    /// Number of fake videos.
    pub fake: usize,
    /// Number of videos with the neutral score.
    pub unscored: usize,
    /// Metrics per method, each with all originals, in order of first appearance. Left out of the
    /// JSON when there is none.
    #[serde(rename = "groups", skip_serializing_if = "Vec::is_empty", serialize_with = "as_object")]
    pub groups: Vec<(String, VideoMetrics)>,
    /// Metrics of each source with both real and fake videos, in order of first appearance: how well forgeries are told
    /// from real videos that were made alike. Left out of the JSON when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_object")]
    pub sources: Vec<(String, VideoMetrics)>,
    /// How often a fake scores above the video it was made from; none where originals are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PairMetrics>,
}

/// Fakes against the very videos that they were made from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairMetrics {
    /// Number of fakes whose original is known and scored.
    pub pairs: usize,
    /// Share of them that score above their originals; equal scores count half.
    pub above: f64,
    /// The 95 % confidence interval of `above`, (low, high), over fakes.
    pub above_ci95: Option<(f64, f64)>,
}

impl VideoMetrics {
    /// Computes all metrics of `videos`.
    ///
    /// Draws the resamples of the confidence intervals from the seed of `bootstrap`. Fails with
    /// [`Error::NotANumber`] when a score is NaN.
    pub fn of(videos: &[ScoredVideo<'_>], bootstrap: &Bootstrap) -> Result<Self, Error> {
        let mut metrics = Self::of_all(videos, bootstrap)?;
        for group in names(videos.iter().filter_map(|video| video.group)) {
            let is_member = |video: &&ScoredVideo<'_>| video.group.is_none_or(|name| name == group);
            let members: Vec<_> = videos.iter().filter(is_member).copied().collect();
            metrics.groups.push((group.to_string(), Self::of_all(&members, bootstrap)?));
        }
        for source in names(videos.iter().filter_map(|video| video.source)) {
            let members: Vec<_> =
                videos.iter().filter(|video| video.source == Some(source)).copied().collect();
            let of_source = Self::of_all(&members, bootstrap)?;
            if of_source.real > 0 && of_source.fake > 0 {
                metrics.sources.push((source.to_string(), of_source));
            }
        }
        metrics.pairs = PairMetrics::of(videos, bootstrap);
        Ok(metrics)
    }

    fn of_all(videos: &[ScoredVideo<'_>], bootstrap: &Bootstrap) -> Result<Self, Error> {
        let roc = roc_of(videos.iter().map(|video| (video.label, video.score)))?;
        let scored = videos.iter().filter(|video| video.scored);
        let scored_only = roc_of(scored.map(|video| (video.label, video.score)))?;
        let frames =
            videos.iter().flat_map(|video| video.frame_scores.iter().map(|frame| (video.label, frame.score)));
        let eer = roc.equal_error_rate();
        Ok(Self {
            video_auc: roc.auc(),
            video_auc_ci95: bootstrap.auc_ci95(&roc),
            video_auc_scored_only: scored_only.auc(),
            frame_auc: roc_of(frames)?.auc(),
            ap: roc.average_precision(),
            eer: eer.map(|eer| eer.rate),
            acc: roc.accuracy(EVEN_ODDS),
            acc_at_eer: eer.and_then(|eer| roc.accuracy(eer.threshold)),
            eer_threshold: eer.map(|eer| eer.threshold),
            real: roc.real() as usize,
            fake: roc.fake() as usize,
            unscored: videos.iter().filter(|video| !video.scored).count(),
            groups: Vec::new(),
            sources: Vec::new(),
            pairs: None,
        })
    }
}

fn roc_of(samples: impl Iterator<Item = (Label, f64)>) -> Result<Roc, Error> {
    let (labels, scores): (Vec<Label>, Vec<f64>) = samples.unzip();
    Roc::new(&labels, &scores)
}

/// Each name once, in order of first appearance.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for name in all {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

impl PairMetrics {
    /// `None` unless an original is known. Videos without a score of their own are left out.
    fn of(videos: &[ScoredVideo<'_>], bootstrap: &Bootstrap) -> Option<Self> {
        let fakes = videos.iter().filter(|video| video.label.is_fake() && video.scored);
        let above: Vec<f64> = fakes
            .filter_map(|fake| {
                let original = videos.get(fake.original?).filter(|original| original.scored)?;
                Some(match super::compare(&fake.score, &original.score) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                })
            })
            .collect();
        (!above.is_empty()).then(|| PairMetrics {
            pairs: above.len(),
            above: above.iter().sum::<f64>() / above.len() as f64,
            above_ci95: bootstrap.mean_ci95(&above),
        })
    }
}

fn as_object<S: Serializer>(groups: &[(String, VideoMetrics)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(groups.iter().map(|(name, metrics)| (name, metrics)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(score: f64) -> [FrameScore; 1] {
        [FrameScore { frame: 0, score }]
    }

    fn video(label: Label, frames: &[FrameScore]) -> ScoredVideo<'_> {
        let score = frames.first().map_or(0.5, |frame| frame.score);
        ScoredVideo {
            label,
            score,
            scored: !frames.is_empty(),
            frame_scores: frames,
            group: None,
            source: None,
            original: None,
        }
    }

    #[test]
    fn unscored_videos_are_counted_and_can_be_left_out() {
        let (low, high) = (frame(0.1), frame(0.9));
        let videos = [
            video(Label::Real, &low),
            video(Label::Real, &[]),
            video(Label::Fake, &high),
            video(Label::Fake, &[]),
        ];
        let metrics = VideoMetrics::of(&videos, &Bootstrap::default()).unwrap();
        // Of four pairs three are right and the one of two neutral scores is half right.
        assert_eq!(metrics.video_auc, Some(0.875));
        assert_eq!(metrics.video_auc_scored_only, Some(1.0));
        assert_eq!(metrics.frame_auc, Some(1.0));
        assert_eq!((metrics.real, metrics.fake, metrics.unscored), (2, 2, 2));
        assert_eq!(metrics.acc, Some(0.75));
        assert!(metrics.groups.is_empty());
    }

    #[test]
    fn groups_share_the_originals() {
        let (low, middle, high) = (frame(0.1), frame(0.5), frame(0.9));
        let fake = |frames, group| ScoredVideo { group: Some(group), ..video(Label::Fake, frames) };
        let videos = [
            video(Label::Real, &middle),
            fake(&high, "Deepfakes"),
            fake(&low, "FaceSwap"),
            fake(&high, "Deepfakes"),
        ];
        let metrics = VideoMetrics::of(&videos, &Bootstrap::default()).unwrap();
        let found: Vec<_> =
            metrics.groups.iter().map(|(name, m)| (name.as_str(), m.video_auc, m.real, m.fake)).collect();
        assert_eq!(found, [("Deepfakes", Some(1.0), 1, 2), ("FaceSwap", Some(0.0), 1, 1)]);
        let json = serde_json::to_value(&metrics).unwrap();
        assert_eq!(json["groups"]["FaceSwap"]["video_auc"], 0.0);
    }

    #[test]
    fn sources_and_pairs_compare_like_with_like() {
        let (low, middle, high) = (frame(0.1), frame(0.5), frame(0.9));
        let of = |video, source, original| ScoredVideo { source: Some(source), original, ..video };
        let videos = [
            of(video(Label::Real, &high), "phone", None),
            of(video(Label::Fake, &middle), "phone", Some(0)),
            of(video(Label::Real, &low), "studio", None),
            of(video(Label::Fake, &middle), "studio", Some(2)),
            of(video(Label::Fake, &low), "studio", Some(2)),
            of(video(Label::Fake, &[]), "studio", Some(2)),
            of(video(Label::Fake, &high), "web", None),
        ];
        let metrics = VideoMetrics::of(&videos, &Bootstrap::default()).unwrap();
        let found: Vec<_> = metrics.sources.iter().map(|(name, m)| (name.as_str(), m.real, m.fake)).collect();
        assert_eq!(found, [("phone", 1, 1), ("studio", 1, 3)]);
        assert_eq!(metrics.sources[0].1.video_auc, Some(0.0));
        let pairs = metrics.pairs.unwrap();
        // Below its original, above it, equal to it; the one without a score does not count.
        assert_eq!((pairs.pairs, pairs.above), (3, 0.5));
        let (from, to) = pairs.above_ci95.unwrap();
        assert!((0.0..0.5).contains(&from) && to > 0.5 && to <= 1.0, "{from} {to}");
    }

    #[test]
    fn what_is_undefined_is_null() {
        let high = frame(0.9);
        let metrics = VideoMetrics::of(&[video(Label::Fake, &high)], &Bootstrap::default()).unwrap();
        let json = serde_json::to_string(&metrics).unwrap();
        assert_eq!(
            json,
            "{\"video_auc\":null,\"video_auc_ci95\":null,\"video_auc_scored_only\":null,\
             \"frame_auc\":null,\"ap\":null,\"eer\":null,\"acc\":1.0,\"acc_at_eer\":null,\
             \"real\":0,\"fake\":1,\"unscored\":0}"
        );
        let nothing = VideoMetrics::of(&[], &Bootstrap::default()).unwrap();
        assert_eq!((nothing.acc, nothing.real, nothing.fake), (None, 0, 0));
    }

    #[test]
    fn nan_is_refused() {
        let wrong = frame(f64::NAN);
        let result = VideoMetrics::of(&[video(Label::Fake, &wrong)], &Bootstrap::default());
        assert_eq!(result, Err(Error::NotANumber { index: 0 }));
    }
}
