"""Baselines of `polyloss.losses.classification`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from backends.jax.native._shared import lacks, numbers, smooth_binary, table


def binary_crossentropy(
    y_true: Array,
    y_pred: Array,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    pos_weight: float | Sequence[float] | None = None,
) -> Array:
    lacks("binary cross-entropy of probabilities", not from_logits)
    lacks("weight of positives", pos_weight is not None)
    return optax.losses.sigmoid_binary_cross_entropy(y_pred, smooth_binary(y_true, y_pred, label_smoothing)).mean(axis)


def categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    class_weights: Sequence[float] | None = None,
) -> Array:
    """The loss is linear in the labels, so class weights go there."""
    lacks("cross-entropy of probabilities", not from_logits)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    return optax.losses.softmax_cross_entropy(
        logits, y if class_weights is None else y * jnp.asarray(class_weights, y.dtype)
    )


def sparse_categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    *,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    z_loss: float = 0.0,
) -> Array:
    """Class weights and `ignore_class` are a factor and a choice around optax's loss."""
    lacks("cross-entropy of probabilities", not from_logits)
    lacks("z_loss", bool(z_loss))
    labels = numbers(y_true, y_pred, axis)
    kept = None if ignore_class is None else labels != ignore_class
    if kept is not None:
        labels = jnp.where(kept, labels, 0)
    if label_smoothing:
        loss = categorical_crossentropy(
            labels,
            y_pred,
            from_logits=True,
            label_smoothing=label_smoothing,
            axis=axis,
            class_weights=class_weights,
        )
    else:
        loss = optax.losses.softmax_cross_entropy_with_integer_labels(y_pred, labels, axis=axis)
        if class_weights is not None:
            loss = jnp.asarray(class_weights, loss.dtype)[labels] * loss
    return loss if kept is None else jnp.where(kept, loss, 0)


def poly_loss(
    y_true: Array,
    y_pred: Array,
    *,
    epsilon: float = 1.0,
    label_smoothing: float = 0.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Array:
    lacks("PolyLoss of probabilities", not from_logits)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    return optax.losses.poly_loss_cross_entropy(logits, y, epsilon=epsilon)


def kl_divergence(y_true: Array, y_pred: Array, *, from_logits: bool = False, axis: int = -1) -> Array:
    log_p = jax.nn.log_softmax(y_pred, axis) if from_logits else jnp.log(y_pred)
    return optax.losses.kl_divergence(log_p, y_true.astype(y_pred.dtype), axis=axis)


BASELINES: dict[str, Callable[..., Any]] = {
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "PolyLoss": poly_loss,
    "KLDivergence": kl_divergence,
}
