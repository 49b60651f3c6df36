//! Line plots, drawn as images.

mod axis;

use crate::imaging::{Error, draw_line, draw_text, text_size};
use crate::types::RgbImage;
pub use axis::Axis;

/// Width of a panel in pixels, its legend included.
pub const PANEL_WIDTH: usize = 760;
/// Height of a panel in pixels.
pub const PANEL_HEIGHT: usize = 520;
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
/// Colours of the curves, in their order: distinguishable on the dark page, also for people with red-green blindness.
pub const COLOURS: [[u8; 3]; 8] = [
    [86, 180, 233],
    [230, 159, 0],
    [0, 190, 140],
    [240, 228, 66],
    [213, 94, 0],
    [204, 121, 167],
    [150, 150, 255],
    [255, 160, 160],
];

/// A named series of points.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The name shown in the legend.
    pub name: String,
    /// The points (x, y) in units of the axes, ordered by x.
    pub points: Vec<(f64, f64)>,
}

/// One system of axes with its curves.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The title above the plot.
    pub title: String,
    /// What the x axis counts.
    pub x_name: String,
    /// Range and ticks of the x axis.
    pub x: Axis,
    /// Range and ticks of the y axis.
    pub y: Axis,
    /// The curves. With more curves than [`COLOURS`], colours repeat. A curve without points keeps its colour.
    pub curves: Vec<Curve>,
}

/// Draws panels side by side.
pub fn draw_panels(panels: &[Panel]) -> Result<RgbImage, Error> {
    let mut page = RgbImage::filled(panels.len() * PANEL_WIDTH, PANEL_HEIGHT, PAGE);
    for (number, panel) in panels.iter().enumerate() {
        panel.draw(&mut page, (number * PANEL_WIDTH) as f64)?;
    }
    Ok(page)
}

/// The least and the greatest value of all curves.
pub fn bounds(curves: &[Curve]) -> (f64, f64) {
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
        words(page, &self.title, TITLE, (x0, y0 - 8.0), (0.0, 1.0))?;
        words(page, &self.x_name, TEXT, ((x0 + x1) / 2.0, y1 + 28.0), (0.5, 0.0))
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

    #[test]
    fn a_falling_curve_falls_on_the_image_in_its_colour() {
        let curves = vec![
            Curve { name: "none".to_owned(), points: Vec::new() },
            Curve { name: "falling".to_owned(), points: vec![(1.0, 0.9), (2.0, 0.1)] },
        ];
        let (x, y) = (Axis::whole(1, 2), Axis::over(0.0, 1.0));
        let panel = Panel { title: "t".to_owned(), x_name: "n".to_owned(), x, y, curves };
        let page = draw_panels(&[panel.clone(), panel]).unwrap();
        assert_eq!((page.width(), page.height()), (2 * PANEL_WIDTH, PANEL_HEIGHT));
        let top = |x: usize| (0..PANEL_HEIGHT).find(|&y| page.pixel(x, y) == COLOURS[1]);
        for left in [0, PANEL_WIDTH] {
            let (start, end) =
                (top(left + LEFT as usize + 40).unwrap(), top(left + LEFT as usize + 400).unwrap());
            assert!(start < end, "{start} {end}");
        }
        assert!((0..PANEL_WIDTH).all(|x| (0..PANEL_HEIGHT).all(|y| page.pixel(x, y) != COLOURS[0])));
    }
}
