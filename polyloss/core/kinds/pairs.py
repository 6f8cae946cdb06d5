"""Pairs: two embeddings a sample, or their distance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polyloss.core import numerics, ops, shapes
from polyloss.core.kinds.base import BROKEN, EDGES, Arrays, Kind, Misfit, Options, View, rng, spread
from polyloss.core.kinds.domains import NON_NEGATIVE, PROBABILITY, REAL, Domain
from polyloss.core.numerics import Tensor

_PAIRS = "y_pred must be pairs of embeddings (B, 2, D) or distances (B,) or (B, 1)"
_LABELS = "y_true must have one label a pair, (B,) or (B, 1)"


class Pairs(Kind):
    """Pairs of embeddings (B, 2, D) or distances (B,), with 1 for alike and 0 for different."""

    title = "pairs that are alike (1) or different (0)"
    targets = PROBABILITY
    predictions = REAL
    output = (2, 3)
    misfits = (
        *(Misfit(_PAIRS, (4,), p) for p in [(4, 2), (4, 3, 2), (4, 2, 3, 1), ()]),
        *(Misfit(_LABELS, y, (4, 2, 3)) for y in [(5,), (4, 2), (), (1,), (4, 1, 1)]),
    )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """One label and one distance a pair where distances are given, else the pairs (B, 2, D)."""
        y_pred, y_true = shapes.real(where, "y_pred", y_pred), shapes.tensor(where, "y_true", y_true)
        shape = tuple(y_pred.shape)
        if len(shape) == 2 and shape[1] == 1:
            y_pred = ops.squeeze(y_pred, 1)
        elif not (len(shape) == 1 or (len(shape) == 3 and shape[1] == 2)):
            shapes.refuse_shapes(where, _PAIRS, y_true, y_pred)
        if len(y_true.shape) == 2 and y_true.shape[1] == 1:
            y_true = ops.squeeze(y_true, 1)
        if not shapes.agree(y_true.shape, y_pred.shape[:1]):
            shapes.refuse_shapes(where, _LABELS, y_true, y_pred)
        return ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred

    def prediction_domain(self, options: Options, y_pred: Any) -> Domain:
        """Distances are not negative; embeddings are any numbers."""
        return REAL if len(y_pred.shape) == 3 else NON_NEGATIVE

    def special(self, options: Options) -> np.ndarray:
        base = rng().normal(0, 1, (90, 2, 2))
        scale = np.resize([1e-20, 1e-6, 0.1, 1.0, 10.0, 1e10], 90)[:, None]
        base[:, 1] = base[:, 0] * (np.resize([0, 1], 90)[:, None]) + base[:, 1] * scale
        base[:3, 1] = base[:3, 0]
        return np.concatenate([base, spread([e for e in EDGES if e == 0 or 1e-12 <= e < 20], (2, 2))])

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.normal(0, 0.5, (count, 2, 2))

    def broken(self, options: Options) -> np.ndarray:
        return spread(BROKEN, (2, 2))

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        return np.resize(np.array([0.0, 1.0, 0.3], x.dtype), len(x)), x

    def inputs(self, options: Options, dtype: str, count: int = 0) -> Arrays:
        return super().inputs(options, dtype, count)

    def batch(self, options: Options) -> Arrays:
        return np.array([1, 0, 1, 0, 0, 1], "int32"), rng().normal(0, 0.5, (6, 2, 3)).astype("float32")

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        reach = 1.5 * max(float(one._options().get("margin", 1.0)) for one in losses)
        titles = (("y = 1: alike", 1.0), ("y = 0: different", 0.0))
        return [View(title, "distance", (0, reach), _distance(y)) for title, y in titles]


def _distance(target: float) -> Callable[[Any, Tensor], Tensor]:
    """Every point the distance of a pair."""
    return lambda loss, x: loss.call(target * ops.ones_like(x), x)
