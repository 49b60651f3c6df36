//! How results were made, side by side: a difference between two AUCs is one between detectors only where nothing else differs.

use super::read::ReadResult;
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// Entries of a result's settings that stand under another name here, or change no score.
const LEFT_OUT: [&str; 11] = [
    "source",
    "labels",
    "frames",
    "face_detector",
    "batch_size",
    "jobs",
    "limits",
    "threshold",
    "annotated",
    "heatmaps",
    "crop",
];

/// What was not asked for.
const NONE: &str = "none";

/// One thing that scores depend on, in each result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingComparison {
    /// Its name.
    pub what: String,
    /// What each result says of it; `None` where it says nothing.
    pub values: Vec<Option<String>>,
    /// Whether all results say the same.
    pub same: bool,
    /// Whether some result does not say; then those that do may agree.
    pub unknown: bool,
    /// Whether it is what detectors are compared for: their weights, networks and borders.
    pub of_detector: bool,
}

/// What one result says.
struct Said {
    what: String,
    of_detector: bool,
    /// What is shown, and what is compared.
    value: Option<(String, String)>,
}

/// Everything that any of the results says about how it was made; what differs comes first.
pub(super) fn settings(results: &[ReadResult]) -> Vec<SettingComparison> {
    let keys = keys_of_settings(results);
    let said: Vec<Vec<Said>> = results.iter().map(|result| said_by(result, &keys)).collect();
    let mut names: Vec<(&str, bool)> = Vec::new();
    for said in said.iter().flatten().filter(|said| said.value.is_some()) {
        if !names.iter().any(|(name, _)| *name == said.what) {
            names.push((&said.what, said.of_detector));
        }
    }
    let compared = |(what, of_detector): (&str, bool)| {
        let of = |said: &Vec<Said>| said.iter().find(|said| said.what == what)?.value.clone();
        let values: Vec<Option<(String, String)>> = said.iter().map(of).collect();
        let key = |value: &Option<(String, String)>| value.as_ref().map(|value| value.1.clone());
        let same = values.iter().all(|value| key(value) == key(&values[0]));
        let unknown = values.iter().any(Option::is_none);
        let values = values.into_iter().map(|value| value.map(|value| value.0)).collect();
        SettingComparison { what: what.to_owned(), values, same, unknown, of_detector }
    };
    let all_none = |setting: &SettingComparison| setting.values.iter().flatten().all(|value| value == NONE);
    let mut settings: Vec<SettingComparison> =
        names.into_iter().map(compared).filter(|setting| !all_none(setting)).collect();
    settings.sort_by_key(|setting| (setting.same, !setting.of_detector));
    settings
}

impl SettingComparison {
    /// Whether two results say otherwise, and not only one nothing.
    pub fn differs(&self) -> bool {
        let mut said = self.values.iter().flatten();
        let first = said.next();
        !self.same && said.any(|value| Some(value) != first)
    }
}

/// All keys of the settings of these results, each once.
fn keys_of_settings(results: &[ReadResult]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for result in results {
        if let Some(Value::Object(settings)) = result.value(&["evidence", "settings"]) {
            for key in settings.keys() {
                if !LEFT_OUT.contains(&key.as_str()) && !keys.contains(key) {
                    keys.push(key.clone());
                }
            }
        }
    }
    keys
}

