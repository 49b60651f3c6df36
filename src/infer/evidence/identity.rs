//! Whether two runs are the same in everything that decides scores.

use super::canonical::canonical;
use super::{RunEvidence, SourceSetting};
use crate::hash::sha256;
use serde_json::{Value, json};

/// Settings that change no score, or say what was scored and not how; files of weights count by their sums.
const FREE: [&str; 8] =
    ["source", "labels", "limit", "jobs", "batch_size", "annotated", "heatmaps", "landmark_model"];

/// Digits of an identity: enough to tell the runs of one person apart.
const DIGITS: usize = 16;

impl RunEvidence {
    /// What runs with the same weights, settings and version have in common: 16 hex digits. Machines do not count: a run may
    /// be continued on another one.
    pub(in crate::infer) fn identity(&self) -> String {
        let decides = Value::Object(self.decides().into_iter().collect());
        sha256(canonical(&decides).as_bytes()).chars().take(DIGITS).collect()
    }

    /// The first thing that decides scores and that is another in another run: its name, its value here and there.
    pub(in crate::infer) fn first_difference(&self, other: &RunEvidence) -> Option<[String; 3]> {
        let told = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (ours, theirs) = (self.decides(), other.decides());
        let missing = ("", Value::Null);
        let named = |name: &str, of: &[(String, Value)]| {
            of.iter().find(|(other, _)| other == name).map_or(missing.1.clone(), |(_, value)| value.clone())
        };
        let names = ours.iter().chain(&theirs).map(|(name, _)| name);
        names.into_iter().find_map(|name| {
            let (one, another) = (named(name, &ours), named(name, &theirs));
            (one != another).then(|| [name.replace('_', " "), told(&one), told(&another)])
        })
    }

    /// Everything that decides scores, by name.
    fn decides(&self) -> Vec<(String, Value)> {
        let kind = match &self.settings.source {
            SourceSetting::Files(_) | SourceSetting::List { .. } => "files",
            SourceSetting::Packed(_) => "packed faces",
            SourceSetting::TestSet { .. } => "a test set",
            SourceSetting::BenchmarkList { .. } => "a list of crops",
        };
        let face_detector = self.face_detector.as_ref().map(|weights| &weights.sum.sha256);
        let mut decides = vec![
            ("version".to_owned(), json!(self.versions.sbi)),
            ("weights".to_owned(), json!(self.weights.sum.sha256)),
            ("face_detector_weights".to_owned(), json!(face_detector)),
            ("kind_of_input".to_owned(), json!(kind)),
        ];
        // A setting that cannot be told in JSON does not exist.
        if let Ok(Value::Object(settings)) = serde_json::to_value(&self.settings) {
            decides.extend(settings.into_iter().filter(|(name, _)| !FREE.contains(&name.as_str())));
        }
        decides
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Machine, Settings, WeightEvidence};
    use super::*;
    use crate::hash::FileSum;
    use crate::infer::{Config, InferSource};
    use crate::versions::Versions;

    fn evidence(change: impl FnOnce(&mut Config)) -> RunEvidence {
        let mut config = Config::new("w.tar".into(), InferSource::Files(vec!["a.mp4".into()]));
        change(&mut config);
        RunEvidence {
            date: "today".into(),
            folder: "/".into(),
            weights: WeightEvidence { path: "w.tar".into(), sum: FileSum { bytes: 1, sha256: "00".into() } },
            face_detector: None,
            settings: Settings::of(&config, None),
            versions: Versions::current(),
            machine: Machine { device: "cpu".into(), kernels: "any".into(), threads: 1 },
        }
    }

    #[test]
    fn what_changes_a_score_is_another_run_and_nothing_else_is() {
        let one = evidence(|_| {});
        let same = evidence(|config| {
            config.jobs = 9;
            config.batch_size = 1;
            config.source = InferSource::Files(vec!["b.mp4".into(), "c.mp4".into()]);
        });
        assert_eq!((one.identity(), one.first_difference(&same)), (same.identity(), None));
        let other = evidence(|config| config.frames = 8);
        assert_ne!(one.identity(), other.identity());
        assert_eq!(one.first_difference(&other), Some(["frames".into(), "32".into(), "8".into()]));
        let weights = RunEvidence {
            weights: WeightEvidence { path: "w.tar".into(), sum: FileSum { bytes: 1, sha256: "01".into() } },
            ..evidence(|_| {})
        };
        assert_eq!(one.first_difference(&weights).unwrap()[0], "weights");
        let set = evidence(|config| config.source = InferSource::Packed("folder".into()));
        assert_eq!(one.first_difference(&set).unwrap()[0], "kind of input");
    }
}
