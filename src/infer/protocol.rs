//! The protocol line of a labelled result: what a number has to be told with so that others can get it, too.
//!
//! Most figures of this field that nobody gets again differ in one of these.

use super::evidence::RunEvidence;
use super::input::{FacesFrom, Inputs};
use super::{Config, InferSource, NEUTRAL_SCORE, VideoResult};
use crate::datasets::{Compression, TestSet};
use crate::face::{BENCHMARK_CROPPER, BENCHMARK_SIDE, FaceDetectorConfig, RetinaFaceBody};
use crate::metrics::OverFrames;
use crate::model::Views;
use crate::types::FACE_SIDE;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How a labelled set was scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// All of it in one line, to be copied into a report.
    pub line: String,
    /// What metrics are counted in.
    pub level: Cow<'static, str>,
    /// How scores of faces became that of a video.
    pub rule: String,
    /// Frames per video that were wanted; none where packed faces do not tell.
    pub frames: Option<usize>,
    /// Compression of the videos, where the set has several.
    pub compression: Option<String>,
    /// The face detector's name, where known.
    pub face_detector: Option<String>,
    /// SHA-256 of its weights; of packed faces what their manifest says.
    pub face_detector_weights: Option<String>,
    /// How faces were cut out.
    pub crop: String,
    /// Number of videos.
    pub videos: usize,
    /// How many of them gave no face.
    pub without_face: usize,
    /// The score that those count as.
    pub without_face_count_as: f64,
    /// SHA-256 of the forgery detector's weights.
    pub weights: Option<String>,
    /// What published figures of this set are of, where that is another thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// How a video's score comes about. The detector's views are named where they are not those of published weights.
fn rule(views: Views) -> String {
    let over_frames = match views.over_frames {
        OverFrames::Mean => "mean over frames of the highest face",
        OverFrames::LogOdds => "mean over frames of the log odds of the highest face",
    };
    let mirrored = if views.mirrored { ", mirrored too" } else { "" };
    let control = |share: f64, kind: &str| match share {
        0.0 => String::new(),
        share => format!(", {share} of the {kind} control's log odds taken off"),
    };
    let (inner, outer) = (control(views.inner_control, "inner"), control(views.outer_control, "outer"));
    format!("{over_frames}{mirrored}{inner}{outer}")
}

/// In what frames faces are looked for first, where that is not as published.
fn first_look(config: &Config, face_detector: Option<&str>) -> String {
    let FaceDetectorConfig { quick, max_size, .. } = &config.face_detector;
    let is_quick = max_size.is_none() && face_detector == Some(RetinaFaceBody::MobileNet025.name());
    let quick = quick.filter(|_| is_quick);
    quick.map_or(String::new(), |side| format!("large ones in frames of {side} px, "))
}

impl Protocol {
    pub(super) fn of(
        config: &Config,
        inputs: &Inputs,
        (views, face_detector): (Views, Option<&str>),
        evidence: Option<&RunEvidence>,
        videos: &[VideoResult],
    ) -> Protocol {
        let packed = inputs.packed.as_ref();
        let from_arrays = matches!(inputs.faces_from, FacesFrom::Packed(_));
        let frames = match from_arrays {
            true => packed.map(|packed| packed.frames as usize),
            false => Some(config.frames),
        };
        let of_run = evidence.and_then(|evidence| evidence.face_detector.as_ref());
        let face_detector_weights = of_run
            .map(|weights| weights.sum.sha256.clone())
            .or_else(|| packed.map(|packed| packed.detector_weights.clone()));
        let mut protocol = Protocol {
            line: String::new(),
            level: "video".into(),
            rule: rule(views),
            frames,
            compression: inputs.compression.clone(),
            face_detector: face_detector.map(str::to_owned),
            face_detector_weights,
            crop: match (&inputs.faces_from, face_detector) {
                (FacesFrom::Crops(_), _) => "crops that the list names".to_owned(),
                (_, Some(BENCHMARK_CROPPER)) => {
                    format!("faces aligned as DeepfakeBench does, {BENCHMARK_SIDE} px")
                }
                _ => format!(
                    "{}boxes widened by an eighth on each side, {FACE_SIDE} px",
                    first_look(config, face_detector)
                ),
            },
            videos: videos.len(),
            without_face: videos.iter().filter(|video| video.frame_scores.is_empty()).count(),
            without_face_count_as: NEUTRAL_SCORE,
            weights: evidence.map(|evidence| evidence.weights.sum.sha256.clone()),
            remark: remark(config, inputs),
        };
        protocol.line = protocol.told();
        protocol
    }

