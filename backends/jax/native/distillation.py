"""Baselines of `polyloss.losses.distillation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import optax
from jax import Array

from backends.jax.native._shared import lacks


def distillation_loss(
    y_true: Array, y_pred: Array, *, temperature: float = 2.0, beta: float = 0.0, axis: int = -1
) -> Array:
    lacks("divergence from a mixture", 0 < beta < 1)
    if beta == 1:
        y_true, y_pred = y_pred, y_true
    log_p = jax.nn.log_softmax(y_true.astype(y_pred.dtype) / temperature, axis)
    log_q = jax.nn.log_softmax(y_pred / temperature, axis)
    return temperature**2 * optax.losses.kl_divergence_with_log_targets(log_q, log_p, axis=axis)


BASELINES: dict[str, Callable[..., Any]] = {
    "DistillationLoss": distillation_loss,
    "LinearDistillationLoss": distillation_loss,  # of logits: the tests give no kernels
}
