//! The same comparison for each kind of forgery and for each source, where labels tell them.

use super::ComparedVideo;
use crate::Result;
use crate::metrics::{Bootstrap, DeLong, Measure, Roc};
use crate::types::Label;
use serde::Serialize;

/// Of fewer videos of a class than these DeLong's test, which is one of large numbers, says little.
pub(super) const ENOUGH: usize = 10;

/// What videos of a part have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// Fakes of one kind, with all real videos.
    Group,
    /// Real and fake videos of one source.
    Source,
}

/// A part of the videos. Its p-values are not corrected for the number of parts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartComparison {
    /// What its videos have in common.
    pub kind: PartKind,
    /// Name of the group or source.
    pub name: String,
    /// Number of real videos.
    pub real: usize,
    /// Number of fake ones.
    pub fake: usize,
    /// AUC of each result, with the interval of its bootstrap.
    pub aucs: Vec<Measure>,
    /// Each further result against the first.
    pub against_first: Vec<PartDifference>,
}

/// A further result against the first one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PartDifference {
    /// Its AUC less that of the first result, with the interval of the paired bootstrap.
    pub difference: Measure,
    /// p-value of DeLong's test; `None` with fewer than ten videos of a class, of which it is not to be trusted.
    pub delong_p: Option<f64>,
}

/// The parts that labels tell, with both classes in them, in order of first appearance.
pub(super) fn parts(videos: &[ComparedVideo], bootstrap: &Bootstrap) -> Result<Vec<PartComparison>> {
    let mut parts = Vec::new();
    for name in names(videos.iter().filter_map(|video| video.group.as_deref())) {
        let of_group = videos.iter().filter(|video| video.group.as_deref().is_none_or(|group| group == name));
        parts.extend(part(PartKind::Group, name, of_group, bootstrap)?);
    }
    for name in names(videos.iter().filter_map(|video| video.source.as_deref())) {
        let of_source = videos.iter().filter(|video| video.source.as_deref() == Some(name));
        parts.extend(part(PartKind::Source, name, of_source, bootstrap)?);
    }
    Ok(parts)
}

/// Each name once, in order of first appearance.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    all.filter(|name| seen.insert(*name)).collect()
}

/// `None` unless both classes are there.
fn part<'a>(
    kind: PartKind,
    name: &str,
    videos: impl Iterator<Item = &'a ComparedVideo>,
    bootstrap: &Bootstrap,
) -> Result<Option<PartComparison>> {
    let labelled: Vec<(&ComparedVideo, Label)> =
        videos.filter_map(|video| Some((video, video.label?))).collect();
    let labels: Vec<Label> = labelled.iter().map(|(_, label)| *label).collect();
    let fake = labels.iter().filter(|label| label.is_fake()).count();
    if fake == 0 || fake == labels.len() {
        return Ok(None);
    }
    let results = labelled[0].0.counted.len();
    let scores: Vec<Vec<f64>> =
        (0..results).map(|at| labelled.iter().map(|(video, _)| video.counted[at]).collect()).collect();
    let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
    let aucs = scores.iter().map(|scores| measure(&labels, scores, bootstrap)).collect::<Result<Vec<_>>>()?;
    let (delong, paired) = (DeLong::new(&labels, &scores)?, bootstrap.paired_aucs(&labels, &scores)?);
    let enough = fake.min(labels.len() - fake) >= ENOUGH;
    let against = |at: usize| PartDifference {
        difference: Measure {
            value: aucs[at].value.zip(aucs[0].value).map(|(this, first)| this - first),
            ci95: paired.difference_ci95(0, at),
        },
        delong_p: delong.test(0, at).filter(|_| enough).and_then(|test| test.p),
    };
    let against_first = (1..results).map(against).collect();
    let real = labels.len() - fake;
    Ok(Some(PartComparison { kind, name: name.to_owned(), real, fake, aucs, against_first }))
}

/// An AUC with the interval that a result of its own tells.
pub(super) fn measure(labels: &[Label], scores: &[f64], bootstrap: &Bootstrap) -> Result<Measure> {
    let roc = Roc::new(labels, scores)?;
    Ok(Measure { value: roc.auc(), ci95: bootstrap.auc_ci95(&roc) })
}
