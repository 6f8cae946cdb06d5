"""Baselines of `polyloss.losses.segmentation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import losses, ops

from backends.keras_baselines._shared import Tensor, lacks, table


def pooled(
    loss: Callable[..., Tensor],
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    per: str = "sample",
    average: str = "macro",
    smooth: float = 1e-6,
) -> Tensor:
    """Keras's loss over the axes that are pooled here; it takes probabilities, and smooths the denominator by 1e-7."""
    lacks("smoothing", smooth > 1e-6)
    rank, classes = len(y_pred.shape), y_pred.shape[-1]
    y = table(y_true, y_pred, -1)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=-1) if classes > 1 else ops.sigmoid(y_pred)
    axis = tuple(range(1 if per == "sample" else 0, rank - (average == "macro")))
    values = loss(y, y_pred, axis=axis)
    return ops.mean(values, axis=-1) if average == "macro" else values


def dice(y_true: Tensor, y_pred: Tensor, **parameters: Any) -> Tensor:
    return pooled(losses.dice, y_true, y_pred, **parameters)


def tversky(y_true: Tensor, y_pred: Tensor, *, alpha: float = 0.5, beta: float = 0.5, **parameters: Any) -> Tensor:
    """Keras 3.15.1 has alpha and beta the other way round, later ones do not."""
    lacks("alpha for false positives in every version", alpha != beta)
    loss = lambda y, p, axis: losses.tversky(y, p, alpha, beta, axis=axis)  # noqa: E731
    return pooled(loss, y_true, y_pred, **parameters)


BASELINES: dict[str, Callable[..., Any]] = {
    "Dice": dice,
    "Tversky": tversky,
}
