//! The published numbers and DeepfakeBench's side by side.

use sbi::infer::BenchmarkMetrics;
use sbi::metrics::VideoMetrics;
use std::io::{self, Write};

/// Two columns, and in what they differ.
pub fn compare(out: &mut impl Write, published: &VideoMetrics, theirs: &BenchmarkMetrics) -> io::Result<()> {
    writeln!(out, "{:<18}  published  deepfakebench", "protocols")?;
    let rows = [
        ("AUC of videos", published.video_auc, theirs.video_auc, "video_auc"),
        ("AUC of true videos", published.video_auc, theirs.true_video_auc, ""),
        ("AUC of frames", published.frame_auc, theirs.auc, "auc"),
        ("average precision", published.ap, theirs.ap, "ap, of frames"),
        ("equal error rate", published.eer, theirs.eer, "eer, of frames"),
        ("accuracy at 0.5", published.acc, theirs.acc, "acc, of frames"),
    ];
    for (label, published, theirs, name) in rows {
        let line = format!("{label:<18}  {:<9}  {:<9}  {name}", number(published), number(theirs));
        writeln!(out, "{}", line.trim_end())?;
    }
    theirs.differences().iter().try_for_each(|difference| writeln!(out, "  {difference}"))
}

fn number(value: Option<f64>) -> String {
    value.map_or("undefined".to_owned(), |value| format!("{value:.4}"))
}
