//! The learning rate of each epoch.

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

    #[test]
    fn falls_to_zero_over_the_last_quarter() {
        let all: Vec<f64> = (0..8).map(|epoch| linear_last_quarter(epoch, 8, 1.0)).collect();
        assert_eq!(all, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]);
        assert_eq!(linear_last_quarter(0, 1, 0.1), 0.1);
        for epochs in 1..300 {
            assert!((0..epochs).all(|epoch| linear_last_quarter(epoch, epochs, 1.0) > 0.0));
        }
    }
}
