"""Baselines of `polyloss.losses.regression`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import losses

from backends.keras_baselines._shared import Tensor


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_squared_error(y_true, y_pred)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_absolute_error(y_true, y_pred)


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    return losses.huber(y_true, y_pred, delta)


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_squared_logarithmic_error(y_true, y_pred)


BASELINES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
}

CLASSES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": losses.MeanSquaredError,
    "MeanAbsoluteError": losses.MeanAbsoluteError,
    "Huber": losses.Huber,
    "MeanSquaredLogarithmicError": losses.MeanSquaredLogarithmicError,
}
