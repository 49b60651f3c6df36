//! How two results of the same files agree, number by number.

use crate::infer::InferSummary;
use crate::infer::evidence::SavedResult;
use serde::Serialize;
use serde_json::Value;

/// Results of another build of the kernels, another device or another number of faces at once are as close as this.
const CLOSE: f64 = 1e-5;
/// Differences that are told one by one.
const SHOWN: usize = 20;
/// What says where a file is, what is known of it beforehand, or in words what other entries say in numbers.
const LEFT_OUT: [&str; 9] =
    ["path", "label", "group", "source", "original", "file", "note", "remarks", "reasons"];

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The file.
    pub path: String,
    /// Which entry of its result, such as `frame_scores.3.score`.
    pub entry: String,
    /// What it was.
    pub then: String,
    /// What it is now.
    pub now: String,
}

/// How far results agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// The largest difference of two numbers, in parts of the number where that is above 1.
    pub largest: f64,
    /// Entries that differ by more than 1e-5, or in words; the first twenty.
    pub differences: Vec<Difference>,
    /// How many entries those are.
    pub different: usize,
}

impl Agreement {
    /// Whether every number and word is the same.
    pub fn is_exact(&self) -> bool {
        self.largest == 0.0 && self.different == 0
    }

    /// Whether every number is within 1e-5 and every word the same.
    pub fn is_close(&self) -> bool {
        self.different == 0
    }

    /// The answer in words.
    pub fn words(&self) -> &'static str {
        match (self.is_exact(), self.is_close()) {
            (true, _) => "the same to the last bit",
            (_, true) => "the same within 1e-5",
            _ => "not the same",
        }
    }

    fn differs(&mut self, path: &str, entry: &str, then: &Value, now: &Value) {
        self.different += 1;
        if self.differences.len() < SHOWN {
            let told = |value: &Value| if value.is_null() { "nothing".to_owned() } else { value.to_string() };
            let (path, entry) = (path.to_owned(), entry.to_owned());
            self.differences.push(Difference { path, entry, then: told(then), now: told(now) });
        }
    }

    /// Compares what was with what is. Entries that are new are not looked at: later versions tell more.
    fn add(&mut self, path: &str, entry: &str, then: &Value, now: &Value) {
        let below = |name: &str| if entry.is_empty() { name.to_owned() } else { format!("{entry}.{name}") };
        match (then, now) {
            (Value::Object(then), Value::Object(now)) => {
                for (name, value) in then {
                    self.add(path, &below(name), value, now.get(name).unwrap_or(&Value::Null));
                }
            }
            (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
                for (number, (then, now)) in then.iter().zip(now).enumerate() {
                    self.add(path, &below(&number.to_string()), then, now);
                }
            }
            (Value::Number(a), Value::Number(b)) => {
                let (a, b) = (a.as_f64().unwrap_or_default(), b.as_f64().unwrap_or_default());
                let apart = (a - b).abs() / a.abs().max(1.0);
                self.largest = self.largest.max(apart);
                if apart > CLOSE {
                    self.differs(path, entry, then, now);
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                let count = |items: &[Value]| Value::String(format!("{} entries", items.len()));
                self.differs(path, entry, &count(a), &count(b));
            }
            _ if then == now => {}
            _ => self.differs(path, entry, then, now),
        }
    }
}

/// Compares the inputs of these numbers with those that were scored again, in the same order.
pub(super) fn compare(
    saved: &SavedResult,
    numbers: &[usize],
    now: &InferSummary,
) -> serde_json::Result<Agreement> {
    let mut agreement = Agreement::default();
    for (at, &number) in numbers.iter().enumerate() {
        let then = compared(saved.json["videos"][number].clone());
        let again = match now.videos.get(at) {
            Some(video) => compared(serde_json::to_value(video)?),
            None => Value::Null,
        };
        agreement.add(&saved.videos[number].path.display().to_string(), "", &then, &again);
    }
    Ok(agreement)
}

/// What of a video's result is compared.
fn compared(mut video: Value) -> Value {
    let faceless = video["frame_scores"].as_array().is_none_or(Vec::is_empty);
    if let Some(entries) = video.as_object_mut() {
        LEFT_OUT.iter().for_each(|name| drop(entries.shift_remove(*name)));
        // Without a face the score is a neutral one in labelled sets and none elsewhere.
        if faceless {
            entries.shift_remove("score");
        }
    }
    video
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn agreement(then: Value, now: Value) -> Agreement {
        let mut agreement = Agreement::default();
        agreement.add("a.mp4", "", &compared(then), &compared(now));
        agreement
    }

    #[test]
    fn the_answer_is_exact_close_or_different() {
        let then =
            json!({"score": 0.5, "verdict": "likely_fake", "frame_scores": [{"frame": 0, "score": 0.5}]});
        assert_eq!(agreement(then.clone(), then.clone()).words(), "the same to the last bit");
        let mut near = then.clone();
        near["frame_scores"][0]["score"] = json!(0.500003);
        let found = agreement(then.clone(), near);
        assert!(found.words() == "the same within 1e-5" && (found.largest - 3e-6).abs() < 1e-12, "{found:?}");
        let mut far = then.clone();
        far["frame_scores"][0]["score"] = json!(0.6);
        far["verdict"] = json!("undecided");
        let found = agreement(then.clone(), far);
        assert_eq!((found.words(), found.different), ("not the same", 2));
        assert_eq!(found.differences[1].entry, "frame_scores.0.score");
        let mut fewer = then.clone();
        fewer["frame_scores"] = json!([]);
        fewer["score"] = json!(null);
        assert!(!agreement(then, fewer).is_close());
    }

    #[test]
    fn where_a_file_is_and_what_is_new_do_not_count() {
        let frames = json!([{"frame": 0, "score": 0.5}]);
        let then = json!({"path": "a", "reasons": ["x"], "frame_scores": frames});
        let now = json!({"path": "b", "reasons": [], "frame_scores": frames, "persons": [1]});
        assert!(agreement(then.clone(), now.clone()).is_exact());
        assert!(!agreement(now, then).is_exact());
        let neutral = json!({"score": 0.5, "faces": 0, "frame_scores": []});
        assert!(agreement(neutral, json!({"score": null, "faces": 0, "frame_scores": []})).is_exact());
    }
}