fn said_by(result: &ReadResult, keys: &[String]) -> Vec<Said> {
    let mut all = Vec::new();
    let mut say = |what: &str, of_detector: bool, value: Option<(String, String)>| {
        all.push(Said { what: what.to_owned(), of_detector, value });
    };
    let plain = |keys: &[&str]| result.value(keys).map(|value| (told(value), value.to_string()));
    let first = |a: &[&str], b: &[&str]| plain(a).or_else(|| plain(b));

    let name = result.text(&["weights"]).map(file_name);
    let sum = result.text(&["evidence", "weights", "sha256"]);
    say("weights", true, named(name, sum));
    let network = result.text(&["backbone"]).map(|backbone| {
        let method = result.text(&["model"]).unwrap_or_default();
        same(format!("{method} {backbone}").trim_start().to_owned())
    });
    say("network", true, network);
    say("border", true, plain(&["decision", "threshold"]));
    say("temperature", true, plain(&["decision", "temperature"]));
    say("likelihood ratios", true, plain(&["likelihood_ratios", "log10_bounds"]));

    say("test set", false, plain(&["dataset"]));
    say("compression", false, plain(&["compression"]));
    say("frames per video", false, first(&["protocol", "frames"], &["evidence", "settings", "frames"]));
    let of_run = result.text(&["evidence", "face_detector", "sha256"]);
    let of_protocol = result.text(&["protocol", "face_detector_weights"]);
    say("face detector", false, named(result.text(&["detector"]), of_run.or(of_protocol)));
    say("crop", false, first(&["protocol", "crop"], &["evidence", "settings", "crop"]));
    say("rule", false, plain(&["protocol", "rule"]));
    if let Some(settings) = result.value(&["evidence", "settings"]) {
        // The rule of the protocol says in words what views are.
        let in_words = |key: &str| key == "views" && result.value(&["protocol", "rule"]).is_some();
        for key in keys.iter().filter(|key| !in_words(key)) {
            // What was not asked for is left out, or null.
            let value = settings.get(key).filter(|value| !value.is_null());
            say(&key.replace('_', " "), false, Some(same(value.map_or_else(|| NONE.to_owned(), told))));
        }
    }
    say("sbi", false, first(&["evidence", "versions", "sbi"], &["version"]));
    say("libtorch", false, plain(&["evidence", "versions", "libtorch"]));
    say("opencv", false, plain(&["evidence", "versions", "opencv"]));
    say("device", false, plain(&["evidence", "machine", "device"]));
    say("kernels", false, plain(&["evidence", "machine", "kernels"]));
    say("interrupted", false, plain(&["interrupted"]));
    all
}

/// A value as people read it.
fn told(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        // All digits are compared; so many are enough to be read.
        Value::Number(number) if number.is_f64() => format!("{:.4}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

/// Shown as it is compared.
fn same(text: String) -> (String, String) {
    (text.clone(), text)
}

/// A weight file by its content where that is known, or else by its name.
fn named(name: Option<&str>, sum: Option<&str>) -> Option<(String, String)> {
    // So many digits tell files of one person apart.
    let short = |sum: &str| sum.chars().take(12).collect::<String>();
    match (name, sum) {
        (Some(name), Some(sum)) => Some((format!("{name} ({})", short(sum)), sum.to_owned())),
        (None, Some(sum)) => Some((short(sum), sum.to_owned())),
        (Some(name), None) => Some(same(name.to_owned())),
        (None, None) => None,
    }
}

fn file_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::result;
    use super::*;
    use serde_json::json;

    fn of(weights: &str, sum: &str, frames: usize, views: Value) -> ReadResult {
        let evidence = json!({
            "weights": {"path": weights, "sha256": sum},
            "settings": {"frames": frames, "half": false, "jobs": frames, "max_size": null, "views": views},
            "versions": {"sbi": "0.1.0"},
        });
        let json = json!({"videos": [], "weights": weights, "dataset": "CDF", "evidence": evidence});
        result("r.json", json)
    }

    fn differing(settings: &[SettingComparison]) -> Vec<&str> {
        settings.iter().filter(|setting| !setting.same).map(|setting| setting.what.as_str()).collect()
    }

    #[test]
    fn weights_are_told_by_their_content_and_what_differs_comes_first() {
        let (a, b) =
            (of("x/one.tar", "abc", 32, Value::Null), of("y/two.tar", "abc", 8, json!({"mirrored": true})));
        let found = settings(&[a.clone(), b]);
        assert_eq!(differing(&found), ["frames per video", "views"]);
        assert_eq!(found[0].values, [Some("32".to_owned()), Some("8".to_owned())]);
        assert_eq!(found[1].values[0].as_deref(), Some("none"), "nothing was asked for there");
        assert!(found[..2].iter().all(|setting| setting.differs() && !setting.unknown));
        let weights = found.iter().find(|setting| setting.what == "weights").unwrap();
        assert_eq!(weights.values[1].as_deref(), Some("two.tar (abc)"));
        assert!(!found.iter().any(|setting| setting.what == "jobs" || setting.what == "max size"));
        let other = settings(&[a, of("x/one.tar", "def", 32, Value::Null)]);
        assert_eq!(differing(&other), ["weights"]);
        assert!(other[0].of_detector);
    }

    #[test]
    fn a_result_that_says_nothing_differs_from_one_that_does() {
        let lines = result("r.jsonl", json!({"videos": []}));
        let found = settings(&[of("w.tar", "abc", 32, Value::Null), lines.clone()]);
        let silent = |setting: &SettingComparison| !setting.same && setting.unknown && !setting.differs();
        assert!(found.iter().all(silent), "{found:?}");
        assert!(settings(&[lines.clone(), lines]).is_empty());
    }
}
