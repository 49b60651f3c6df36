//! What charts are made of, in the units of their drawing.

use std::fmt::Write;

/// Something that is drawn, with classes of the style sheet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// A line or an area.
    Path { d: String, class: String },
    /// A rectangle.
    Rect { x: f64, y: f64, width: f64, height: f64, class: String },
    /// A dot, which may say something when pointed at.
    Dot { x: f64, y: f64, class: String, text: String },
    /// A line of text: `anchor` is `start`, `middle` or `end`.
    Text { x: f64, y: f64, anchor: &'static str, class: &'static str, text: String },
}

/// A length with one decimal.
pub(super) fn length(value: &f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Straight lines through points; nothing where there are fewer than two.
pub(super) fn polyline(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    if points.len() < 2 {
        return d;
    }
    for (at, (x, y)) in points.iter().enumerate() {
        let command = if at == 0 { 'M' } else { 'L' };
        // Writing to a string does not fail.
        let _ = write!(d, "{command}{} {}", length(x), length(y));
    }
    d
}

/// The closed area that points go around.
pub(super) fn area(points: &[(f64, f64)]) -> String {
    let d = polyline(points);
    if d.is_empty() { d } else { d + "Z" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_to_write() {
        assert_eq!(polyline(&[(1.0, 2.04), (3.25, 4.0)]), "M1 2L3.2 4");
        assert_eq!(area(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]), "M0 0L1 0L1 1Z");
        assert_eq!(polyline(&[(1.0, 1.0)]), "");
    }
}