    /// The same of all parts of a set together.
    pub(super) fn over(self, videos: &[VideoResult]) -> Protocol {
        let without_face = videos.iter().filter(|video| video.frame_scores.is_empty()).count();
        let mut protocol = Protocol { videos: videos.len(), without_face, ..self };
        protocol.line = protocol.told();
        protocol
    }

    fn told(&self) -> String {
        // So many digits tell files of one person apart; the JSON has all.
        let short = |sum: &String| sum.chars().take(12).collect::<String>();
        let unknown = || "unknown".to_owned();
        let frames = match self.frames {
            None => "an unknown number of frames".to_owned(),
            Some(1) => "1 frame".to_owned(),
            Some(frames) => format!("{frames} frames"),
        };
        let compression = self.compression.as_ref().map_or(String::new(), |level| format!("{level}, "));
        let weights_of = |sum: &Option<String>| sum.as_ref().map_or_else(unknown, short);
        format!(
            "{} level, {}, {frames} per video, {compression}faces by {} (weights {}), {}, {} of {} videos without a \
             face counted as {}, weights {}",
            self.level,
            self.rule,
            self.face_detector.clone().unwrap_or_else(unknown),
            weights_of(&self.face_detector_weights),
            self.crop,
            self.without_face,
            self.videos,
            self.without_face_count_as,
            weights_of(&self.weights),
        )
    }
}

fn remark(config: &Config, inputs: &Inputs) -> Option<String> {
    let InferSource::TestSet { set: TestSet::Dfd, .. } = config.source else { return None };
    let level = inputs.compression.as_deref().filter(|level| *level != Compression::Raw.as_str())?;
    Some(format!(
        "the figure published with SBI for DFD is of raw videos; these are {level}, on which its weights give an AUC of about \
         0.88 instead of 0.98"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(set: TestSet, compression: Compression) -> Protocol {
        let source =
            InferSource::TestSet { set, data_root: "data".into(), compression, allow_missing: false };
        let config = Config::new("w.tar".into(), source);
        let inputs = Inputs {
            items: Vec::new(),
            faces_from: FacesFrom::Files,
            dataset: Some(set.to_string()),
            compression: Some(compression.to_string()),
            face_detector: None,
            packed: None,
            labelled: true,
            notes: Vec::new(),
        };
        Protocol::of(&config, &inputs, (Views::default(), Some("retinaface-r50")), None, &[])
    }

    #[test]
    fn the_line_names_what_numbers_depend_on() {
        let line = protocol(TestSet::Dfd, Compression::C23).line;
        for part in [
            "video level",
            "mean over frames of the highest face,",
            "32 frames",
            "c23",
            "retinaface-r50",
            "380 px",
            "counted as 0.5",
            "weights",
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }

    #[test]
    fn views_that_published_scores_do_not_have_are_named() {
        let views = Views {
            mirrored: true,
            inner_control: 0.4,
            outer_control: 0.3,
            over_frames: OverFrames::LogOdds,
        };
        assert_eq!(
            rule(views),
            "mean over frames of the log odds of the highest face, mirrored too, 0.4 of the inner control's log odds taken off, 0.3 of the outer control's log odds taken off"
        );
    }

    #[test]
    fn a_first_look_in_small_frames_is_named() {
        let config = Config::new("w.tar".into(), InferSource::Files(Vec::new()));
        let quick =
            Config::with_faces(config.weights.clone(), config.source.clone(), FaceDetectorConfig::default());
        let small = Some("retinaface-mnet");
        assert!(first_look(&quick, small).contains("640 px"));
        assert_eq!(first_look(&config, small), "");
        assert_eq!(first_look(&quick, Some("retinaface-r50")), "");
    }

    #[test]
    fn what_was_published_of_other_copies_is_said() {
        assert!(protocol(TestSet::Dfd, Compression::C23).remark.unwrap().contains("raw"));
        assert_eq!(protocol(TestSet::Dfd, Compression::Raw).remark, None);
        assert_eq!(protocol(TestSet::Ff(None), Compression::C23).remark, None);
    }
}
