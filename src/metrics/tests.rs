//! Numbers of the Python packages `lir` and scikit-learn, which `scripts/make_measure_vectors.py` wrote down.

use super::*;
use crate::types::Label;
use serde::Deserialize;

/// Labelled scores, and what the packages say of them.
#[derive(Deserialize)]
pub(super) struct Case {
    pub name: String,
    pub labels: Vec<Label>,
    pub scores: Vec<f64>,
    log10_lrs: Vec<f64>,
    cllr: f64,
    cllr_min: f64,
    elub: (f64, f64),
    /// At each of `asked`: the isotonic curve's probability.
    pav: Vec<f64>,
    asked: Vec<f64>,
    /// Slope and intercept over log odds, with Platt's targets.
    logistic: (f64, f64),
    /// (false alarms, misses, score).
    det: Vec<(f64, f64, f64)>,
    /// (mean probability, share of fakes) of the bins that are not empty.
    reliability: Vec<(f64, f64)>,
}

pub(super) fn lir_vectors() -> Vec<Case> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/measures.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// How far both may be apart: what was asked for; the packages' own rounding is a thousand times smaller.
const CLOSE: f64 = 1e-6;

fn close(case: &Case, what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < CLOSE, "{} {what}: {found}, expected {expected}", case.name);
}

#[test]
fn costs_and_bounds_are_those_of_lir() {
    for case in lir_vectors() {
        close(&case, "Cllr", cllr(&case.labels, &case.log10_lrs).unwrap().unwrap(), case.cllr);
        close(&case, "Cllr_min", cllr_min(&case.labels, &case.scores).unwrap().unwrap(), case.cllr_min);
        let (low, high) = elub(&case.labels, &case.log10_lrs).unwrap().unwrap();
        close(&case, "lower bound", low, case.elub.0);
        close(&case, "upper bound", high, case.elub.1);
    }
}

#[test]
fn curves_through_scores_are_those_of_scikit_learn() {
    for case in lir_vectors() {
        let pav = Pav::fit(&case.labels, &case.scores).unwrap().unwrap();
        assert_eq!(case.asked.len(), case.pav.len());
        for (asked, expected) in case.asked.iter().zip(&case.pav) {
            close(&case, &format!("PAV at {asked}"), pav.probability(*asked), *expected);
        }
        let Logistic { slope, shift } = Logistic::fit(&case.labels, &case.scores).unwrap().unwrap();
        // Newton's method on either side ends where the loss is flat.
        assert!((slope - case.logistic.0).abs() < 1e-4, "{} {slope}", case.name);
        assert!((shift - case.logistic.1).abs() < 1e-4, "{} {shift}", case.name);
        let det = Roc::new(&case.labels, &case.scores).unwrap().det();
        for (false_alarms, missed, score) in &case.det {
            let point = det.iter().find(|point| point.score == *score).unwrap();
            close(&case, "false alarms", point.false_alarms, *false_alarms);
            close(&case, "misses", point.missed, *missed);
        }
        let bins = reliability(&case.labels, &case.scores).unwrap();
        assert_eq!(bins.len(), case.reliability.len());
        for (bin, (told, share)) in bins.iter().zip(&case.reliability) {
            close(&case, "mean probability", bin.told, *told);
            close(&case, "share of fakes", bin.fake as f64 / (bin.real + bin.fake) as f64, *share);
        }
    }
}

/// Detectors that scored the same videos, and what `scripts/make_compare_vectors.py` says of them: DeLong's test pair by pair
/// from its definition, all else from scipy, statsmodels and scikit-learn.
#[derive(Deserialize)]
struct PairedCase {
    name: String,
    labels: Vec<Label>,
    scores: Vec<Vec<f64>>,
    aucs: Vec<f64>,
    covariance: Vec<Vec<f64>>,
    tests: Vec<PairedVector>,
    holm: Vec<f64>,
}

#[derive(Deserialize)]
struct PairedVector {
    pair: (usize, usize),
    difference: f64,
    standard_error: f64,
    p: f64,
    only_right: (usize, usize),
    exact_p: f64,
    mid_p: f64,
    rank_correlation: f64,
    kappa: f64,
}

#[test]
fn tests_of_pairs_are_those_of_the_definitions_and_of_statsmodels() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/compare.json");
    let cases: Vec<PairedCase> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let close = |what: &str, found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-12, "{} {what}: {found}, expected {expected}", case.name);
        };
        let lists: Vec<&[f64]> = case.scores.iter().map(Vec::as_slice).collect();
        let tests = DeLong::new(&case.labels, &lists).unwrap();
        for vector in &case.tests {
            let (a, b) = vector.pair;
            let test = tests.test(a, b).unwrap();
            close("difference", test.difference, vector.difference);
            close("difference of AUCs", test.difference, case.aucs[b] - case.aucs[a]);
            close("standard error", test.standard_error, vector.standard_error);
            close("p", test.p.unwrap(), vector.p);
            close("variance", test.covariance.0, case.covariance[a][a]);
            close("variance", test.covariance.1, case.covariance[b][b]);
            close("covariance", test.covariance.2, case.covariance[a][b]);
            let (first, second) = vector.only_right;
            let mcnemar = McNemar::new(first, second);
            close("exact p", mcnemar.exact_p, vector.exact_p);
            close("mid-p", mcnemar.mid_p, vector.mid_p);
            let rho = rank_correlation(lists[a], lists[b]).unwrap().unwrap();
            close("rank correlation", rho, vector.rank_correlation);
            let mut calls = [[0; 2]; 2];
            for (first, second) in lists[a].iter().zip(lists[b]) {
                calls[usize::from(*first >= 0.5)][usize::from(*second >= 0.5)] += 1;
            }
            close("kappa", kappa(&calls).unwrap(), vector.kappa);
        }
        let p_values: Vec<Option<f64>> =
            case.tests.iter().map(|vector| tests.test(vector.pair.0, vector.pair.1).unwrap().p).collect();
        for (found, expected) in holm(&p_values).into_iter().zip(&case.holm) {
            close("Holm", found.unwrap(), *expected);
        }
    }
}
