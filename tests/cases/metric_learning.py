"""Cases of `polyloss.losses.metric.pairs`."""

from __future__ import annotations

from typing import Any

import numpy as np

import polyloss
from tests import draws
from tests.case import Arrays, Case, Corner, Law, Parameters, Refusal, inf, nan, rng, saturating
from tests.cases.classification import range_refusals, shape_sentence
from tests.oracle import Dual, sqrt


def contrastive(y: float, p: Any, margin: float = 1.0) -> list[Dual]:
    """y d^2 + (1 - y) max(margin - d, 0)^2; Hadsell et al. 2006, equation 4, with 1 for alike and without 1/2."""
    y = y[0] if isinstance(y, list) else y
    if isinstance(p[0], list):
        d = sqrt(sum(((a - b) * (a - b) for a, b in zip(*p, strict=True)), Dual(0)))
    else:
        d = p[0]
    short = margin - d
    short = short if short > 0 else Dual(0)
    return [Dual(y) * d * d + (1 - Dual(y)) * short * short]


def pair_inputs(parameters: Parameters, dtype: str) -> Arrays:
    base = rng().normal(0, 1, (90, 2, 2))
    scale = np.resize([1e-20, 1e-6, 0.1, 1.0, 10.0, 1e10], 90)[:, None]
    base[:, 1] = base[:, 0] * (np.resize([0, 1], 90)[:, None]) + base[:, 1] * scale
    base[:3, 1] = base[:3, 0]
    return np.resize(np.array([0.0, 1.0, 0.3], dtype), 90), base.astype(dtype)


def distance_inputs(parameters: Parameters, dtype: str) -> Arrays:
    d = np.abs(saturating(dtype))[:, None]
    return np.resize(np.array([0.0, 1.0, 0.3], dtype), len(d)), d


def pair_batch(parameters: Parameters) -> Arrays:
    return np.array([1, 0, 1, 0, 0, 1], "int32"), rng().normal(0, 0.5, (6, 2, 3)).astype("float32")


def distance_halves(y: float, x: np.ndarray) -> Arrays:
    short = np.maximum(1 - x, 0)
    return y * x * x + (1 - y) * short * short, 2 * y * x - 2 * (1 - y) * short


PREDICTIONS = "y_pred must be pairs of embeddings (B, 2, D) or distances (B,) or (B, 1)"
LABELS = "y_true must have one label a pair, (B,) or (B, 1)"

CASES = [
    Case(
        loss=polyloss.ContrastiveLoss,
        reference=contrastive,
        variants=[{}, {"margin": 0.3}, {"margin": 5.0}],
        inputs=lambda parameters, dtype: (
            distance_inputs(parameters, dtype) if parameters.get("margin") == 0.3 else pair_inputs(parameters, dtype)
        ),
        batch=pair_batch,
        example={},
        output=(2, 3),
        terms=2,
        halves=distance_halves,
        half_targets=(0.0, 1.0),
        corners=[
            Corner({}, 1.0, [[0.0, 0.0], [3.0, 4.0]], [25.0], [-6.0, -8.0, 6.0, 8.0]),
            Corner({}, 0.0, [[0.0, 0.0], [0.0, 0.5]], [0.25], [0.0, 1.0, 0.0, -1.0]),
            Corner({}, 0.0, [[1.0, 2.0], [1.0, 2.0]], [1.0], [0.0, 0.0, 0.0, 0.0]),
            Corner({}, 1.0, [[1.0, 2.0], [1.0, 2.0]], [0.0], [0.0, 0.0, 0.0, 0.0]),
            Corner({}, 0.0, [[0.0, 0.0], [0.0, 1.0]], [0.0], [0.0, 0.0, 0.0, 0.0]),
            Corner({}, 0.0, [[0.0, 0.0], [1e25, 0.0]], [0.0], [0.0, 0.0, 0.0, 0.0]),
            Corner({}, 0.0, [[0.0, 0.0], [1e-25, 0.0]], [1.0], [2.0, 0.0, -2.0, 0.0]),
            Corner({}, 0.0, [nan], [nan]),
            Corner({}, 1.0, [[0.0, nan], [0.0, 0.0]], [nan]),
            Corner({}, 0.0, [inf], [0.0], [0.0]),
            Corner({}, 1.0, [inf], [inf]),
            Corner({}, 1, [2.0], [4.0], [4.0], labels="int32"),
            Corner({}, True, [2.0], [4.0], [4.0], labels="bool"),
        ],
        refusals=[
            *range_refusals("contrastive_loss", "margin", "be greater than 0", 0, -1.0),
            *(
                Refusal(shape_sentence("contrastive_loss", PREDICTIONS, (4,), p), {}, np.zeros(4), np.zeros(p))
                for p in [(4, 2), (4, 3, 2), (4, 2, 3, 1), ()]
            ),
            *(
                Refusal(shape_sentence("contrastive_loss", LABELS, y, (4, 2, 3)), {}, np.zeros(y), np.zeros((4, 2, 3)))
                for y in [(5,), (4, 2), (), (1,), (4, 1, 1)]
            ),
        ],
        laws=[
            Law(
                "the two of a pair may change places",
                draws.pairs,
                lambda y, p: (polyloss.contrastive_loss(y, p), polyloss.contrastive_loss(y, p[:, ::-1].copy())),
            ),
            Law(
                "distances and embeddings agree",
                draws.pairs,
                lambda y, p: (
                    polyloss.contrastive_loss(y, p),
                    polyloss.contrastive_loss(y, np.sqrt(np.square(p[:, 0] - p[:, 1]).sum(-1, dtype="float64"))),
                ),
            ),
        ],
    ),
]
