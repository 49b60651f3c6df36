//! Robustness of parts of a set, joined into that of the whole.

use super::{RobustnessPart, RobustnessSummary, VideoVersions, summary};
use crate::Result;
use crate::infer::ScoredBy;
use crate::infer::merge::{Allowed, Entries, Joined, MergeError, Merged, join, read, same};
use serde::Deserialize;
use std::path::PathBuf;

/// What is read of a record; the rest is made anew.
#[derive(Deserialize)]
struct Record {
    #[serde(flatten)]
    scored_by: ScoredBy,
    dataset: Option<String>,
    #[serde(default)]
    interrupted: bool,
    part: Option<RobustnessPart>,
}

/// Joins records of parts that [`run`](super::run) has made.
///
/// Fails as [`results`](crate::infer::merge::results) does, and for records of whole sets, which do not say what their
/// numbers are made of.
pub fn results(files: &[PathBuf], allowed: Allowed) -> Result<Merged<RobustnessSummary>> {
    let mut records = Vec::new();
    let mut first: Option<(ScoredBy, Option<String>, RobustnessPart)> = None;
    let mut interrupted = false;
    for file in files {
        let (record, _): (Record, _) = read(file)?;
        let Some(mut part) = record.part else {
            return Err(MergeError::NoEvidence { file: file.clone() }.into());
        };
        interrupted |= record.interrupted;
        let entries = std::mem::take(&mut part.videos);
        records.push(Entries { file: file.clone(), part: Some(part.part.clone()), entries });
        if let Some((_, _, one)) = &first {
            same(&one.evidence, &part.evidence, (&files[0], file))?;
            continue;
        }
        first = Some((record.scored_by, record.dataset, part));
    }
    let Some((scored_by, dataset, record)) = first else { return Err(MergeError::NothingToMerge.into()) };
    let joined = join(records, |video: &VideoVersions| video.path.clone(), |_, _| {}, allowed)?;
    let Joined { entries: videos, part, notes } = joined;
    let mut summary = summary(scored_by, dataset, &videos, part.is_some())?;
    summary.interrupted = interrupted && part.is_some();
    let evidence = record.evidence;
    summary.part = part.map(|part| Box::new(RobustnessPart { part, evidence, videos }));
    Ok(Merged { summary, notes })
}
