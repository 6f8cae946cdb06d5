"""What the baselines of several families share."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any


def lacks(what: str, asked: bool = True) -> None:
    """Refuses what Keras cannot express, where it is asked for."""
    if asked:
        raise NotImplementedError(f"keras.losses has no {what}")


def is_last(axis: int, x: Tensor) -> bool:
    return axis in (-1, len(x.shape) - 1)


def table(y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Labels as the table that Keras wants: integer ones become one-hot, others are tables already."""
    shape, classes = list(y_pred.shape), y_pred.shape[axis]
    integer = "int" in keras.backend.standardize_dtype(y_true.dtype)
    if integer and classes != 1 and len(y_true.shape) == len(shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis)
    if len(y_true.shape) == len(shape):
        return ops.cast(y_true, y_pred.dtype)
    return ops.one_hot(y_true, classes, axis=axis, dtype=y_pred.dtype)
