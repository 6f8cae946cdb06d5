"""Baselines of `polyloss.losses.imbalance`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from backends.jax.native._shared import is_integer, lacks, numbers, smooth_binary, table
from backends.jax.native.classification import sparse_categorical_crossentropy


def focal_loss(
    y_true: Array,
    y_pred: Array,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = 0.25,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Array:
    lacks("focal loss of probabilities", not from_logits)
    y = smooth_binary(y_true, y_pred, label_smoothing)
    weight = jnp.asarray(alpha, y_pred.dtype) if isinstance(alpha, Sequence) else alpha
    return optax.losses.sigmoid_focal_loss(y_pred, y, alpha=weight, gamma=gamma)


def categorical_focal_loss(
    y_true: Array,
    y_pred: Array,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = None,
    from_logits: bool = False,
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Not one function of optax: its cross-entropy, weighed by (1 - p) ** gamma with p the exp of minus it.

    With soft labels every class has its own factor; the loss is linear in the labels, so it goes there.
    """
    lacks("softmax focal loss of probabilities", not from_logits)
    weight = jnp.asarray(1.0 if alpha is None else alpha, y_pred.dtype)
    if is_integer(y_true, y_pred, axis) and not label_smoothing:
        labels = numbers(y_true, y_pred, axis)
        loss = sparse_categorical_crossentropy(labels, y_pred, from_logits=True, ignore_class=ignore_class, axis=axis)
        if weight.ndim:
            weight = weight[labels if ignore_class is None else jnp.where(labels == ignore_class, 0, labels)]
        return weight * (1 - jnp.exp(-loss)) ** gamma * loss
    lacks("ignore_class with soft labels", ignore_class is not None)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    return optax.losses.softmax_cross_entropy(logits, weight * (1 - jax.nn.softmax(logits)) ** gamma * y)


def logit_adjusted_loss(
    y_true: Array, y_pred: Array, *, class_counts: Sequence[float], tau: float = 1.0, axis: int = -1
) -> Array:
    """Not one function of optax: its cross-entropy, of logits with the classes' frequencies added."""
    y, logits = table(y_true, y_pred, axis, 0.0)
    counts = jnp.asarray(class_counts, logits.dtype)
    return optax.losses.softmax_cross_entropy(logits + tau * jnp.log(counts / counts.sum()), y)


def ldam_loss(
    y_true: Array,
    y_pred: Array,
    *,
    class_counts: Sequence[float],
    max_margin: float = 0.5,
    scale: float = 30.0,
    axis: int = -1,
) -> Array:
    """Not one function of optax: its cross-entropy, of logits from which the margins are taken."""
    y, logits = table(y_true, y_pred, axis, 0.0)
    margins = jnp.asarray(class_counts, logits.dtype) ** -0.25
    return optax.losses.softmax_cross_entropy(scale * (logits - y * margins * (max_margin / margins.max())), y)


BASELINES: dict[str, Callable[..., Any]] = {
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
    "LogitAdjustedLoss": logit_adjusted_loss,
    "LDAMLoss": ldam_loss,
}
