"""Cases of `polyloss.losses.metric.pairs`."""

from __future__ import annotations

from typing import Any

import numpy as np

import polyloss
from polyloss.core.kinds import PAIRS
from polyloss.core.kinds.base import EDGES
from tests import draws
from tests.case import Arrays, Case, Corner, Law, Parameters, inf, nan, of_decisions, range_refusals
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


def distance_inputs(parameters: Parameters, dtype: str) -> Arrays:
    d = np.concatenate([EDGES, np.linspace(0, 100, 81), np.linspace(0, 2 * parameters["margin"], 21)])
    return np.resize(np.array([0.0, 1.0, 0.3], dtype), len(d)), d.astype(dtype)[:, None]


def distance_halves(y: float, x: np.ndarray) -> Arrays:
    short = np.maximum(1 - x, 0)
    return y * x * x + (1 - y) * short * short, 2 * y * x - 2 * (1 - y) * short


CASES = [
    Case(
        loss=polyloss.ContrastiveLoss,
        reference=contrastive,
        variants=[{}, {"margin": 0.3}, {"margin": 5.0}],
        own_inputs=lambda parameters, dtype: (
            distance_inputs(parameters, dtype) if parameters.get("margin") == 0.3 else PAIRS.inputs(parameters, dtype)
        ),
        example={},
        terms=2,
        halves=distance_halves,
        half_targets=(0.0, 1.0),
        corners=[
            Corner({}, 1.0, [[0.0, 0.0], [3.0, 4.0]], [25.0], [-6.0, -8.0, 6.0, 8.0]),
            Corner({}, 0.0, [[0.0, 0.0], [0.0, 0.5]], [0.25], [0.0, 1.0, 0.0, -1.0]),
            Corner({}, 0.0, [[1.0, 2.0], [1.0, 2.0]], [1.0], [0.0, 0.0, 0.0, 0.0], edge="a = b, y = 0"),
            Corner({"margin": 3.0}, 0.0, [[1.0], [1.0]], [9.0], [0.0, 0.0], edge="a = b, y = 0"),
            Corner({}, 1.0, [[1.0, 2.0], [1.0, 2.0]], [0.0], [0.0, 0.0, 0.0, 0.0]),
            Corner({}, 0.0, [[0.0, 0.0], [0.0, 1.0]], [0.0], [0.0, 0.0, 0.0, 0.0], edge="d = margin, y = 0"),
            Corner({}, 0.0, [1.0], [0.0], [0.0], edge="d = margin, y = 0"),
            Corner({}, 0.0, [[0.0, 0.0], [1e25, 0.0]], [0.0], [0.0, 0.0, 0.0, 0.0]),
            Corner({}, 0.0, [[0.0, 0.0], [1e-25, 0.0]], [1.0], [2.0, 0.0, -2.0, 0.0]),
            Corner({}, 0.0, [nan], [nan], [nan], edge="NaN"),
            Corner({}, 1.0, [nan], [nan], [nan], edge="NaN"),
            Corner({}, 1.0, [[0.0, nan], [0.0, 0.0]], [nan], [None, nan, None, nan], edge="NaN"),
            Corner({}, 0.0, [inf], [0.0], [0.0]),
            Corner({}, 1.0, [inf], [inf]),
            Corner({}, 1, [2.0], [4.0], [4.0], labels="int32"),
            Corner({}, True, [2.0], [4.0], [4.0], labels="bool"),
        ],
        refused=[
            *range_refusals("contrastive_loss", "margin", "be greater than 0", 0, -1.0),
        ],
        minimisers=[
            of_decisions("the margin's share of different pairs", lambda alike: 1 - alike),
            of_decisions("the margin's share of different pairs", lambda alike: 5 * (1 - alike), margin=5.0),
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
