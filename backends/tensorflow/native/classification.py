"""Baselines of `polyloss.losses.classification`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from backends.tensorflow.native._shared import Tensor, classes_last, lacks, numbers, smooth_binary, table


def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    pos_weight: float | Sequence[float] | None = None,
) -> Tensor:
    lacks("binary cross-entropy of probabilities", not from_logits)
    y = smooth_binary(y_true, y_pred, label_smoothing)
    if pos_weight is None:
        loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=y_pred)
    else:
        weight = tf.constant(pos_weight, y_pred.dtype)
        if weight.shape.rank:
            rank = y_pred.shape.rank
            weight = tf.reshape(weight, [-1, *[1] * (rank - 1 - axis % rank)])
        loss = tf.nn.weighted_cross_entropy_with_logits(labels=y, logits=y_pred, pos_weight=weight)
    return tf.reduce_mean(loss, axis)


def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    class_weights: Sequence[float] | None = None,
) -> Tensor:
    lacks("cross-entropy of probabilities", not from_logits)
    lacks("class weights: its gradient takes labels to sum to 1", class_weights is not None)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits)


def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    z_loss: float = 0.0,
) -> Tensor:
    """Class weights and `ignore_class` are a factor and a choice around TensorFlow's loss."""
    lacks("cross-entropy of probabilities", not from_logits)
    lacks("z_loss", bool(z_loss))
    labels = numbers(y_true, y_pred, axis)
    kept = None if ignore_class is None else labels != ignore_class
    if kept is not None:
        labels = tf.where(kept, labels, 0)
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
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=classes_last(y_pred, axis))
        if class_weights is not None:
            loss = tf.gather(tf.constant(class_weights, loss.dtype), labels) * loss
    return loss if kept is None else tf.where(kept, loss, 0.0)


def poly_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    epsilon: float = 1.0,
    label_smoothing: float = 0.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Tensor:
    """Not one function of TensorFlow: its cross-entropy, and the paper's term in 1 - p."""
    lacks("PolyLoss of probabilities", not from_logits)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits)
    return loss + epsilon * tf.reduce_sum(y * (1 - tf.nn.softmax(logits)), -1)


def kl_divergence(y_true: Tensor, y_pred: Tensor, *, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Not one function of TensorFlow: its cross-entropy, less the entropy of the targets."""
    y = tf.cast(y_true, y_pred.dtype)
    if from_logits:
        crossentropy = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=y_pred, axis=axis)
    else:
        crossentropy = -tf.reduce_sum(tf.math.multiply_no_nan(tf.math.log(y_pred), y), axis)
    return crossentropy + tf.reduce_sum(tf.math.xlogy(y, y), axis)


BASELINES: dict[str, Callable[..., Any]] = {
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "PolyLoss": poly_loss,
    "KLDivergence": kl_divergence,
}
