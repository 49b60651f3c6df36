//! The plot of a run: losses, and AUC with accuracies, over the epochs.

use super::epoch_log::EpochMetrics;
use super::run_folder::{RunFolder, RunFolderError};
use crate::imaging::{Error, write_image};
use crate::plot::{Axis, Curve, Panel, bounds, draw_panels};
use crate::types::RgbImage;

/// Writes `curves.png`. Without epochs there is nothing to draw, and nothing is written.
pub fn write_curves(folder: &RunFolder, epochs: &[EpochMetrics]) -> Result<(), RunFolderError> {
    if epochs.is_empty() {
        return Ok(());
    }
    Ok(write_image(&folder.curves(), &draw(epochs)?)?)
}

/// Losses on the left, AUC and accuracies on the right.
fn draw(epochs: &[EpochMetrics]) -> Result<RgbImage, Error> {
    draw_panels(&[losses(epochs), quality(epochs)])
}

fn losses(epochs: &[EpochMetrics]) -> Panel {
    let mut names: Vec<&String> = epochs.iter().flat_map(|metrics| metrics.losses.keys()).collect();
    names.sort();
    names.dedup();
    let mut curves = vec![
        curve("train loss", epochs, |metrics| Some(metrics.train_loss)),
        curve("val loss", epochs, |metrics| metrics.val_loss),
    ];
    curves.extend(names.iter().map(|name| curve(name, epochs, |metrics| metrics.losses.get(*name).copied())));
    let (low, high) = bounds(&curves);
    panel("losses", epochs, Axis::over(low.min(0.0), high), curves)
}

fn quality(epochs: &[EpochMetrics]) -> Panel {
    let curves = vec![
        curve("val auc", epochs, |metrics| metrics.val_auc),
        curve("val acc", epochs, |metrics| metrics.val_acc),
        curve("train acc", epochs, |metrics| Some(metrics.train_acc)),
    ];
    let (low, _) = bounds(&curves);
    panel("AUC and accuracy", epochs, Axis::over(low, 1.0), curves)
}

fn curve(name: &str, epochs: &[EpochMetrics], value: impl Fn(&EpochMetrics) -> Option<f64>) -> Curve {
    let points = epochs.iter().filter_map(|metrics| Some((metrics.epoch as f64, value(metrics)?))).collect();
    Curve { name: name.to_owned(), points }
}

fn panel(title: &str, epochs: &[EpochMetrics], y: Axis, curves: Vec<Curve>) -> Panel {
    let ends = epochs.first().zip(epochs.last());
    let (first, last) = ends.map(|(first, last)| (first.epoch, last.epoch)).unwrap_or_default();
    Panel { title: title.to_owned(), x_name: "epoch".to_owned(), x: Axis::whole(first, last), y, curves }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::read_image;
    use crate::plot::{COLOURS, PANEL_HEIGHT, PANEL_WIDTH};
    use std::time::SystemTime;

    fn epochs(count: usize) -> Vec<EpochMetrics> {
        let metrics = |epoch: usize| {
            let t = epoch as f64 / count as f64;
            EpochMetrics {
                epoch,
                epochs: count,
                train_loss: 1.6 * (-2.0 * t).exp() + 0.1,
                train_acc: 0.5 + 0.45 * t,
                losses: [
                    ("rf".to_owned(), 0.7 * (-2.0 * t).exp()),
                    ("rp".to_owned(), 0.6 * (-3.0 * t).exp()),
                    ("rc".to_owned(), 0.69 - 0.1 * t),
                    ("distill".to_owned(), 0.3 * (-t).exp()),
                ]
                .into(),
                val_loss: epoch.is_multiple_of(3).then_some(0.75 - 0.3 * t),
                val_acc: epoch.is_multiple_of(3).then_some(0.5 + 0.3 * t),
                val_auc: epoch.is_multiple_of(3).then_some(0.55 + 0.4 * t * (2.0 - t)),
                ..EpochMetrics::default()
            }
        };
        (1..=count).map(metrics).collect()
    }

    /// Whether some pixel of the left or right half has this very colour.
    fn shows(page: &RgbImage, half: usize, colour: [u8; 3]) -> bool {
        let columns = half * PANEL_WIDTH..(half + 1) * PANEL_WIDTH;
        columns.clone().any(|x| (0..PANEL_HEIGHT).any(|y| page.pixel(x, y) == colour))
    }

    #[test]
    fn each_curve_is_drawn_in_its_colour_and_no_other() {
        let page = draw(&epochs(30)).unwrap();
        for (number, colour) in COLOURS.into_iter().enumerate() {
            assert_eq!(shows(&page, 0, colour), number < 6, "losses, colour {number}");
            assert_eq!(shows(&page, 1, colour), number < 3, "quality, colour {number}");
        }
    }

    #[test]
    fn one_epoch_without_validation_is_drawn_and_none_at_all_writes_nothing() {
        let output = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(output.path(), "a", "b", SystemTime::now()).unwrap();
        write_curves(&folder, &[]).unwrap();
        assert!(!folder.curves().exists());
        let one = [EpochMetrics { epoch: 1, train_loss: 0.0, train_acc: 1.0, ..EpochMetrics::default() }];
        write_curves(&folder, &one).unwrap();
        let page = read_image(&folder.curves()).unwrap();
        assert_eq!((page.width(), page.height()), (2 * PANEL_WIDTH, PANEL_HEIGHT));
        assert!(shows(&page, 0, COLOURS[0]) && shows(&page, 1, COLOURS[2]) && !shows(&page, 1, COLOURS[0]));
    }
}
