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


def logit_adjusted_loss(
    y_true: Tensor, y_pred: Tensor, *, class_counts: Sequence[float], tau: float = 1.0, axis: int = -1
) -> Tensor:
    """Not one function of TensorFlow: its cross-entropy, of logits with the classes' frequencies added."""
    y, logits = table(y_true, y_pred, axis, 0.0)
    counts = tf.constant(class_counts, logits.dtype)
    adjusted = logits + tau * tf.math.log(counts / tf.reduce_sum(counts))
    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=adjusted)


def ldam_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    class_counts: Sequence[float],
    max_margin: float = 0.5,
    scale: float = 30.0,
    axis: int = -1,
) -> Tensor:
    """Not one function of TensorFlow: its cross-entropy, of logits from which the margins are taken."""
    y, logits = table(y_true, y_pred, axis, 0.0)
    margins = tf.constant(class_counts, logits.dtype) ** -0.25
    lowered = logits - y * margins * (max_margin / tf.reduce_max(margins))
    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=scale * lowered)


BASELINES: dict[str, Callable[..., Any]] = {
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
    "LogitAdjustedLoss": logit_adjusted_loss,
    "LDAMLoss": ldam_loss,
}
