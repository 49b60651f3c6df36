//! The report of a run: what was found, what it rests on, why it may be wrong, and how to repeat it, for people.
//!
//! Everything that it says comes from the [`InferSummary`], which is also the program's JSON, and from the weight file's own
//! metadata. Only pictures are taken while faces are scored, because there are no faces afterwards: [`Gallery`].

mod detector;
mod doubts;
mod evidence;
mod file;
mod folder;
mod gallery;
mod numbers;
mod person;
mod test_set;
#[cfg(test)]
mod tests;
mod words;
mod worst;

pub(super) use gallery::Gallery;

use super::{InferSummary, VideoResult};
use crate::atomic_file;
use crate::metrics::CalibratedRange;
use crate::model::ForgeryDetector;
use crate::page::{Html, Page};
use std::collections::BTreeMap;
use std::path::Path;

/// What a report is made of.
pub(super) struct Material<'a> {
    pub summary: &'a InferSummary,
    pub gallery: &'a Gallery,
    /// What the forgery detector's file says of itself.
    pub metadata: &'a BTreeMap<String, String>,
    /// The faces that it was calibrated on.
    pub range: CalibratedRange,
}

/// Writes the report of a run.
pub(super) fn write(
    path: &Path,
    summary: &InferSummary,
    gallery: &Gallery,
    detector: &ForgeryDetector,
) -> Result<(), atomic_file::Error> {
    let (metadata, range) = (detector.metadata(), detector.calibrated_range());
    page(&Material { summary, gallery, metadata, range }).write(path)
}

/// The report: of a labelled set, of one file, or of several.
fn page(material: &Material) -> Page {
    let page = match (&material.summary.metrics, material.summary.videos.as_slice()) {
        (Some(metrics), _) => test_set::page(material, metrics),
        (None, [only]) => file::page(material, only),
        (None, all) => folder::page(material, all),
    };
    page.with(evidence::run(material)).with(numbers::checksum(material.summary))
}

/// What has to be known before anything else is read.
fn warnings(summary: &InferSummary) -> Html {
    let interrupted = "The run was stopped early: only the files that are listed here were scored.";
    let stopped = summary.interrupted.then_some(interrupted).into_iter();
    stopped.chain(summary.notes.iter().map(String::as_str)).map(Html::warning).collect()
}

/// The name of a file without its folders.
fn name(video: &VideoResult) -> String {
    let name = Path::new(&video.path).file_name();
    name.map_or_else(|| video.path.clone(), |name| name.to_string_lossy().into_owned())
}
