//! The plot of a robustness run.

use super::{PerturbationKind, RobustnessRow, RobustnessSummary, SEVERITIES};
use crate::imaging::Error;
use crate::plot::{Axis, Curve, Panel, bounds, draw_panels};
use crate::types::RgbImage;

/// AUC over frames on the left, how far scores of real and of forged videos move beside it. Severity 0: as they are.
pub fn draw(summary: &RobustnessSummary) -> Result<RgbImage, Error> {
    let auc = panel("AUC over frames", summary, summary.clean.frame_auc, |row| row.frame_auc);
    let real = panel("shift of real videos' scores", summary, Some(0.0), |row| row.real_shift);
    let fake = panel("shift of forged videos' scores", summary, Some(0.0), |row| row.fake_shift);
    draw_panels(&[auc, real, fake])
}

fn panel(
    title: &str,
    summary: &RobustnessSummary,
    clean: Option<f64>,
    value: impl Fn(&RobustnessRow) -> Option<f64> + Copy,
) -> Panel {
    let curve = |kind: PerturbationKind| {
        let start = clean.map(|clean| (0.0, clean));
        let of_kind = summary.rows.iter().filter(|row| row.kind == kind);
        let points = of_kind.filter_map(|row| Some((row.severity as f64, value(row)?)));
        Curve { name: kind.name().to_owned(), points: start.into_iter().chain(points).collect() }
    };
    let curves: Vec<Curve> = PerturbationKind::ALL.into_iter().map(curve).collect();
    let (low, high) = bounds(&curves);
    // Without a point there is no range.
    let y = if low <= high { Axis::over(low, high) } else { Axis::over(0.0, 1.0) };
    let x = Axis::whole(0, SEVERITIES);
    Panel { title: title.to_owned(), x_name: "severity".to_owned(), x, y, curves }
}
