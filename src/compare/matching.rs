//! Which videos of several results are the same.
//!
//! Videos are told by their paths. Where paths are not the same, by what of a path is below the folder that all of a result
//! share, without the name of the compression, so that copies elsewhere and of another level are found. Where that does not
//! do either, by their checksums.

use super::error::{CompareError, Counted, OfResult};
use super::read::ReadResult;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// By what videos were found to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// By their paths.
    Path,
    /// By their paths below the folder that all videos of a result share.
    PathBelow,
    /// By their SHA-256 sums.
    Checksum,
}

impl MatchedBy {
    const ALL: [MatchedBy; 3] = [MatchedBy::Path, MatchedBy::PathBelow, MatchedBy::Checksum];

    /// For people: `by their paths`.
    pub fn words(self) -> &'static str {
        match self {
            MatchedBy::Path => "by their paths",
            MatchedBy::PathBelow => "by their paths below the folder of each result",
            MatchedBy::Checksum => "by their checksums",
        }
    }

    /// A key for each video of a result; `None` where a video has none.
    fn keys(self, result: &ReadResult) -> Option<Vec<String>> {
        let videos = &result.videos;
        match self {
            MatchedBy::Path => Some(videos.iter().map(|video| parts(&video.path).join("/")).collect()),
            MatchedBy::PathBelow => Some(below_common(result)),
            MatchedBy::Checksum => videos.iter().map(|video| video.sha256().map(str::to_owned)).collect(),
        }
    }
}

/// The names of a path, without what says nothing.
fn parts(path: &str) -> Vec<String> {
    let component = |component: Component| match component {
        Component::CurDir => None,
        Component::RootDir => Some(String::new()),
        other => Some(other.as_os_str().to_string_lossy().into_owned()),
    };
    Path::new(path).components().filter_map(component).collect()
}

fn below_common(result: &ReadResult) -> Vec<String> {
    let paths: Vec<Vec<String>> = result.videos.iter().map(|video| parts(&video.path)).collect();
    let mut shared = paths.first().map_or(0, Vec::len);
    for path in &paths {
        let same = path.iter().zip(&paths[0]).take_while(|(a, b)| a == b).count();
        // The last name is the video's own.
        shared = shared.min(same).min(path.len().saturating_sub(1));
    }
    let compression = result.text(&["compression"]);
    let below = |path: &Vec<String>| {
        let names = path[shared..].iter().map(String::as_str).filter(|name| Some(*name) != compression);
        names.collect::<Vec<_>>().join("/")
    };
    paths.iter().map(below).collect()
}

/// The videos that all results have.
#[derive(Clone, Debug)]
pub(super) struct Matched {
    pub by: MatchedBy,
    /// Of each video its position in each result; in the order of their keys, whatever that of the results.
    pub videos: Vec<Vec<usize>>,
    /// Of each result what not all others have.
    pub lacking: Vec<Counted>,
}

/// Finds the videos that all results have, in the first way that finds all, or else in the one that finds most.
///
/// Fails when a result holds a video twice, and when there is none in all.
pub(super) fn matched(results: &[ReadResult]) -> Result<Matched, CompareError> {
    let mut best: Option<Matched> = None;
    for by in MatchedBy::ALL {
        let Some(found) = matched_by(by, results) else { continue };
        if found.lacking.iter().all(|lacking| lacking.count == 0) {
            return Ok(found);
        }
        if best.as_ref().is_none_or(|best| found.videos.len() > best.videos.len()) {
            best = Some(found);
        }
    }
    match best {
        None => Err(twice(results)),
        Some(best) if best.videos.is_empty() => Err(CompareError::NothingCommon),
        Some(best) => Ok(best),
    }
}

/// `None` where a video has no key or shares it with another one of its result.
fn matched_by(by: MatchedBy, results: &[ReadResult]) -> Option<Matched> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut keys_of: Vec<Vec<String>> = Vec::new();
    for (number, result) in results.iter().enumerate() {
        let keys = by.keys(result)?;
        let mut own: Vec<&String> = keys.iter().collect();
        own.sort_unstable();
        if own.windows(2).any(|two| two[0] == two[1]) {
            return None;
        }
        for (at, key) in keys.iter().enumerate() {
            let found = places.entry(key.clone()).or_default();
            // Only what all results before had can be in all.
            if found.len() == number {
                found.push(at);
            }
        }
        keys_of.push(keys);
    }
    let in_all = |key: &String| places.get(key).is_some_and(|places| places.len() == results.len());
    let lacking = |(result, keys): (&ReadResult, &Vec<String>)| {
        let mut lacking = Counted::default();
        for (video, _) in result.videos.iter().zip(keys).filter(|(_, key)| !in_all(key)) {
            lacking.add(|| video.path.clone());
        }
        lacking
    };
    let lacking = results.iter().zip(&keys_of).map(lacking).collect();
    let videos = places.values().filter(|places| places.len() == results.len()).cloned().collect();
    Some(Matched { by, videos, lacking })
}

