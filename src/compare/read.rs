//! Results that `infer` wrote, or that something else wrote in the same form, read back.

use super::error::CompareError;
use crate::infer::evidence::{ResultFileError, SavedResult, SavedSum, Seal};
use crate::infer::{NEUTRAL_SCORE, Verdict};
use crate::types::Label;
use crate::{Error, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The border of results that tell none, as in *accuracy at 0.5*.
const USUAL_BORDER: f64 = 0.5;

/// One video of a result.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ReadVideo {
    pub path: String,
    pub label: Option<Label>,
    pub group: Option<String>,
    pub source: Option<String>,
    pub score: Option<f64>,
    #[serde(rename = "verdict")]
    verdict_name: Option<String>,
    frame_scores: Option<Vec<IgnoredAny>>,
    file: Option<SavedSum>,
}

impl ReadVideo {
    /// Whether it has a score of its own, and not the neutral one of a video without a face.
    pub fn answers(&self) -> bool {
        self.score.is_some() && self.frame_scores.as_ref().is_none_or(|frames| !frames.is_empty())
    }

    /// The score that it counts with.
    pub fn counted(&self) -> f64 {
        self.score.unwrap_or(NEUTRAL_SCORE)
    }

    /// Its verdict, also under the name that one had in earlier versions.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.verdict_name.as_deref()? {
            "likely_fake" => Some(Verdict::LikelyFake),
            "no_trace_found" | "likely_real" => Some(Verdict::NoTraceFound),
            "undecided" => Some(Verdict::Undecided),
            _ => None,
        }
    }

    /// Its SHA-256 sum, where it was read.
    pub fn sha256(&self) -> Option<&str> {
        self.file.as_ref()?.sha256.as_deref()
    }
}

/// A result.
#[derive(Clone, Debug)]
pub(super) struct ReadResult {
    pub path: PathBuf,
    pub seal: Seal,
    pub videos: Vec<ReadVideo>,
    /// All of it; null for JSON Lines, which tell of videos only.
    pub json: Value,
}

#[derive(Deserialize)]
struct Parts {
    videos: Vec<ReadVideo>,
}

impl ReadResult {
    /// Reads the JSON or the JSON Lines of a result.
    ///
    /// Fails when the file cannot be read, is neither, was altered since it was written, or has no videos.
    pub fn read(path: &Path) -> Result<ReadResult> {
        let result = match SavedResult::read(path) {
            Ok(saved) => ReadResult::of_json(saved)?,
            Err(error @ ResultFileError::NoResult { .. }) => match of_lines(path)? {
                Some(result) => result,
                None => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        match result.videos.is_empty() {
            true => Err(CompareError::Empty { path: path.to_owned() }.into()),
            false => Ok(result),
        }
    }

    fn of_json(saved: SavedResult) -> Result<ReadResult> {
        let path = saved.path;
        match (saved.seal, &saved.evidence) {
            // What has evidence was written with a checksum.
            (Seal::Altered, _) | (Seal::Missing, Some(_)) => {
                return Err(ResultFileError::Altered { path }.into());
            }
            _ => {}
        }
        match Parts::deserialize(&saved.json) {
            Ok(Parts { videos }) => Ok(ReadResult { path, seal: saved.seal, videos, json: saved.json }),
            Err(cause) => Err(ResultFileError::NoResult { path, cause }.into()),
        }
    }

    /// The score from which a video is called fake, and whether the result tells it.
    pub fn border(&self) -> (f64, bool) {
        match self.json["decision"]["threshold"].as_f64() {
            Some(border) => (border, true),
            None => (USUAL_BORDER, false),
        }
    }

    /// A text in the JSON, under keys from the top.
    pub fn text(&self, keys: &[&str]) -> Option<&str> {
        self.value(keys)?.as_str()
    }

    /// A value in the JSON that is not null, under keys from the top.
    pub fn value(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().try_fold(&self.json, |value, key| value.get(key)).filter(|value| !value.is_null())
    }
}

/// A result of a line per video; `None` for what is none from its first line on.
fn of_lines(path: &Path) -> Result<Option<ReadResult>, Error> {
    let bytes = std::fs::read(path).map_err(crate::file_error::FileError::of(path))?;
    let mut videos = Vec::new();
    let lines = bytes.split(|&byte| byte == b'\n').enumerate();
    for (at, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        match serde_json::from_slice(line) {
            Ok(video) => videos.push(video),
            Err(_) if videos.is_empty() => return Ok(None),
            Err(cause) => {
                return Err(CompareError::Line { path: path.to_owned(), line: at + 1, cause }.into());
            }
        }
    }
    let result = ReadResult { path: path.to_owned(), seal: Seal::Missing, videos, json: Value::Null };
    Ok((!result.videos.is_empty()).then_some(result))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// A result with these entries.
    pub(in super::super) fn result(name: &str, json: Value) -> ReadResult {
        let Parts { videos } = Parts::deserialize(&json).unwrap();
        ReadResult { path: name.into(), seal: Seal::Missing, videos, json }
    }

    #[test]
    fn a_video_without_a_face_counts_as_one_half_and_old_verdicts_are_known() {
        let videos = json!([
            {"path": "a", "score": 0.5, "frame_scores": []},
            {"path": "b", "score": null, "frame_scores": []},
            {"path": "c", "score": 0.2, "frame_scores": [{"frame": 0, "score": 0.2}], "verdict": "likely_real"},
            {"path": "d", "score": 0.9, "verdict": "likely_fake"},
        ]);
        let found = result("r.json", json!({"videos": videos, "decision": {"threshold": 0.3}}));
        let told: Vec<(bool, f64)> =
            found.videos.iter().map(|video| (video.answers(), video.counted())).collect();
        assert_eq!(told, [(false, 0.5), (false, 0.5), (true, 0.2), (true, 0.9)]);
        let verdicts: Vec<_> = found.videos.iter().map(ReadVideo::verdict).collect();
        assert_eq!(verdicts, [None, None, Some(Verdict::NoTraceFound), Some(Verdict::LikelyFake)]);
        assert_eq!(found.border(), (0.3, true));
        assert_eq!(result("r.json", json!({"videos": []})).border(), (0.5, false));
    }

    #[test]
    fn lines_are_read_and_half_a_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            ReadResult::read(&path).map(|result| result.videos.len()).map_err(|error| error.to_string())
        };
        let lines = "{\"path\": \"a\", \"score\": 0.5}\n\n{\"path\": \"b\", \"score\": 0.25}\n";
        assert_eq!(read(lines), Ok(2));
        assert!(read(&lines[..lines.len() - 5]).unwrap_err().contains("line 3 is not a result of one video"));
        for other in ["", "text", "[1, 2]", "{\"rows\": []}"] {
            assert!(read(other).unwrap_err().contains("not a result of scoring"), "{other}");
        }
        assert!(read("{\"videos\": []}").unwrap_err().contains("no videos"));
        let sealed =
            crate::infer::evidence::sealed(&json!({"videos": [{"path": "a", "score": 0.5}]})).unwrap();
        assert_eq!(read(&sealed.to_string()), Ok(1));
        assert!(read(&sealed.to_string().replace("0.5", "0.6")).unwrap_err().contains("altered"));
    }
}
