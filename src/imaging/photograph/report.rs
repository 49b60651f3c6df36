//! What is told about a photograph besides its pixels.

use super::opacity::{Colours, flattened};
use crate::types::RgbImage;
use std::ops::ControlFlow;

/// What there is to say about pages that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhotographReport {
    /// What is missing or wrong, such as "the file breaks off after 120 of 512 rows". Rows are those of the file, which
    /// may be turned.
    pub damage: Option<String>,
    /// What else is worth knowing, such as that transparent parts were laid on plain grey.
    pub remarks: Vec<String>,
}

/// Where pages go.
pub(super) struct Sink<'a> {
    wanted: &'a [usize],
    consume: &'a mut dyn FnMut(usize, RgbImage) -> ControlFlow<()>,
    consumed: usize,
    report: PhotographReport,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        wanted: &'a [usize],
        consume: &'a mut dyn FnMut(usize, RgbImage) -> ControlFlow<()>,
    ) -> Sink<'a> {
        Sink { wanted, consume, consumed: 0, report: PhotographReport::default() }
    }

    /// Whether a page is to be handed over.
    pub(super) fn wants(&self, page: usize) -> bool {
        self.wanted.contains(&page)
    }

    /// The last page that is wanted.
    pub(super) fn last(&self) -> Option<usize> {
        self.wanted.iter().max().copied()
    }

    /// Whether no page was handed over.
    pub(super) fn is_empty(&self) -> bool {
        self.consumed == 0
    }

    /// Hands a page over if it is wanted. Breaks when no more are.
    pub(super) fn page(&mut self, page: usize, image: RgbImage) -> ControlFlow<()> {
        if !self.wants(page) {
            return ControlFlow::Continue(());
        }
        self.consumed += 1;
        (self.consume)(page, image)?;
        if self.last() == Some(page) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Lays `[height, width, 4]`, opacity last, on the ground.
    pub(super) fn flattened(
        &mut self,
        width: usize,
        height: usize,
        rgba: &[u8],
        colours: Colours,
    ) -> RgbImage {
        let (image, transparent) = flattened(width, height, rgba, colours);
        if transparent {
            self.transparent();
        }
        image
    }

    /// Remarks that something was not opaque.
    pub(super) fn transparent(&mut self) {
        self.remark("transparent parts were laid on plain grey");
    }

    /// Adds a remark, once.
    pub(super) fn remark(&mut self, remark: impl Into<String>) {
        let remark = remark.into();
        if !self.report.remarks.contains(&remark) {
            self.report.remarks.push(remark);
        }
    }

    /// Notes damage; the first counts.
    pub(super) fn damage(&mut self, damage: String) {
        self.report.damage.get_or_insert(damage);
    }

    /// Notes that a file ends, or is broken, after some of its rows.
    pub(super) fn rows_missing(&mut self, good: usize, height: usize, ends_early: bool) {
        self.damage(rows_missing(good, height, ends_early));
    }

    pub(super) fn into_report(self) -> PhotographReport {
        self.report
    }
}

/// In words, that a file ends, or is broken, after some of its rows.
pub(super) fn rows_missing(good: usize, height: usize, ends_early: bool) -> String {
    let what = if ends_early { "the file breaks off" } else { "the file is damaged" };
    format!("{what} after {good} of {height} rows")
}
