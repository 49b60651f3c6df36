//! The picture of a run: losses, and AUC with accuracies, over the epochs.

mod axis;

use super::epoch_log::EpochMetrics;
use super::run_folder::{RunFolder, RunFolderError};
use crate::imaging::{draw_line, draw_text, text_size, write_image, Error};
use crate::types::RgbImage;
use axis::Axis;

/// A panel in pixels, its legend included, and how many there are side by side.
const PANEL_WIDTH: usize = 760;
const PANEL_HEIGHT: usize = 520;
/// Room around the plot for title, tick labels and the axis' name.
const TOP: f64 = 48.0;
const BOTTOM: f64 = 64.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 12.0;
/// Height of capitals in pixels.
const TITLE: f64 = 14.0;
const TEXT: f64 = 10.0;
/// Length of a curve's sample in the legend, and the distance of its lines.
const SAMPLE: f64 = 22.0;
const LEGEND_LINE: f64 = 26.0;
/// Up to so many points each is marked.
const FEW_POINTS: usize = 40;

const PAGE: [u8; 3] = [24, 24, 28];
const GRID: [u8; 3] = [58, 58, 66];
const FRAME: [u8; 3] = [150, 150, 160];
/// Told apart on the dark page, also by those who see red and green alike.
const COLOURS: [[u8; 3]; 8] = [
    [86, 180, 233],
    [230, 159, 0],
    [0, 190, 140],
    [240, 228, 66],
    [213, 94, 0],
    [204, 121, 167],
    [150, 150, 255],
    [255, 160, 160],
];

/// Values over epochs under one name.
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

/// One system of axes with its curves.
struct Panel {
    title: &'static str,
    x: Axis,
    y: Axis,
    curves: Vec<Curve>,
}

/// Writes `curves.png`. Without epochs there is nothing to draw, and nothing is written.
pub fn write_curves(folder: &RunFolder, epochs: &[EpochMetrics]) -> Result<(), RunFolderError> {
    if epochs.is_empty() {
        return Ok(());
    }
    Ok(write_image(&folder.curves(), &draw(epochs)?)?)
}

/// Losses on the left, AUC and accuracies on the right.
fn draw(epochs: &[EpochMetrics]) -> Result<RgbImage, Error> {
    let panels = [losses(epochs), quality(epochs)];
    let mut page = RgbImage::filled(panels.len() * PANEL_WIDTH, PANEL_HEIGHT, PAGE);
    for (number, panel) in panels.iter().enumerate() {
        panel.draw(&mut page, (number * PANEL_WIDTH) as f64)?;
    }
    Ok(page)
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
    Panel { title: "losses", x: Axis::epochs(epochs), y: Axis::over(low.min(0.0), high), curves }
}

fn quality(epochs: &[EpochMetrics]) -> Panel {
    let curves = vec![
        curve("val auc", epochs, |metrics| metrics.val_auc),
        curve("val acc", epochs, |metrics| metrics.val_acc),
        curve("train acc", epochs, |metrics| Some(metrics.train_acc)),
    ];
    let (low, _) = bounds(&curves);
    Panel { title: "AUC and accuracy", x: Axis::epochs(epochs), y: Axis::over(low, 1.0), curves }
}

fn curve(name: &str, epochs: &[EpochMetrics], value: impl Fn(&EpochMetrics) -> Option<f64>) -> Curve {
    let points = epochs.iter().filter_map(|metrics| Some((metrics.epoch as f64, value(metrics)?))).collect();
    Curve { name: name.to_owned(), points }
}

