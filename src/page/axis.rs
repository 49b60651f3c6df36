//! Axes of charts.

use crate::plot;

/// Intervals that an axis of times has at most.
const INTERVALS: f64 = 6.0;
/// Distances of times that people count in, in seconds.
const STEPS: [f64; 15] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0];
/// Rates that are named on an axis by the normal distribution.
const RATES: [(f64, &str); 9] = [
    (0.001, "0.1%"),
    (0.01, "1%"),
    (0.05, "5%"),
    (0.2, "20%"),
    (0.4, "40%"),
    (0.6, "60%"),
    (0.8, "80%"),
    (0.95, "95%"),
    (0.99, "99%"),
];

/// One axis: its name, its range and the values that are named on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    name: String,
    scale: Scale,
    ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    /// Evenly, over round numbers.
    Round(plot::Axis),
    /// Evenly, from one value to another.
    Even(f64, f64),
    /// By the normal distribution's quantiles, from one rate to another.
    Normal(f64, f64),
}

impl Axis {
    /// Covers `low` to `high`; begins and ends at round numbers.
    pub fn over(name: &str, low: f64, high: f64) -> Axis {
        Axis::round(name, plot::Axis::over(low, high))
    }

    /// From `first` to `last`, whole numbers only.
    pub fn whole(name: &str, first: usize, last: usize) -> Axis {
        Axis::round(name, plot::Axis::whole(first, last))
    }

    fn round(name: &str, axis: plot::Axis) -> Axis {
        Axis { name: name.to_owned(), scale: Scale::Round(axis), ticks: axis.ticks() }
    }

    /// Shares, 0 to 1, named as they are.
    pub fn shares(name: &str) -> Axis {
        Axis::over(name, 0.0, 1.0)
    }

    /// Times in seconds, named as minutes and seconds.
    pub fn times(name: &str, from: f64, to: f64) -> Axis {
        let to = if to > from { to } else { from + 1.0 };
        if to - from < 3.0 {
            let round = plot::Axis::over(from, to);
            let inside = |tick: &(f64, String)| (from..=to).contains(&tick.0);
            let ticks = round.ticks().into_iter().filter(inside).map(|(at, name)| (at, format!("{name} s")));
            return Axis { name: name.to_owned(), scale: Scale::Even(from, to), ticks: ticks.collect() };
        }
        let wide = (to - from) / INTERVALS;
        let step =
            STEPS.into_iter().find(|step| *step >= wide).unwrap_or_else(|| (wide / 3600.0).ceil() * 3600.0);
        let first = (from / step).ceil() as i64;
        let last = (to / step).floor() as i64;
        let ticks = (first..=last).map(|number| number as f64 * step).map(|at| (at, clock(at)));
        Axis { name: name.to_owned(), scale: Scale::Even(from, to), ticks: ticks.collect() }
    }

    /// Rates between 0 and 1 by the normal distribution's quantiles, as detection error trade-offs are drawn: a detector
    /// whose scores are normally distributed gives a straight line. Rates beyond `low` and `high` are drawn at the edge.
    pub fn rates(name: &str, low: f64, high: f64) -> Axis {
        let ticks = RATES.into_iter().filter(|(rate, _)| (low..=high).contains(rate));
        let ticks = ticks.map(|(rate, name)| (rate, name.to_owned())).collect();
        Axis { name: name.to_owned(), scale: Scale::Normal(low, high), ticks }
    }

    /// Exactly from `low` to `high`, with these values named.
    pub fn named(name: &str, (low, high): (f64, f64), ticks: Vec<(f64, String)>) -> Axis {
        Axis { name: name.to_owned(), scale: Scale::Even(low, high), ticks }
    }

    /// What it measures.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A value's place: 0 at the start, 1 at the end; values beyond are at the ends.
    pub fn share(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Round(axis) => axis.share(value),
            Scale::Even(low, high) => (value - low) / (high - low),
            Scale::Normal(low, high) => {
                let (low, high) = (quantile(low), quantile(high));
                (quantile(value) - low) / (high - low)
            }
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// The values that are named, with their names.
    pub fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }
}

fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours == 0 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// The normal distribution's quantile at a rate, good to a thousandth: Abramowitz and Stegun, 26.2.23.
fn quantile(rate: f64) -> f64 {
    let tail = |rate: f64| {
        let t = (-2.0 * rate.ln()).sqrt();
        let above = 2.515517 + t * (0.802853 + t * 0.010328);
        let below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
        t - above / below
    };
    match rate {
        rate if rate <= 0.0 => f64::NEG_INFINITY,
        rate if rate >= 1.0 => f64::INFINITY,
        rate if rate < 0.5 => -tail(rate),
        rate => tail(1.0 - rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn times_are_named_in_steps_that_people_count_in() {
        let axis = Axis::times("time", 0.0, 63.0);
        assert_eq!(names(&axis), ["0:00", "0:15", "0:30", "0:45", "1:00"]);
        assert!((axis.share(31.5) - 0.5).abs() < 1e-9);
        assert_eq!(names(&Axis::times("time", 0.0, 2.0))[..2], ["0.0 s", "0.5 s"]);
        assert_eq!(
            names(&Axis::times("time", 0.0, 7300.0)),
            ["0:00", "0:30:00", "1:00:00", "1:30:00", "2:00:00"].map(|t| if t == "0:30:00" {
                "30:00"
            } else {
                t
            })
        );
        assert!(!Axis::times("time", 5.0, 5.0).ticks().is_empty());
    }

    #[test]
    fn rates_have_the_places_of_the_normal_distribution() {
        assert!((quantile(0.975) - 1.96).abs() < 1e-3 && (quantile(0.025) + 1.96).abs() < 1e-3);
        let axis = Axis::rates("missed", 0.01, 0.99);
        assert!((axis.share(0.5) - 0.5).abs() < 1e-3);
        assert_eq!((axis.share(0.0), axis.share(1.0)), (0.0, 1.0));
        assert_eq!(names(&axis).first(), Some(&"1%"));
        assert_eq!(axis.share(f64::NAN), 0.0);
    }
}