fn twice(results: &[ReadResult]) -> CompareError {
    for result in results {
        let mut seen = std::collections::BTreeSet::new();
        if let Some(video) = result.videos.iter().find(|video| !seen.insert(&video.path)) {
            return CompareError::Twice { path: result.path.clone(), video: video.path.clone() };
        }
    }
    CompareError::NothingCommon
}

impl Matched {
    /// That the results are of other videos; `None` where they are not.
    pub fn other_videos(&self, results: &[ReadResult]) -> Option<CompareError> {
        let of_result = |(result, videos): (&ReadResult, &Counted)| OfResult {
            result: result.path.clone(),
            videos: videos.clone(),
        };
        let lacking: Vec<OfResult> = results
            .iter()
            .zip(&self.lacking)
            .filter(|(_, lacking)| lacking.count > 0)
            .map(of_result)
            .collect();
        (!lacking.is_empty()).then_some(CompareError::OtherVideos { lacking })
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::result;
    use super::*;
    use serde_json::{Value, json};

    fn of(name: &str, paths: &[&str]) -> ReadResult {
        let video = |path: &&str| json!({"path": path, "score": 0.5, "file": {"sha256": sum(path)}});
        result(name, json!({"videos": paths.iter().map(video).collect::<Vec<Value>>()}))
    }

    /// As if the content were the file's name.
    fn sum(path: &str) -> String {
        crate::hash::sha256(path.rsplit('/').next().unwrap_or(path).as_bytes())
    }

    #[test]
    fn order_and_folders_do_not_matter() {
        let (a, b) = (of("a", &["x/1.mp4", "x/2.mp4"]), of("b", &["./x/2.mp4", "x/1.mp4"]));
        let found = matched(&[a.clone(), b]).unwrap();
        assert_eq!(
            (found.by, found.videos.as_slice()),
            (MatchedBy::Path, [vec![0, 1], vec![1, 0]].as_slice())
        );
        let elsewhere = of("b", &["/data/x/2.mp4", "/data/x/1.mp4"]);
        let found = matched(&[a.clone(), elsewhere]).unwrap();
        assert_eq!((found.by, found.videos.len()), (MatchedBy::PathBelow, 2));
        let renamed = of("b", &["r/fake/2.mp4", "r/real/1.mp4"]);
        let found = matched(&[a, renamed]).unwrap();
        assert_eq!((found.by, found.videos.len()), (MatchedBy::Checksum, 2));
    }

    #[test]
    fn levels_of_compression_are_the_same_videos() {
        let level = |level: &str| {
            let path = |folder: &str| json!({"path": format!("{folder}/{level}/videos/1.mp4"), "score": 0.5});
            let videos = [path("original"), path("swapped")];
            result(level, json!({"compression": level, "videos": videos}))
        };
        let found = matched(&[level("c23"), level("c40")]).unwrap();
        assert_eq!((found.by, found.videos.len()), (MatchedBy::PathBelow, 2));
        assert!(found.other_videos(&[]).is_none());
    }

    #[test]
    fn what_not_all_have_is_named_and_counted() {
        let names: Vec<String> = (0..9).map(|number| format!("v{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let results = [of("a.json", &names[..8]), of("b.json", &names[3..]), of("c.json", &names)];
        let found = matched(&results).unwrap();
        assert_eq!(found.videos.len(), 5);
        let error = found.other_videos(&results).unwrap().to_string();
        assert_eq!(
            error,
            "the results are not of the same videos: a.json has 3 videos (v0, v1, v2), b.json has 1 video (v8), c.json has \
             4 videos (v0, v1, v2, …) that not all have"
        );
        let apart = matched(&[of("a", &["x"]), of("b", &["y"])]).unwrap_err().to_string();
        assert_eq!(apart, "no video is in all of these results");
        let twice = matched(&[of("a", &["x"]), of("b", &["x", "x"])]).unwrap_err().to_string();
        assert_eq!(twice, "b: x is in this result twice");
    }
}
