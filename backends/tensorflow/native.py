"""What TensorFlow offers for each loss without Keras (tf.nn, tf.compat.v1.losses): the baselines on TensorFlow.

`BASELINES` maps a polyloss class to a function with the signature of the polyloss function, `NONE` to the
reason why there is no such function. What TensorFlow does not ship in one piece rests on a loss that it ships.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.compat.v1 import losses as v1

Tensor = tf.Tensor
_EACH: dict[str, Any] = {"loss_collection": None, "reduction": v1.Reduction.NONE}


def lacks(what: str, asked: bool = True) -> None:
    """Refuses what TensorFlow cannot express, where it is asked for."""
    if asked:
        raise NotImplementedError(f"tf.nn has no {what}")


def is_integer(y_true: Tensor, y_pred: Tensor, axis: int) -> bool:
    """Whether `y_true` are class numbers rather than a table of the shape of `y_pred`."""
    number_each = y_true.shape.rank < y_pred.shape.rank or (y_true.shape[axis] == 1 != y_pred.shape[axis])
    return number_each and y_true.dtype.is_integer


def numbers(y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Class numbers without an axis of length 1."""
    return tf.squeeze(y_true, axis) if y_true.shape.rank == y_pred.shape.rank else y_true


def classes_last(x: Tensor, axis: int) -> Tensor:
    rank = x.shape.rank
    if axis % rank == rank - 1:
        return x
    order = [i for i in range(rank) if i != axis % rank]
    return tf.transpose(x, [*order, axis % rank])


def table(y_true: Tensor, y_pred: Tensor, axis: int, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Targets and predictions with classes last, the targets as a smoothed table."""
    y_pred_last = classes_last(y_pred, axis)
    classes = y_pred_last.shape[-1]
    if is_integer(y_true, y_pred, axis):
        y = tf.one_hot(numbers(y_true, y_pred, axis), classes, dtype=y_pred.dtype)
    else:
        y = tf.cast(classes_last(y_true, axis), y_pred.dtype)
    return y * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else y, y_pred_last


def smooth_binary(y_true: Tensor, y_pred: Tensor, label_smoothing: float) -> Tensor:
    """Targets in the dtype of the predictions, drawn towards 1/2 by hand."""
    y = tf.cast(y_true, y_pred.dtype)
    return y * (1 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y


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


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return tf.reduce_mean(v1.mean_squared_error(y_true, y_pred, **_EACH), -1)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return tf.reduce_mean(v1.absolute_difference(y_true, y_pred, **_EACH), -1)


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    return tf.reduce_mean(v1.huber_loss(y_true, y_pred, delta=delta, **_EACH), -1)


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Not one function of TensorFlow: its squared error, of logarithms."""
    y = tf.cast(y_true, y_pred.dtype)
    return tf.reduce_mean(v1.mean_squared_error(tf.math.log1p(y), tf.math.log1p(y_pred), **_EACH), -1)


LIBRARY = "tf.nn"

BASELINES: dict[str, Callable[..., Tensor]] = {
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "PolyLoss": poly_loss,
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
}

NONE: dict[str, str] = {"ContrastiveLoss": "TensorFlow has no function for labelled pairs outside TensorFlow Addons"}
