//! Charts, drawn as SVG within the page: colours follow its style, letters stay readable on a phone.

use super::Html;
use super::axis::Axis;
use super::legend::{Key, Kind};
use super::shapes::{Shape, area, polyline};
use askama::Template;

/// Width and height of a drawing, and of a square one.
const WIDE: (f64, f64) = (720.0, 370.0);
const SQUARE: (f64, f64) = (480.0, 480.0);
/// Room around the plot for names and ticks, which small screens draw larger.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 34.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 66.0;
/// More names than these on the x axis are too many for a small screen.
const MANY: usize = 7;
/// Height of a row of a chart of ranges.
const ROW: f64 = 46.0;

/// What a line, area or dot is drawn in. Colours differ in the dark; lines of a series also in their dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// One of eight colours, which repeat.
    Series(usize),
    /// What speaks for a forgery.
    Fake,
    /// What speaks against one.
    Real,
    /// Where nothing is decided.
    Doubt,
    /// What is only there to compare with.
    Plain,
}

impl Paint {
    /// The class of the style sheet.
    pub(super) fn class(self) -> String {
        match self {
            Paint::Series(number) => format!("s{}", number % 8),
            Paint::Fake => "fake".to_owned(),
            Paint::Real => "real".to_owned(),
            Paint::Doubt => "doubt".to_owned(),
            Paint::Plain => "plain".to_owned(),
        }
    }
}

/// A dot, with what it says when it is pointed at.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// Its value on the x axis.
    pub x: f64,
    /// Its value on the y axis.
    pub y: f64,
    /// A few words; may be empty.
    pub text: String,
}

/// A bar of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Where it begins on the x axis.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// How high it is.
    pub height: f64,
}

/// A value with an interval, a row of a chart of ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// What it is about.
    pub label: String,
    /// The value; a row without one says so.
    pub value: Option<f64>,
    /// The interval around it.
    pub interval: Option<(f64, f64)>,
    /// What it is drawn in.
    pub paint: Paint,
}

/// One thing that a chart shows. Those that come first are drawn first. Without a name it is not in the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    what: What,
    paint: Paint,
    name: String,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Line(Vec<(f64, f64)>),
    Steps(Vec<(f64, f64)>),
    Band(Vec<(f64, f64, f64)>),
    Dots(Vec<Dot>),
    Bars(Vec<Bar>),
    Level(f64),
    Across(f64, f64),
    Upright(f64),
    Span(f64, f64),
    Diagonal,
}

impl Layer {
    fn new(name: &str, paint: Paint, what: What) -> Layer {
        Layer { what, paint, name: name.to_owned() }
    }

    /// Straight lines through points (x, y).
    pub fn line(name: &str, paint: Paint, points: Vec<(f64, f64)>) -> Layer {
        Layer::new(name, paint, What::Line(points))
    }

    /// A line that keeps a point's height until the next one.
    pub fn steps(name: &str, paint: Paint, points: Vec<(f64, f64)>) -> Layer {
        Layer::new(name, paint, What::Steps(points))
    }

    /// The area between two curves: (x, low, high).
    pub fn band(name: &str, paint: Paint, points: Vec<(f64, f64, f64)>) -> Layer {
        Layer::new(name, paint, What::Band(points))
    }

    /// Dots.
    pub fn dots(name: &str, paint: Paint, dots: Vec<Dot>) -> Layer {
        Layer::new(name, paint, What::Dots(dots))
    }

    /// Bars of a histogram, from the bottom.
    pub fn bars(name: &str, paint: Paint, bars: Vec<Bar>) -> Layer {
        Layer::new(name, paint, What::Bars(bars))
    }

    /// A dashed level line, such as a border.
    pub fn level(name: &str, paint: Paint, y: f64) -> Layer {
        Layer::new(name, paint, What::Level(y))
    }

    /// The area between two levels.
    pub fn across(name: &str, paint: Paint, low: f64, high: f64) -> Layer {
        Layer::new(name, paint, What::Across(low, high))
    }

    /// A dashed upright line.
    pub fn upright(name: &str, paint: Paint, x: f64) -> Layer {
        Layer::new(name, paint, What::Upright(x))
    }

    /// The area between two values of x, such as a passage.
    pub fn span(name: &str, paint: Paint, from: f64, to: f64) -> Layer {
        Layer::new(name, paint, What::Span(from, to))
    }

    /// From the lower left to the upper right corner: what guessing gives.
    pub fn diagonal(name: &str) -> Layer {
        Layer::new(name, Paint::Plain, What::Diagonal)
    }
}

/// A chart with a title and a sentence that says what is to be seen, which is read to those who do not see it.
#[derive(Clone, Debug)]
pub struct Chart {
    id: String,
    title: String,
    text: String,
    x: Axis,
    y: Axis,
    square: bool,
    layers: Vec<Layer>,
    ranges: Vec<Range>,
}

