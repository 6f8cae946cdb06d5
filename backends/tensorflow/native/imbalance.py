"""Baselines of `polyloss.losses.imbalance`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from backends.tensorflow.native._shared import Tensor, is_integer, lacks, numbers, smooth_binary, table
from backends.tensorflow.native.classification import sparse_categorical_crossentropy


def focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = 0.25,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Not one function of TensorFlow: its sigmoid cross-entropy, weighed as users do."""
    lacks("focal loss of probabilities", not from_logits)
    y = smooth_binary(y_true, y_pred, label_smoothing)
    p = tf.sigmoid(y_pred)
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=y_pred)
    loss = loss * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
    if alpha is None:
        return loss
    weight = tf.constant(alpha, y_pred.dtype)
    return (weight * y + (1 - weight) * (1 - y)) * loss


def categorical_focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = None,
    from_logits: bool = False,
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Not one function of TensorFlow: its cross-entropy, weighed by (1 - p) ** gamma with p the exp of minus it.

    With soft labels every class has its own factor; TensorFlow's loss cannot take those, its log-softmax can.
    """
    lacks("softmax focal loss of probabilities", not from_logits)
    weight = tf.constant(1.0 if alpha is None else alpha, y_pred.dtype)
    if is_integer(y_true, y_pred, axis) and not label_smoothing:
        labels = numbers(y_true, y_pred, axis)
        loss = sparse_categorical_crossentropy(labels, y_pred, from_logits=True, ignore_class=ignore_class, axis=axis)
        if weight.shape.rank:
            weight = tf.gather(weight, labels if ignore_class is None else tf.where(labels == ignore_class, 0, labels))
        return weight * (1 - tf.exp(-loss)) ** gamma * loss
    lacks("ignore_class with soft labels", ignore_class is not None)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    log_p = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(weight * y * (1 - tf.exp(log_p)) ** gamma * log_p, -1)


BASELINES: dict[str, Callable[..., Any]] = {
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
}
