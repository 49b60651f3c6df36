#!/usr/bin/env python3
"""Writes tests/vectors/measures.json: costs, bounds and curves as the Python packages lir and scikit-learn compute them.

Only for whoever changes src/metrics; the tests read the file that is committed.

    python3 -m venv /tmp/measures && /tmp/measures/bin/pip install lir==1.3.1 scikit-learn
    /tmp/measures/bin/python scripts/make_measure_vectors.py
"""

import json
import pathlib

import numpy as np
from lir.algorithms.bayeserror import elub
from lir.data.models import LLRData
from lir.metrics import cllr, cllr_min
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import det_curve

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/vectors/measures.json"


def case(name, real, fake, step, apart, seed):
    """`real` and `fake` scores in 0..1, `apart` logits from one another, in the middles of parts of `step` where that is not 0."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.zeros(real, int), np.ones(fake, int)])
    scores = 1 / (1 + np.exp(-(rng.normal(0, 1.5, real + fake) + apart * (labels - 0.5))))
    scores = np.clip((np.floor(scores / step) + 0.5) * step if step else scores, 0.001, 0.999).round(6)
    # Ratios as a detector that is too sure of itself tells them.
    log10_lrs = (1.4 * np.log10(scores / (1 - scores)) + 0.2).round(6)
    order = rng.permutation(real + fake)
    labels, scores, log10_lrs = labels[order], scores[order], log10_lrs[order]

    def data(values):
        return LLRData(features=np.array(values, float).reshape(-1, 1), labels=labels.copy())

    prior = labels.mean()
    weights = labels * (1 - prior) + (1 - labels) * prior
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, sample_weight=weights)
    asked = np.linspace(0, 1, 21).round(3)

    # Platt's targets as samples of both classes with the targets as weights.
    target = np.where(labels == 1, (fake + 1) / (fake + 2), 1 / (real + 2))
    weight = np.where(labels == 1, 0.5 / fake, 0.5 / real)
    x = np.log(scores / (1 - scores))
    logistic = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000).fit(
        np.concatenate([x, x]).reshape(-1, 1),
        np.concatenate([np.ones_like(labels), np.zeros_like(labels)]),
        sample_weight=np.concatenate([weight * target, weight * (1 - target)]) * 1000,
    )
    share, mean = calibration_curve(labels, scores, n_bins=10)
    return {
        "name": name,
        "labels": labels.tolist(),
        "scores": scores.tolist(),
        "log10_lrs": log10_lrs.tolist(),
        "cllr": cllr(data(log10_lrs)),
        "cllr_min": cllr_min(data(scores)),
        "elub": [float(bound) for bound in elub(log10_lrs.copy(), labels.copy())],
        "asked": asked.tolist(),
        "pav": isotonic.predict(asked).tolist(),
        "logistic": [float(logistic.coef_[0, 0]), float(logistic.intercept_[0])],
        "det": [[float(value) for value in point] for point in zip(*det_curve(labels, scores, drop_intermediate=False))
                if np.isfinite(point[2])],
        "reliability": [[float(m), float(s)] for m, s in zip(mean, share)],
    }


CASES = [
    case("overlapping", 40, 60, 0, 1.5, 1),
    case("with ties", 50, 30, 0.05, 2.0, 2),
    case("nearly separate", 120, 80, 0, 5.0, 3),
    case("few", 6, 5, 0.1, 1.0, 4),
]

OUT.write_text(json.dumps(CASES) + "\n")
print(OUT, OUT.stat().st_size, "bytes")
for one in CASES:
    print(one["name"], *(f"{key} {one[key]}" for key in ("cllr", "cllr_min", "elub", "logistic")))
