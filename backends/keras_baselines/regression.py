"""Baselines of `polyloss.losses.regression`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras import losses, ops

from backends.keras_baselines._shared import Tensor


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_squared_error(y_true, y_pred)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_absolute_error(y_true, y_pred)


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    return losses.huber(y_true, y_pred, delta)


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_squared_logarithmic_error(y_true, y_pred)


def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.log_cosh(y_true, y_pred)


def quantile_loss(y_true: Tensor, y_pred: Tensor, *, quantiles: float | Sequence[float] = 0.5) -> Tensor:
    """Not one function of Keras: half its absolute error, tilted."""
    y = ops.cast(y_true, y_pred.dtype)
    if isinstance(quantiles, Sequence):
        y = ops.broadcast_to(ops.reshape(y, (*y_pred.shape[:-1], 1)), y_pred.shape)
    tilt = ops.convert_to_tensor(quantiles, dtype=y_pred.dtype) - 0.5
    return 0.5 * losses.mean_absolute_error(y, y_pred) + ops.mean(tilt * (y - y_pred), axis=-1)


BASELINES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
    "LogCosh": log_cosh,
    "QuantileLoss": quantile_loss,
}

CLASSES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": losses.MeanSquaredError,
    "MeanAbsoluteError": losses.MeanAbsoluteError,
    "Huber": losses.Huber,
    "MeanSquaredLogarithmicError": losses.MeanSquaredLogarithmicError,
    "LogCosh": losses.LogCosh,
}
