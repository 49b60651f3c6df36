//! Records of the shards of a set, joined into the one that a single run would have left.

use super::PreprocessSummary;
use crate::Result;
use crate::file_error::FileError;
use crate::prepared_frames::{self, PreparedPart, PreparedRecord};
use crate::types::Shard;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Videos named one by one before they are only counted.
const NAMED: usize = 5;

/// A set whose shards were joined.
#[derive(Debug)]
pub struct MergedSet {
    /// As after a run that prepared all of it.
    pub summary: PreprocessSummary,
    /// How many records of shards were joined.
    pub shards: usize,
    /// Videos that belong to several of them, by their names: their files are there once.
    pub double: Vec<String>,
    /// Videos that are not prepared, by their names; in words where no record tells.
    pub missing: Vec<String>,
}

/// Makes one record of those of the shards, for each set of which there are any in `folder`, and removes the shards'.
///
/// No shard may be at work any more. Fails when there is no record, when shards have different settings, and, unless that is
/// allowed, when videos are missing; nothing is changed then.
pub fn merge(folder: &Path, allow_missing: bool) -> Result<Vec<MergedSet>> {
    let sets = sets_in(folder)?;
    if sets.is_empty() {
        return Err(prepared_frames::Error::NoRecord { folder: folder.to_owned() }.into());
    }
    sets.iter().map(|set| merge_set(folder, set, allow_missing)).collect()
}

/// The names of sets of which there is a record in a folder.
fn sets_in(folder: &Path) -> Result<BTreeSet<String>, FileError> {
    let failed = FileError::of(folder);
    let mut sets = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        let set = name.strip_prefix("preprocess_").and_then(|rest| rest.strip_suffix(".json"));
        sets.extend(set.map(|set| match set.split_once(".shard-") {
            Some((set, _)) => set.to_owned(),
            None => set.to_owned(),
        }));
    }
    Ok(sets)
}

fn merge_set(folder: &Path, set: &str, allow_missing: bool) -> Result<MergedSet> {
    let path = PreparedRecord::path(folder, set);
    let Some((mut record, parts)) = PreparedRecord::read_all(folder, set)? else {
        return Err(prepared_frames::Error::NoRecord { folder: folder.to_owned() }.into());
    };
    let done: BTreeSet<&str> = record.videos.iter().map(|video| video.video.as_str()).collect();
    let (missing, of) = missing(&parts, &done);
    if !missing.is_empty() && !allow_missing {
        let mut told = missing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if missing.len() > NAMED {
            told += &format!(", … and {} more", missing.len() - NAMED);
        }
        let missing = of.saturating_sub(done.len());
        return Err(prepared_frames::Error::MissingVideos { path, missing, of, told }.into());
    }
    let mut times: BTreeMap<&String, usize> = BTreeMap::new();
    parts.iter().flat_map(|part| &part.asked).for_each(|name| *times.entry(name).or_default() += 1);
    let double = times.into_iter().filter(|(_, times)| *times > 1).map(|(name, _)| name.clone()).collect();
    record.part = None;
    record.write(&path)?;
    let shards: Vec<(Shard, PathBuf)> = Shard::files_of(&path).map_err(FileError::of(folder))?;
    for (_, shard) in &shards {
        for file in [shard.clone(), shard.with_extension("txt")] {
            match std::fs::remove_file(&file) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                    return Err(FileError::of(&file)(cause).into());
                }
                _ => {}
            }
        }
    }
    let mut summary = PreprocessSummary {
        set: parts.first().map_or(set, |part| &part.title).to_owned(),
        folder: folder.to_owned(),
        videos: record.videos.clone(),
        total: record.videos.len(),
        prepared: record.videos.len(),
        skipped: 0,
        record,
        record_path: path,
        interrupted: false,
        unsaved: None,
    };
    // Without shards the record is as it was, and so is its text.
    if !shards.is_empty() {
        summary.write_text();
    }
    Ok(MergedSet { summary, shards: shards.len(), double, missing })
}

/// What belongs to the list and is not done, and the list's length.
fn missing(parts: &[PreparedPart], done: &BTreeSet<&str>) -> (Vec<String>, usize) {
    let of = parts.iter().map(|part| part.of).max().unwrap_or(done.len());
    let asked: BTreeSet<&String> = parts.iter().flat_map(|part| &part.asked).collect();
    let mut missing: Vec<String> =
        asked.iter().filter(|name| !done.contains(name.as_str())).map(|name| (*name).clone()).collect();
    let places: BTreeSet<usize> = parts.iter().flat_map(|part| part.shard.places(part.of)).collect();
    let known = places.len() + done.iter().filter(|name| !asked.contains(&(**name).to_owned())).count();
    let unknown = of.saturating_sub(known);
    if unknown > 0 {
        let count = parts.first().map_or(1, |part| part.shard.count());
        let of_count = |index| Shard::new(index, count);
        let absent: Vec<String> = (1..=count)
            .filter_map(of_count)
            .filter(|shard| shard.places(of).any(|place| !places.contains(&place)))
            .map(|shard| format!("all of shard {shard}"))
            .collect();
        missing.extend(absent);
    }
    (missing, of)
}
