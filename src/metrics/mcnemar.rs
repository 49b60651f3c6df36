//! McNemar's test: whether two detectors that called the same videos are right equally often.
//!
//! Only videos count that one calls rightly and the other does not. The exact test takes them for throws of a fair coin; with
//! few of them it finds less than there is, and its *mid-p* form, which counts what was seen by half, is nearer to the truth:
//! Fagerland, Lydersen and Laake, "The McNemar test for binary matched-pairs data: mid-p and asymptotic are better than exact
//! conditional", BMC Medical Research Methodology 2013.

use serde::Serialize;

/// Two detectors' calls of the same videos.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Videos that only the first calls rightly.
    pub only_first_right: usize,
    /// Videos that only the second calls rightly.
    pub only_second_right: usize,
    /// How often chance alone would share them out so unevenly, or more so; 1 where there are none.
    pub exact_p: f64,
    /// The same with half of what was seen left out; 1 where there are none.
    pub mid_p: f64,
}

impl McNemar {
    /// Tests by how many videos only one of the two is right about.
    pub fn new(only_first_right: usize, only_second_right: usize) -> Self {
        let fewer = only_first_right.min(only_second_right);
        let all = only_first_right + only_second_right;
        let (exact_p, mid_p) = match all {
            0 => (1.0, 1.0),
            _ => {
                let (here, below) = binomial_half(all, fewer);
                if 2 * fewer == all {
                    (1.0, 1.0 - here / 2.0)
                } else {
                    (2.0 * (below + here), 2.0 * below + here)
                }
            }
        };
        McNemar { only_first_right, only_second_right, exact_p: exact_p.min(1.0), mid_p }
    }
}

/// The probabilities that of `all` throws of a fair coin exactly `heads`, and fewer, show heads.
fn binomial_half(all: usize, heads: usize) -> (f64, f64) {
    let ways: f64 = (1..=heads).map(|at| ((all - heads + at) as f64 / at as f64).ln()).sum();
    let here = (ways - all as f64 * std::f64::consts::LN_2).exp();
    let (mut below, mut term) = (0.0, here);
    for heads in (1..=heads).rev() {
        term *= heads as f64 / (all - heads + 1) as f64;
        below += term;
    }
    (here, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12 * expected.max(1e-3), "{found}, expected {expected}");
    }

    #[test]
    fn a_handful_by_hand() {
        // One against five: (1 + 6) of 64 on either side.
        let test = McNemar::new(5, 1);
        close(test.exact_p, 14.0 / 64.0);
        close(test.mid_p, 8.0 / 64.0);
        assert_eq!((test.exact_p, test.mid_p), (McNemar::new(1, 5).exact_p, McNemar::new(1, 5).mid_p));
        // Two against two: what was seen, 6 of 16, by half.
        close(McNemar::new(2, 2).exact_p, 1.0);
        close(McNemar::new(2, 2).mid_p, 1.0 - 3.0 / 16.0);
        close(McNemar::new(1, 0).exact_p, 1.0);
        close(McNemar::new(0, 1).mid_p, 0.5);
        assert_eq!((McNemar::new(0, 0).exact_p, McNemar::new(0, 0).mid_p), (1.0, 1.0));
    }

    #[test]
    fn many_thousands_are_no_trouble() {
        let even = McNemar::new(20_000, 20_000);
        assert!(even.exact_p == 1.0 && even.mid_p > 0.99, "{even:?}");
        let uneven = McNemar::new(20_000, 21_000);
        // The normal approximation gives 7.9e-7.
        assert!((7.5e-7..8.2e-7).contains(&uneven.mid_p) && uneven.mid_p < uneven.exact_p, "{uneven:?}");
        assert!(McNemar::new(0, 100_000).exact_p < 1e-300);
    }
}
