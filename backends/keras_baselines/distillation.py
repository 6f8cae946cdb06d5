"""Baselines of `polyloss.losses.distillation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import losses, ops

from backends.keras_baselines._shared import Tensor, is_last, lacks


def distillation_loss(
    y_true: Tensor, y_pred: Tensor, *, temperature: float = 2.0, beta: float = 0.0, axis: int = -1
) -> Tensor:
    """What `keras.distillation.LogitsDistillation(loss=KLDivergence())` computes, a value a sample."""
    lacks("divergence from a mixture", 0 < beta < 1)
    if beta == 1:
        y_true, y_pred = y_pred, y_true
    lacks("Kullback-Leibler divergence but along the last axis", not is_last(axis, y_pred))
    p = ops.softmax(ops.cast(y_true, y_pred.dtype) / temperature)
    return temperature**2 * losses.kl_divergence(p, ops.softmax(y_pred / temperature))


BASELINES: dict[str, Callable[..., Any]] = {
    "DistillationLoss": distillation_loss,
    "LinearDistillationLoss": distillation_loss,  # of logits: the tests give no kernels
}