/// The least and the greatest value of all curves.
fn bounds(curves: &[Curve]) -> (f64, f64) {
    let values = curves.iter().flat_map(|curve| &curve.points).map(|(_, value)| *value);
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// Where the plot itself lies on the page.
#[derive(Clone, Copy)]
struct Plot {
    x0: f64,
    x1: f64,
    y0: f64,
    y1: f64,
}

impl Panel {
    fn draw(&self, page: &mut RgbImage, left: f64) -> Result<(), Error> {
        // A curve without points takes no line of the legend, but keeps its colour for later.
        let coloured = || self.curves.iter().zip(COLOURS.iter().cycle());
        let shown = || coloured().filter(|(curve, _)| !curve.points.is_empty());
        let mut legend: f64 = 0.0;
        for (curve, _) in shown() {
            legend = legend.max(text_size(&curve.name, TEXT)?.0 + SAMPLE);
        }
        let plot = Plot {
            x0: left + LEFT,
            x1: left + PANEL_WIDTH as f64 - RIGHT - legend - RIGHT,
            y0: TOP,
            y1: PANEL_HEIGHT as f64 - BOTTOM,
        };
        self.draw_axes(page, plot)?;
        for (number, (curve, colour)) in shown().enumerate() {
            let place = |&(x, y): &(f64, f64)| {
                (
                    plot.x0 + self.x.share(x) * (plot.x1 - plot.x0),
                    plot.y1 - self.y.share(y) * (plot.y1 - plot.y0),
                )
            };
            let points: Vec<(f64, f64)> = curve.points.iter().map(place).collect();
            draw_line(page, &points, *colour, 2)?;
            if points.len() <= FEW_POINTS {
                points.iter().try_for_each(|&(x, y)| draw_line(page, &[(x, y), (x, y)], *colour, 6))?;
            }
            let (x, y) = (plot.x1 + RIGHT, plot.y0 + (number as f64 + 0.5) * LEGEND_LINE);
            draw_line(page, &[(x, y), (x + SAMPLE - 4.0, y)], *colour, 3)?;
            words(page, &curve.name, TEXT, (x + SAMPLE, y), (0.0, 0.5))?;
        }
        Ok(())
    }

    fn draw_axes(&self, page: &mut RgbImage, plot: Plot) -> Result<(), Error> {
        let Plot { x0, x1, y0, y1 } = plot;
        for (value, label) in self.y.ticks() {
            let y = y1 - self.y.share(value) * (y1 - y0);
            draw_line(page, &[(x0, y), (x1, y)], GRID, 1)?;
            words(page, &label, TEXT, (x0 - 4.0, y), (1.0, 0.5))?;
        }
        for (value, label) in self.x.ticks() {
            let x = x0 + self.x.share(value) * (x1 - x0);
            draw_line(page, &[(x, y0), (x, y1)], GRID, 1)?;
            words(page, &label, TEXT, (x, y1 + 6.0), (0.5, 0.0))?;
        }
        draw_line(page, &[(x0, y0), (x0, y1), (x1, y1)], FRAME, 1)?;
        words(page, self.title, TITLE, (x0, y0 - 8.0), (0.0, 1.0))?;
        words(page, "epoch", TEXT, ((x0 + x1) / 2.0, y1 + 28.0), (0.5, 0.0))
    }
}

/// Text of which the point at the `anchor` shares of its width and height lies at `at`.
fn words(
    page: &mut RgbImage,
    text: &str,
    height: f64,
    at: (f64, f64),
    anchor: (f64, f64),
) -> Result<(), Error> {
    let (label_w, label_h) = text_size(text, height)?;
    let lower_left = (at.0 - anchor.0 * label_w, at.1 + (1.0 - anchor.1) * label_h);
    draw_text(page, text, lower_left.0, lower_left.1, height, PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::read_image;
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
    fn a_falling_curve_falls_on_the_picture() {
        let mut falling = epochs(2);
        falling.iter_mut().for_each(|metrics| {
            metrics.losses.clear();
            metrics.val_loss = None;
        });
        let page = draw(&falling).unwrap();
        let top = |x: usize| (0..PANEL_HEIGHT).find(|&y| page.pixel(x, y) == COLOURS[0]);
        let (start, end) = (top(LEFT as usize + 40).unwrap(), top(LEFT as usize + 400).unwrap());
        assert!(start < end, "{start} {end}");
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
