"""Baselines of `polyloss.losses.segmentation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import optax
from jax import Array

from backends.jax.native._shared import lacks


def tversky(
    y_true: Array,
    y_pred: Array,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    from_logits: bool = False,
    per: str = "sample",
    average: str = "macro",
    smooth: float = 1e-6,
) -> Array:
    lacks("overlap of probabilities under jit: it looks at their sums", not from_logits)
    y = y_true.reshape(y_pred.shape) if y_true.ndim == y_pred.ndim else jax.nn.one_hot(y_true, y_pred.shape[-1])
    axis = tuple(range(1 if per == "sample" else 0, y_pred.ndim - (average == "macro")))
    reduction = "mean" if average == "macro" else "none"
    return optax.losses.dice_loss(y_pred, y, smooth=smooth, alpha=alpha, beta=beta, axis=axis, reduction=reduction)


def dice(y_true: Array, y_pred: Array, *, smooth: float = 1e-6, **parameters: Any) -> Array:
    """Tversky with half the smoothing: that is how optax has it."""
    return tversky(y_true, y_pred, smooth=smooth / 2, **parameters)


BASELINES: dict[str, Callable[..., Any]] = {
    "Dice": dice,
    "Tversky": tversky,
}