impl Chart {
    /// Without axes yet: both are from 0 to 1. `id` is one word, used once on a page.
    pub fn new(id: &str, title: &str, text: &str) -> Chart {
        Chart {
            id: id.to_owned(),
            title: title.to_owned(),
            text: text.to_owned(),
            x: Axis::shares(""),
            y: Axis::shares(""),
            square: false,
            layers: Vec::new(),
            ranges: Vec::new(),
        }
    }

    /// With these axes.
    pub fn axes(self, x: Axis, y: Axis) -> Chart {
        Chart { x, y, ..self }
    }

    /// As high as wide, for axes that are compared with one another.
    pub fn square(self) -> Chart {
        Chart { square: true, ..self }
    }

    /// With another layer on top.
    pub fn with(mut self, layer: Layer) -> Chart {
        self.layers.push(layer);
        self
    }

    /// With further layers on top.
    pub fn with_all(mut self, layers: impl IntoIterator<Item = Layer>) -> Chart {
        self.layers.extend(layers);
        self
    }

    /// Rows of values with their intervals on the x axis, instead of a y axis. Upright lines and spans may lie behind them.
    pub fn ranges(self, x: Axis, ranges: Vec<Range>) -> Chart {
        Chart { x, ranges, ..self }
    }

    /// The piece: a figure with the drawing, a legend, the title and the sentence.
    pub fn html(&self) -> Html {
        let (width, height) = match (self.ranges.len(), self.square) {
            (0, true) => SQUARE,
            (0, false) => WIDE,
            (rows, _) => (WIDE.0, TOP + rows as f64 * ROW + BOTTOM),
        };
        let left = if self.ranges.is_empty() { LEFT } else { RIGHT };
        let plot = Plot { x0: left, x1: width - RIGHT, y0: TOP, y1: height - BOTTOM };
        let mut shapes = self.axis_shapes(&plot);
        shapes.extend(self.layers.iter().flat_map(|layer| self.layer_shapes(layer, &plot)));
        shapes.extend(self.range_shapes(&plot));
        Html::of(&ChartTemplate { chart: self, width, height, shapes: &shapes, legend: &self.legend() })
    }

    fn x_at(&self, plot: &Plot, value: f64) -> f64 {
        plot.x0 + self.x.share(value) * (plot.x1 - plot.x0)
    }

    fn y_at(&self, plot: &Plot, value: f64) -> f64 {
        plot.y1 - self.y.share(value) * (plot.y1 - plot.y0)
    }

    fn axis_shapes(&self, plot: &Plot) -> Vec<Shape> {
        let Plot { x0, x1, y0, y1 } = *plot;
        let grid = |d: String| Shape::Path { d, class: "grid".to_owned() };
        let words = |x: f64, y: f64, anchor: &'static str, class: &'static str, text: &str| Shape::Text {
            x,
            y,
            anchor,
            class,
            text: text.to_owned(),
        };
        let mut shapes = Vec::new();
        // Small screens leave out every second name where there are many.
        let many = self.x.ticks().len() > MANY;
        for (at, (value, name)) in self.x.ticks().iter().enumerate() {
            let x = self.x_at(plot, *value);
            let class = if many && at % 2 == 1 { "tick minor" } else { "tick" };
            shapes.push(grid(polyline(&[(x, y0), (x, y1)])));
            shapes.push(words(x, y1 + 24.0, "middle", class, name));
        }
        if self.ranges.is_empty() {
            for (value, name) in self.y.ticks() {
                let y = self.y_at(plot, *value);
                shapes.push(grid(polyline(&[(x0, y), (x1, y)])));
                shapes.push(words(x0 - 8.0, y, "end", "tick up", name));
            }
            shapes.push(words(4.0, y0 - 18.0, "start", "name", self.y.name()));
        }
        shapes.push(words(x1, y1 + 54.0, "end", "name below", self.x.name()));
        shapes.push(Shape::Path { d: polyline(&[(x0, y0), (x0, y1), (x1, y1)]), class: "axis".to_owned() });
        shapes
    }

