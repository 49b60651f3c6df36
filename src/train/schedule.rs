//! The learning rate over a run.

use super::config::{Config, Schedule};

impl Config {
    /// The learning rate of step `step` of epoch `epoch`, both counted from 0. That of the first step after the last
    /// epoch is what a finished run's file has.
    pub fn learning_rate(&self, epoch: usize, step: usize, steps_per_epoch: usize) -> f64 {
        let (at, all) = (epoch * steps_per_epoch + step, self.epoch * steps_per_epoch);
        let warmup = (self.optim.warmup * all as f64).round() as usize;
        let base = self.optim.lr;
        if at < warmup {
            return base * (at + 1) as f64 / warmup as f64;
        }
        match self.optim.schedule {
            Schedule::LinearLastQuarter => linear_last_quarter(epoch, self.epoch, base),
            Schedule::Constant => base,
            Schedule::Cosine => cosine(at - warmup, all - warmup, base),
        }
    }
}

/// The rate in epoch `epoch` (from 0) of `epochs`: `base` for the first three quarters, then linearly to 0, which
/// would be reached after the last. Kept so that published settings train as published.
pub fn linear_last_quarter(epoch: usize, epochs: usize, base: f64) -> f64 {
    let start = epochs * 3 / 4;
    if epoch <= start {
        return base;
    }
    base - base / (epochs - start) as f64 * (epoch - start) as f64
}

/// The rate of step `step` (from 0) of `steps`: from `base` along half a cosine to 0, which would be reached after the
/// last.
///
/// Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, without restarts.
fn cosine(step: usize, steps: usize, base: f64) -> f64 {
    let way = step as f64 / steps.max(1) as f64;
    base * 0.5 * (1.0 + (std::f64::consts::PI * way.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::config::OptimConfig;

    #[test]
    fn falls_to_zero_over_the_last_quarter() {
        let all: Vec<f64> = (0..8).map(|epoch| linear_last_quarter(epoch, 8, 1.0)).collect();
        assert_eq!(all, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]);
        assert_eq!(linear_last_quarter(0, 1, 0.1), 0.1);
        for epochs in 1..300 {
            assert!((0..epochs).all(|epoch| linear_last_quarter(epoch, epochs, 1.0) > 0.0));
        }
    }

    /// The rates of 4 epochs of 2 steps, and that after them.
    fn rates(schedule: Schedule, warmup: f64) -> Vec<f64> {
        let optim = OptimConfig { lr: 1.0, schedule, warmup, ..OptimConfig::default() };
        let config = Config { epoch: 4, optim, ..Config::default() };
        (0..=8).map(|at| config.learning_rate(at / 2, at % 2, 2)).collect()
    }

    fn assert_near(found: &[f64], expected: &[f64]) {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(found.len() == expected.len() && found.iter().zip(expected).all(near), "{found:?}");
    }

    #[test]
    fn a_configuration_chooses_the_schedule() {
        let published = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        assert_eq!(rates(Schedule::LinearLastQuarter, 0.0), published);
        assert_eq!(rates(Schedule::Constant, 0.0), [1.0; 9]);
        let eighth = |n: f64| 0.5 + 0.5 * (n * std::f64::consts::PI / 8.0).cos();
        let cosine: Vec<f64> = (0..=8).map(|n| eighth(f64::from(n))).collect();
        assert_near(&rates(Schedule::Cosine, 0.0), &cosine);
        assert!(cosine[0] == 1.0 && cosine[8].abs() < 1e-12);
    }

    #[test]
    fn a_warm_up_rises_in_equal_steps_before_the_schedule_begins() {
        assert_near(&rates(Schedule::Constant, 0.25), &[0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        let half =
            [0.25, 0.5, 0.75, 1.0, 1.0, 0.5 + 0.5 * 0.5f64.sqrt(), 0.5, 0.5 - 0.5 * 0.5f64.sqrt(), 0.0];
        assert_near(&rates(Schedule::Cosine, 0.5), &half);
    }
}
