"""Element against element: targets and predictions of one shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polyloss.core import ops, shapes
from polyloss.core.kinds.base import BROKEN, EDGES, Arrays, Kind, Misfit, Options, View, against, rng
from polyloss.core.kinds.domains import NON_NEGATIVE, PROBABILITY
from polyloss.core.numerics import Tensor


class Elements(Kind):
    """Real numbers against real numbers."""

    title = "numbers against numbers, of one shape"
    tried_targets: Sequence[float] = (0.0, 1.0, -3.7, 0.1)
    """Targets that every special and random prediction is tried with."""
    misfits = tuple(
        Misfit("y_true must have the shape of y_pred", y, p)
        for y, p in (
            ((4, 1), (4, 3)),
            ((4, 3), (4, 1)),
            ((3,), (4, 3)),
            ((4, 3), (5, 3)),
            ((4, 1, 3), (4, 3)),
            ((4,), (4, 3)),
        )
    )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        y_true, y_pred = shapes.same_shape(where, y_true, y_pred)
        if "axis" in options and len(y_pred.shape):
            shapes.class_axis(where, options["axis"], y_pred)
        return y_true, y_pred

    def special(self, options: Options) -> np.ndarray:
        edges = np.array(EDGES)
        scales = [1.0, *(v for v in options.values() if isinstance(v, float) and v > 0)]
        kinks = [c * v for v in scales for c in (0.3, -0.3, 1.0, -1.0)]  # where the formula may change
        return np.concatenate([edges, -edges, np.linspace(-100, 100, 81), kinks, [1e6, -1e6, 1e15]])

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.normal(0, 1, count) * np.resize([0.5, 4.0, 4.0, 1e4], count)

    def broken(self, options: Options) -> np.ndarray:
        return np.array(BROKEN)

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        y, p = against(self.tried_targets, x)
        if any(isinstance(v, tuple) for v in options.values()):  # a parameter with one entry a class: two classes
            return np.concatenate([y, y[::-1]], 1), np.concatenate([p, p[::-1]], 1)
        return y, p

    def batch(self, options: Options) -> Arrays:
        return rng().normal(0, 2, (6, 3)).astype("float32"), rng().normal(1, 1, (6, 3)).astype("float32")

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        return [View("", "error: prediction minus target", (-4, 4), one_element(0.0))]


class Amounts(Elements):
    """Numbers that are not negative, over orders of magnitude."""

    title = "numbers that are not negative, of one shape"
    targets = NON_NEGATIVE
    predictions = NON_NEGATIVE
    tried_targets = (0.0, 1.0, 1000.0, 3e9)

    def special(self, options: Options) -> np.ndarray:
        ends = [0.0, 1e-9, 1e-7, 2e-7, 1e-3, 0.5, 1.0, 2.0]
        close = 1000.0 * (1 + np.array([0.0, 1e-7, -1e-7, 1e-5, 1e-3, -0.4, 0.4]))
        return np.concatenate([ends, 10 ** np.linspace(-5, 15, 60), [-1.0, -1e-3], close])

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        return np.exp(rng.normal(2, 4, count))

    def inputs(self, options: Options, dtype: str, count: int = 0) -> Arrays:
        return super().inputs(options, dtype, count)

    def batch(self, options: Options) -> Arrays:
        y, p = super().batch(options)
        return np.exp(y).astype("float32"), np.exp(p).astype("float32")

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        return [View(f"y = {y}", "prediction", (y / 30, y * 30), one_element(y), "log") for y in (100, 10000)]


class YesNo(Elements):
    """Yes/no decisions, one or several a sample."""

    title = "yes/no decisions, one or several a sample"
    targets = PROBABILITY
    predictions = PROBABILITY
    tried_targets = (0.0, 1.0, 0.3)

    def special(self, options: Options) -> np.ndarray:
        if options.get("from_logits"):
            edges = np.array(EDGES)
            return np.concatenate([edges, -edges, np.linspace(-100, 100, 81)])
        small = np.array([0.0, 1e-9, 5e-8, 1e-7, 2e-7, 1e-6, 1e-3, 0.1, 0.25, 0.5])
        return np.concatenate([small, 1 - small])

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.normal(0, 4, count) if options.get("from_logits") else rng.uniform(0, 1, count)

    def batch(self, options: Options) -> Arrays:
        x = rng().normal(0, 2, (6, 3)).astype("float32")
        p = x if options.get("from_logits") else (1 / (1 + np.exp(-x))).astype("float32")
        return (rng().uniform(size=(6, 3)) < 0.4).astype("float32"), p

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        from_logits = losses[0]._options().get("from_logits", False)
        label, span = ("logit", (-6.0, 6.0)) if from_logits else ("probability", (0.01, 0.99))
        return [View(f"y = {y}", label, span, one_element(y)) for y in (1, 0)]


def one_element(target: float) -> Callable[[Any, Tensor], Tensor]:
    """Every point a sample of one element, with one target."""

    def call(loss: Any, x: Tensor) -> Tensor:
        x = ops.expand_dims(x, -1)
        return loss.call(target * ops.ones_like(x), x)

    return call
