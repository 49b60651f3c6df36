//! How the reading of one video went.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the reading of one video went; `ok`, `no_face`, `unreadable` or `truncated` in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoStatus {
    /// Every wanted frame was decoded and at least one face was found.
    Ok,
    /// The frames were decoded, and none of them showed a face.
    NoFace,
    /// No frame could be decoded.
    Unreadable,
    /// The video ended before all wanted frames were decoded.
    Truncated,
}

impl fmt::Display for VideoStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VideoStatus::Ok => "ok",
            VideoStatus::NoFace => "no_face",
            VideoStatus::Unreadable => "unreadable",
            VideoStatus::Truncated => "truncated",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_is_printed() {
        for status in [VideoStatus::Ok, VideoStatus::NoFace, VideoStatus::Unreadable, VideoStatus::Truncated]
        {
            let json = serde_json::to_string(&status).unwrap();
            assert_eq!(json, format!("\"{status}\""));
        }
    }
}
