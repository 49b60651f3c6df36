//! From the scores of faces to the score of a video.

use serde::{Deserialize, Serialize};

use super::Error;

/// The score of one frame: that of its most suspicious face.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameScore {
    /// Index of the frame in its video.
    pub frame: i64,
    /// Probability of a fake, 0 to 1.
    pub score: f64,
}

/// How the scores of frames become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverFrames {
    /// Their mean, as published.
    #[default]
    Mean,
    /// The score whose log odds are the mean of theirs: frames that are sure count as much as they are sure.
    LogOdds,
}

impl OverFrames {
    /// The score of all, 0 to 1; 0 of none.
    pub fn of(self, scores: impl ExactSizeIterator<Item = f64>) -> f64 {
        /// Scores are kept this far from 0 and 1, where log odds end.
        const EDGE: f64 = 1e-7;
        let count = scores.len().max(1) as f64;
        match self {
            OverFrames::Mean => scores.sum::<f64>() / count,
            OverFrames::LogOdds => {
                let log_odds = |score: f64| {
                    let score = score.clamp(EDGE, 1.0 - EDGE);
                    (score / (1.0 - score)).ln()
                };
                match scores.len() {
                    0 => 0.0,
                    _ => 1.0 / (1.0 + (-scores.map(log_odds).sum::<f64>() / count).exp()),
                }
            }
        }
    }
}

/// The score of a video, and of each of its frames with a face.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoScore {
    /// All frame scores as one, 0 to 1.
    pub score: f64,
    /// One entry per run of neighbouring equal frame indices, in their order.
    pub frames: Vec<FrameScore>,
}

/// Joins the scores of a video's faces: the maximum over each run of neighbouring faces with equal
/// frame index, then the mean over the runs, in double precision.
///
/// `face_scores`: probability of a fake for each face, 0 to 1, as the network gives it.
/// `frame_indices`: the frame of each face. An index that comes back after another one starts a new
/// run, as in the published evaluation. `None` for a video without faces.
///
/// Fails with [`Error::Lengths`] when there is not one index per score, with [`Error::NotANumber`]
/// when a score is NaN.
///
/// ```
/// use sbi::metrics::video_score;
/// let video = video_score(&[0.25, 0.75, 0.5], &[0, 0, 9])?.expect("three faces");
/// assert_eq!(video.score, 0.625);
/// assert_eq!(video.frames.len(), 2);
/// # Ok::<(), sbi::metrics::Error>(())
/// ```
pub fn video_score(face_scores: &[f32], frame_indices: &[i64]) -> Result<Option<VideoScore>, Error> {
    video_score_over(face_scores, frame_indices, OverFrames::Mean)
}

/// [`video_score`] with another way from frames to the video.
pub fn video_score_over(
    face_scores: &[f32],
    frame_indices: &[i64],
    over_frames: OverFrames,
) -> Result<Option<VideoScore>, Error> {
    if face_scores.len() != frame_indices.len() {
        let (scores, others) = (face_scores.len(), frame_indices.len());
        return Err(Error::Lengths { scores, what: "frame indices", others });
    }
    let mut frames: Vec<FrameScore> = Vec::new();
    for (index, (&score, &frame)) in face_scores.iter().zip(frame_indices).enumerate() {
        if score.is_nan() {
            return Err(Error::NotANumber { index });
        }
        let score = f64::from(score);
        match frames.last_mut() {
            Some(last) if last.frame == frame => last.score = last.score.max(score),
            _ => frames.push(FrameScore { frame, score }),
        }
    }
    if frames.is_empty() {
        return Ok(None);
    }
    let score = over_frames.of(frames.iter().map(|frame| frame.score));
    Ok(Some(VideoScore { score, frames }))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Numbers that the reference implementation printed for one seed.
    pub(in super::super) fn vectors(seed: &str) -> serde_json::Value {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let text = std::fs::read_to_string(folder.join(seed).join("scoring.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn log_odds_are_averaged_and_ends_are_no_abyss() {
        let of = |scores: &[f64]| OverFrames::LogOdds.of(scores.iter().copied());
        assert!((of(&[0.2, 0.8]) - 0.5).abs() < 1e-12);
        assert!((of(&[0.7; 5]) - 0.7).abs() < 1e-12);
        assert!(of(&[0.5, 0.999]) > 0.95, "a sure frame counts for more than in the mean");
        assert!((of(&[0.0, 1.0]) - 0.5).abs() < 1e-9);
        assert_eq!(of(&[]), 0.0);
    }

    #[test]
    fn agrees_with_the_reference() {
        for seed in ["seed1", "seed2"] {
            for video in vectors(seed)["videos"].as_array().unwrap() {
                let scores: Vec<f32> = serde_json::from_value(video["prob_fake"].clone()).unwrap();
                let frames: Vec<i64> = serde_json::from_value(video["frames"].clone()).unwrap();
                let found = video_score(&scores, &frames).unwrap().unwrap().score;
                // The reference is rounded to nine digits.
                assert!((found - video["score"].as_f64().unwrap()).abs() <= 5e-10, "{video}: {found}");
            }
        }
    }

    #[test]
    fn an_index_that_comes_back_is_another_frame() {
        let video = video_score(&[0.5, 1.0, 0.0], &[4, 7, 4]).unwrap().unwrap();
        assert_eq!(video.frames.iter().map(|f| f.frame).collect::<Vec<_>>(), [4, 7, 4]);
        assert_eq!(video.score, 0.5);
    }

    #[test]
    fn no_faces_no_score() {
        assert_eq!(video_score(&[], &[]).unwrap(), None);
    }

    #[test]
    fn refuses_nan_and_unequal_lengths() {
        assert_eq!(video_score(&[f32::NAN], &[0]), Err(Error::NotANumber { index: 0 }));
        let error = video_score(&[0.5], &[]).unwrap_err().to_string();
        assert_eq!(error, "1 scores, but 0 frame indices");
    }
}
