#!/usr/bin/env python3
"""Writes tests/vectors/compare.json: tests of paired results as the definitions and the packages scipy, statsmodels and
scikit-learn compute them.

DeLong's test is written here from the paper's definition, pair by pair, with nothing in common with the ranks of src/metrics.
Only for whoever changes src/metrics; the tests read the file that is committed.

    python3 -m venv /tmp/compare && /tmp/compare/bin/pip install numpy scipy statsmodels scikit-learn
    /tmp/compare/bin/python scripts/make_compare_vectors.py
"""

import json
import pathlib

import numpy as np
from scipy.stats import binom, norm, spearmanr
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/vectors/compare.json"


def delong(labels, scores):
    """AUCs and their covariance matrix: DeLong, DeLong and Clarke-Pearson 1988, equations 4 to 8."""
    fakes, reals = labels == 1, labels == 0
    v10, v01 = [], []
    for s in scores:
        kernel = (s[fakes][:, None] > s[reals][None, :]) + 0.5 * (s[fakes][:, None] == s[reals][None, :])
        v10.append(kernel.mean(axis=1))
        v01.append(kernel.mean(axis=0))
    s10, s01 = np.cov(np.array(v10), ddof=1), np.cov(np.array(v01), ddof=1)
    return [float(v.mean()) for v in v10], s10 / fakes.sum() + s01 / reals.sum()


def mid_p(b, c):
    """Fagerland, Lydersen and Laake 2013: the probability of all that is less likely, and half of all that is as likely.

    Without a video that only one calls rightly there is nothing to test: 1, as the exact test says."""
    if b + c == 0:
        return 1.0
    p = binom.pmf(np.arange(b + c + 1), b + c, 0.5)
    seen = p[b]
    alike = np.isclose(p, seen, rtol=1e-9)
    return float(p[(p < seen) & ~alike].sum() + 0.5 * p[alike].sum())


def case(name, real, fake, step, apart, noise, seed):
    """Scores of three detectors that share most of what they see, in steps where `step` is not 0."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.zeros(real, int), np.ones(fake, int)])
    labels = labels[rng.permutation(real + fake)]
    seen = rng.normal(0, 1.5, real + fake)
    scores = []
    for k in range(3):
        logits = seen + rng.normal(0, noise, real + fake) + (apart + 0.3 * k) * (labels - 0.5)
        s = 1 / (1 + np.exp(-logits))
        scores.append(((np.floor(s / step) + 0.5) * step if step else s).round(6))
    aucs, covariance = delong(labels, scores)
    for auc, s in zip(aucs, scores):
        assert abs(auc - roc_auc_score(labels, s)) < 1e-12
    tests = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        difference = aucs[b] - aucs[a]
        error = float(np.sqrt(covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]))
        p = float(2 * norm.sf(abs(difference) / error))
        right = [(s >= 0.5) == (labels == 1) for s in (scores[a], scores[b])]
        only = [int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())]
        called = [s >= 0.5 for s in (scores[a], scores[b])]
        tests.append({
            "pair": [a, b],
            "difference": difference,
            "standard_error": error,
            "p": p,
            "only_right": only,
            "exact_p": float(mcnemar([[0, only[0]], [only[1], 0]], exact=True).pvalue),
            "mid_p": mid_p(*only),
            "rank_correlation": float(spearmanr(scores[a], scores[b]).statistic),
            "kappa": float(cohen_kappa_score(*called)),
        })
    return {
        "name": name,
        "labels": labels.tolist(),
        "scores": [s.tolist() for s in scores],
        "aucs": aucs,
        "covariance": covariance.tolist(),
        "tests": tests,
        "holm": multipletests([t["p"] for t in tests], method="holm")[1].tolist(),
    }


CASES = [
    case("overlapping", 40, 60, 0, 1.5, 0.8, 1),
    case("with ties", 50, 30, 0.05, 2.0, 0.6, 2),
    case("nearly separate", 60, 40, 0, 6.0, 1.0, 3),
    case("few", 6, 5, 0.1, 1.0, 1.0, 4),
]

OUT.write_text(json.dumps(CASES) + "\n")
print(OUT, OUT.stat().st_size, "bytes")
for one in CASES:
    print(one["name"], [f"{auc:.4f}" for auc in one["aucs"]], [f"{t['p']:.3g}/{t['mid_p']:.3g}" for t in one["tests"]])
