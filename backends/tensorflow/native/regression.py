"""Baselines of `polyloss.losses.regression`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def quantile_loss(y_true: Tensor, y_pred: Tensor, *, quantiles: float | Sequence[float] = 0.5) -> Tensor:
    """Not one function of TensorFlow: half its absolute error, tilted."""
    y = tf.cast(y_true, y_pred.dtype)
    if isinstance(quantiles, Sequence):
        y = tf.broadcast_to(tf.reshape(y, [*y_pred.shape[:-1], 1]), y_pred.shape)
    tilt = tf.constant(quantiles, y_pred.dtype) - 0.5
    return tf.reduce_mean(0.5 * v1.absolute_difference(y, y_pred, **_EACH) + tilt * (y - y_pred), -1)


BASELINES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
    "QuantileLoss": quantile_loss,
}

NONE: dict[str, str] = {
    "LogCosh": "tf.compat.v1.losses has no hyperbolic cosine of an error, and no loss that holds it"
}
