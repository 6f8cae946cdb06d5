"""Quantiles: one of them element against element, or several along the last axis of the predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polyloss.core import numerics, ops, shapes
from polyloss.core.kinds.base import Arrays, Options, View, rng
from polyloss.core.kinds.elements import Elements
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import refuse


class Quantiles(Elements):
    """Numbers against numbers where `quantiles` is a number; against a row of them where it is a sequence."""

    title = "numbers against one quantile of them, or several along the last axis"

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Tensors whose difference has the shape of `y_pred`."""
        quantiles = options["quantiles"]
        if not isinstance(quantiles, tuple):
            return super().arrange(where, y_true, y_pred, options)
        y_true, y_pred = shapes.one_a_row(where, y_true, y_pred)
        if y_pred.shape[-1] not in (None, len(quantiles)):
            must = f"have {y_pred.shape[-1]} entries, one for each place on the last axis of y_pred"
            refuse(where, "quantiles", must, quantiles)
        return ops.expand_dims(y_true, -1), y_pred

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        """Several quantiles: each is tried with every prediction."""
        if not isinstance(options["quantiles"], tuple):
            return super().with_targets(options, x)
        rows = np.stack([np.roll(x, i) for i in range(len(options["quantiles"]))], 1)
        targets = np.array(self.tried_targets, x.dtype)
        return np.repeat(targets, len(x)), np.tile(rows, (len(targets), 1))

    def batch(self, options: Options) -> Arrays:
        y, p = super().batch(options)
        if not isinstance(options["quantiles"], tuple):
            return y, p
        return y[:, 0], rng().normal(1, 1, (6, len(options["quantiles"]))).astype("float32")

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        return [View("", "error: prediction minus target", (-4, 4), _same_error)]


def _same_error(loss: Any, x: Tensor) -> Tensor:
    """Every point a sample whose target is 0; several quantiles are all predicted to be the same."""
    x = ops.expand_dims(x, -1)
    if isinstance(loss.quantiles, tuple):
        return loss.call(ops.zeros_like(x), x + numerics.constant((0.0,) * len(loss.quantiles), x))
    return loss.call(ops.zeros_like(x), x)
