//! What a run tells beside scores: likelihood ratios of its files, and measures of a labelled set.

use super::{Judge, VideoResult};
use crate::Result;
use crate::metrics::{AnsweredVideo, Bootstrap, Calibration, LikelihoodRatios, Measures, Scale};
use crate::types::Label;

/// Gives a file with a face the likelihood ratio of its score.
pub(super) fn tell(video: &mut VideoResult, ratios: Option<&LikelihoodRatios>) {
    if let Some(ratios) = ratios.filter(|_| answers(video)) {
        video.lr = video.score.map(|score| ratios.of(score));
    }
}

/// Measures of the labelled files among `videos`.
pub(super) fn measures(
    videos: &[VideoResult],
    judge: Option<Judge>,
    ratios: Option<&LikelihoodRatios>,
) -> Result<Measures> {
    let answered: Vec<AnsweredVideo> = videos
        .iter()
        .filter(|video| answers(video))
        .filter_map(|video| {
            Some(AnsweredVideo { label: video.label?, score: video.score?, kind: video.group.as_deref() })
        })
        .collect();
    let unanswered: Vec<Label> =
        videos.iter().filter(|video| !answers(video)).filter_map(|video| video.label).collect();
    let calibration = judge.and_then(|judge| {
        // At a border of exactly 0 or 1 there is no curve.
        let inside = judge.threshold > 0.0 && judge.threshold < 1.0;
        let temperature = judge.temperature.filter(|_| inside)?;
        Some(Calibration { threshold: judge.threshold, temperature })
    });
    let scale = Scale { border: judge.map(|judge| judge.threshold), calibration, ratios };
    Ok(Measures::of(&answered, &unanswered, scale, &Bootstrap::default())?)
}

/// Whether its score is its own, and not the neutral one of a video without a face.
fn answers(video: &VideoResult) -> bool {
    !video.frame_scores.is_empty()
}
