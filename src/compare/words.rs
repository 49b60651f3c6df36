//! A comparison in words, for tables and pages alike.

use super::{CompareSummary, PairComparison};
use crate::metrics::Measure;

/// From this p-value on a difference is put down to chance.
const CHANCE: f64 = 0.05;

/// `+0.0123 (95 % interval -0.0010 to +0.0250)`.
pub fn signed(difference: Measure) -> String {
    let value = difference.value.map_or("undefined".to_owned(), |value| format!("{value:+.4}"));
    let interval = difference.ci95.map(|(low, high)| format!(" (95 % interval {low:+.4} to {high:+.4})"));
    format!("{value}{}", interval.unwrap_or_default())
}

/// A p-value with the digits that say something, however small.
pub fn p_value(value: Option<f64>) -> String {
    match value {
        None => "undefined".to_owned(),
        Some(p) if p >= 0.0995 => format!("{p:.2}"),
        Some(p) if p >= 0.00095 => format!("{p:.4}").trim_end_matches('0').to_owned(),
        Some(p) if p > 0.0 => format!("{p:.1e}"),
        Some(_) => "0".to_owned(),
    }
}

impl CompareSummary {
    /// A result against an earlier one in a sentence, by the AUC where there are labels of both classes: by DeLong's test,
    /// corrected where there are several, or else by the interval of the bootstrap.
    pub fn conclusion(&self, pair: &PairComparison) -> String {
        let (first, second) = (&self.results[pair.first].name, &self.results[pair.second].name);
        let difference = pair.difference.unwrap_or_default();
        let Some((value, (low, high))) = difference.value.zip(difference.ci95) else {
            let agreement = &pair.agreement;
            return match agreement.mean_apart.zip(agreement.same_call) {
                Some((apart, same)) => format!(
                    "{second} and {first}: scores are {apart:.4} apart on average, and {:.1} % of the calls are the same",
                    100.0 * same
                ),
                None => format!("{second} and {first} have no scores of the same videos"),
            };
        };
        let p = pair.delong_holm.or(pair.delong.and_then(|test| test.p));
        let words = match p {
            _ if value == 0.0 => "has the same AUC as",
            Some(p) if p >= CHANCE => "is not shown to differ from",
            None if low <= 0.0 && high >= 0.0 => "is not shown to differ from",
            _ if value > 0.0 => "is better than",
            _ => "is worse than",
        };
        let corrected = if pair.delong_holm.is_some() { " (corrected)" } else { "" };
        format!("{second} {words} {first}: AUC {}, p = {}{corrected}", signed(difference), p_value(p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_probabilities_keep_their_digits() {
        let told = [1.0, 0.5, 0.1, 0.0432, 0.01, 0.0012, 0.00012, 0.0].map(|value| p_value(Some(value)));
        assert_eq!(told, ["1.00", "0.50", "0.10", "0.0432", "0.01", "0.0012", "1.2e-4", "0"]);
        assert_eq!(p_value(None), "undefined");
        assert_eq!(signed(Measure { value: Some(-0.5), ci95: None }), "-0.5000");
    }
}
