//! The learning rate of each epoch.

use super::config::{Config, Schedule};

impl Config {
    /// The learning rate of an epoch, counted from 0. The one after the last is that of a finished run's file.
    pub fn learning_rate(&self, epoch: usize) -> f64 {
        match self.optim.schedule {
            Schedule::LinearLastQuarter => linear_last_quarter(epoch, self.epoch, self.optim.lr),
            Schedule::Constant => self.optim.lr,
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

    #[test]
    fn a_configuration_chooses_the_schedule() {
        let rates = |schedule| {
            let optim = OptimConfig { lr: 1.0, schedule, ..OptimConfig::default() };
            let config = Config { epoch: 4, optim, ..Config::default() };
            (0..=4).map(|epoch| config.learning_rate(epoch)).collect::<Vec<_>>()
        };
        assert_eq!(rates(Schedule::LinearLastQuarter), [1.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(rates(Schedule::Constant), [1.0; 5]);
    }
}
