//! Axes with round numbers on them.

/// About so many intervals.
const INTERVALS: f64 = 6.0;

/// The range of an axis and the distance of its ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    /// An axis that covers `low` to `high` and begins and ends at round numbers.
    pub fn over(low: f64, high: f64) -> Self {
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
        let step = round_step((high - low) / INTERVALS);
        // A little less than a whole step over a tick is on the tick.
        let slack = 1e-9;
        Axis { low: (low / step + slack).floor() * step, high: (high / step - slack).ceil() * step, step }
    }

    /// An axis from `first` to `last` with ticks at whole numbers only.
    pub fn whole(first: usize, last: usize) -> Self {
        let (low, high) = (first as f64, last as f64);
        let (low, high) = if high > low { (low, high) } else { (low - 1.0, low + 1.0) };
        Axis { low, high, step: round_step((high - low) / INTERVALS).max(1.0).round() }
    }

    /// A value's relative position on the axis: 0 at its start, 1 at its end.
    pub fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// The ticks: round values and the labels that show them.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let places = (-self.step.log10()).ceil().max(0.0) as usize;
        let (first, last) = ((self.low / self.step - 1e-9).ceil(), (self.high / self.step + 1e-9).floor());
        let numbers = (0..=(last - first) as usize).map(|number| (first + number as f64) * self.step);
        // Without the sign of a zero that came out as -0.
        numbers.map(|value| (value, format!("{:.places$}", value + 0.0))).collect()
    }
}

/// The least of 1, 2, 5 times a power of ten that is not less.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    power * factors.into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9)).unwrap_or(10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn hand_checked_axes() {
        assert_eq!(labels(Axis::over(0.0, 0.9)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(Axis::over(0.93, 1.0)), ["0.92", "0.94", "0.96", "0.98", "1.00"]);
        assert_eq!(labels(Axis::over(-0.1, 0.1)), ["-0.10", "-0.05", "0.00", "0.05", "0.10"]);
        assert_eq!(labels(Axis::over(1.0, 1.0)), ["0.4", "0.6", "0.8", "1.0", "1.2", "1.4", "1.6"]);
        assert_eq!(labels(Axis::whole(1, 120)), ["20", "40", "60", "80", "100", "120"]);
        assert_eq!(labels(Axis::whole(1, 4)), ["1", "2", "3", "4"]);
        assert_eq!(labels(Axis::whole(3, 3)), ["2", "3", "4"]);
    }

    proptest! {
        #[test]
        fn all_values_are_on_the_axis_and_ticks_are_few(low in -100.0f64..100.0, span in 1e-3f64..1e3) {
            let axis = Axis::over(low, low + span);
            let eps = 1e-6;
            prop_assert!(axis.share(low) > -eps && axis.share(low + span) < 1.0 + eps, "{axis:?}");
            let ticks = axis.ticks();
            prop_assert!((3..=9).contains(&ticks.len()), "{ticks:?}");
            prop_assert!(ticks.iter().all(|(value, label)| (label.parse::<f64>().unwrap() - value).abs() < 1e-9 * value.abs().max(1.0)));
        }
    }
}
