//! Why results cannot be compared.

use std::fmt;
use std::path::PathBuf;

/// Videos that are named before the rest is only counted.
pub(super) const NAMED: usize = 3;

/// Why results cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// Fewer than two results.
    #[error("a comparison needs two results or more")]
    TooFew,
    /// A result without videos.
    #[error("{}: no videos in this result", path.display())]
    Empty {
        /// The result.
        path: PathBuf,
    },
    /// JSON Lines of which one is none.
    #[error("{}: line {line} is not a result of one video", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// A video that a result holds twice: which of the two is meant?
    #[error("{}: {video} is in this result twice", path.display())]
    Twice {
        /// The result.
        path: PathBuf,
        /// The video.
        video: String,
    },
    /// Results of other videos.
    #[error("the results are not of the same videos: {}", listed(lacking))]
    OtherVideos {
        /// Of each result with videos that not all others have: the result, and these videos.
        lacking: Vec<OfResult>,
    },
    /// Results that say otherwise what is real.
    #[error("the labels of {} are not the same", differing.as_text())]
    OtherLabels {
        /// The videos, each with what the results say.
        differing: Counted,
    },
    /// Results that have no video in common.
    #[error("no video is in all of these results")]
    NothingCommon,
}

/// Some videos of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfResult {
    /// The result.
    pub result: PathBuf,
    /// The videos.
    pub videos: Counted,
}

/// A number of videos, of which the first are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counted {
    /// How many there are.
    pub count: usize,
    /// The first of them.
    pub first: Vec<String>,
}

impl Counted {
    /// Counts one more.
    pub(super) fn add(&mut self, video: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(video());
        }
    }

    /// `5 videos (a, b, c, …)`.
    pub fn as_text(&self) -> String {
        let more = if self.count > self.first.len() { ", …" } else { "" };
        let plural = if self.count == 1 { "" } else { "s" };
        format!("{} video{plural} ({}{more})", self.count, self.first.join(", "))
    }
}

impl fmt::Display for OfResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {}", self.result.display(), self.videos.as_text())
    }
}

fn listed(lacking: &[OfResult]) -> String {
    let of_each: Vec<String> = lacking.iter().map(OfResult::to_string).collect();
    format!("{} that not all have", of_each.join(", "))
}
