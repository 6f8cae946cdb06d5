"""What the baselines of several families share."""

from __future__ import annotations

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