    fn layer_shapes(&self, layer: &Layer, plot: &Plot) -> Vec<Shape> {
        let paint = layer.paint.class();
        let path = |kind: &str, d: String| Shape::Path { d, class: format!("{kind} {paint}") };
        let place = |&(x, y): &(f64, f64)| (self.x_at(plot, x), self.y_at(plot, y));
        let rect = |(left, right): (f64, f64), (top, bottom): (f64, f64)| Shape::Rect {
            x: left.min(right),
            y: top.min(bottom),
            width: (right - left).abs(),
            height: (bottom - top).abs(),
            class: format!("area {paint}"),
        };
        match &layer.what {
            What::Line(points) => {
                vec![path("line", polyline(&points.iter().map(place).collect::<Vec<_>>()))]
            }
            What::Steps(points) => {
                let mut corners = Vec::new();
                for (at, point) in points.iter().enumerate() {
                    let before = at.checked_sub(1).map(|before| points[before].1);
                    corners.extend(before.map(|height| place(&(point.0, height))));
                    corners.push(place(point));
                }
                vec![path("line", polyline(&corners))]
            }
            What::Band(points) => {
                let high = points.iter().map(|(x, _, high)| place(&(*x, *high)));
                let low = points.iter().rev().map(|(x, low, _)| place(&(*x, *low)));
                vec![path("area", area(&high.chain(low).collect::<Vec<_>>()))]
            }
            What::Dots(dots) => dots
                .iter()
                .map(|dot| {
                    let (x, y) = place(&(dot.x, dot.y));
                    Shape::Dot { x, y, class: format!("dot {paint}"), text: dot.text.clone() }
                })
                .collect(),
            What::Bars(bars) => {
                let shown = bars.iter().filter(|bar| bar.height > 0.0);
                let shape = |bar: &Bar| Shape::Rect {
                    x: self.x_at(plot, bar.from),
                    y: self.y_at(plot, bar.height),
                    width: self.x_at(plot, bar.to) - self.x_at(plot, bar.from),
                    height: plot.y1 - self.y_at(plot, bar.height),
                    class: format!("bar {paint}"),
                };
                shown.map(shape).collect()
            }
            What::Level(y) => {
                let y = self.y_at(plot, *y);
                vec![path("level", polyline(&[(plot.x0, y), (plot.x1, y)]))]
            }
            What::Across(low, high) => {
                vec![rect((plot.x0, plot.x1), (self.y_at(plot, *high), self.y_at(plot, *low)))]
            }
            What::Upright(x) => {
                let x = self.x_at(plot, *x);
                vec![path("level", polyline(&[(x, plot.y0), (x, plot.y1)]))]
            }
            What::Span(from, to) => {
                vec![rect((self.x_at(plot, *from), self.x_at(plot, *to)), (plot.y0, plot.y1))]
            }
            What::Diagonal => vec![path("level", polyline(&[(plot.x0, plot.y1), (plot.x1, plot.y0)]))],
        }
    }

    fn range_shapes(&self, plot: &Plot) -> Vec<Shape> {
        let mut shapes = Vec::new();
        for (row, range) in self.ranges.iter().enumerate() {
            let top = plot.y0 + row as f64 * ROW;
            let (text_y, y) = (top + 18.0, top + 33.0);
            let class = range.paint.class();
            let label = shortened(&range.label);
            let label = match range.value {
                Some(value) => format!("{value:.3}  {label}"),
                None => format!("–  {label}"),
            };
            shapes.push(Shape::Text {
                x: plot.x0 + 6.0,
                y: text_y,
                anchor: "start",
                class: "label",
                text: label,
            });
            if let Some((low, high)) = range.interval {
                let (low, high) = (self.x_at(plot, low), self.x_at(plot, high));
                let d = polyline(&[(low, y), (high, y)]);
                let ends = [low, high].map(|x| polyline(&[(x, y - 5.0), (x, y + 5.0)]));
                let d = ends.into_iter().fold(d, |d, end| d + &end);
                shapes.push(Shape::Path { d, class: format!("line whole {class}") });
            }
            if let Some(value) = range.value {
                let x = self.x_at(plot, value);
                shapes.push(Shape::Dot { x, y, class: format!("dot {class}"), text: String::new() });
            }
        }
        shapes
    }

    fn legend(&self) -> Vec<Key> {
        let named = self.layers.iter().filter(|layer| !layer.name.is_empty());
        let key = |layer: &Layer| {
            let (kind, class) = match layer.what {
                What::Line(_) | What::Steps(_) => (Kind::Line, "line"),
                What::Level(_) | What::Upright(_) | What::Diagonal => (Kind::Line, "level"),
                What::Band(_) | What::Across(..) | What::Span(..) => (Kind::Area, "area"),
                What::Bars(_) => (Kind::Area, "bar"),
                What::Dots(_) => (Kind::Dot, "dot"),
            };
            Key { kind, class: format!("{class} {}", layer.paint.class()), name: layer.name.clone() }
        };
        named.map(key).collect()
    }
}

/// A label that fits into the drawing on a small screen, too.
fn shortened(label: &str) -> String {
    const LETTERS: usize = 40;
    match label.char_indices().nth(LETTERS) {
        None => label.to_owned(),
        Some((at, _)) => format!("{}…", &label[..at]),
    }
}

/// Where the plot lies in the drawing.
#[derive(Clone, Copy)]
struct Plot {
    x0: f64,
    x1: f64,
    y0: f64,
    y1: f64,
}

#[derive(Template)]
#[template(path = "page/templates/chart.html")]
struct ChartTemplate<'a> {
    chart: &'a Chart,
    width: f64,
    height: f64,
    shapes: &'a [Shape],
    legend: &'a [Key],
}

impl ChartTemplate<'_> {
    fn length(&self, value: &f64) -> String {
        super::shapes::length(value)
    }
}

#[cfg(test)]
mod tests;
