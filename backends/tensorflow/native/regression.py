"""Baselines of `polyloss.losses.regression`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.compat.v1 import losses as v1

from backends.tensorflow.native._shared import _EACH, Tensor


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


BASELINES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
}
