"""Baselines of `polyloss.losses.regression`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jax import Array


def mean_squared_error(y_true: Array, y_pred: Array) -> Array:
    return optax.losses.squared_error(y_pred, y_true.astype(y_pred.dtype)).mean(-1)


def huber(y_true: Array, y_pred: Array, delta: float = 1.0) -> Array:
    return optax.losses.huber_loss(y_pred, y_true.astype(y_pred.dtype), delta=delta).mean(-1)


def mean_squared_logarithmic_error(y_true: Array, y_pred: Array) -> Array:
    """Not one function of optax: its squared error, of logarithms."""
    return optax.losses.squared_error(jnp.log1p(y_pred), jnp.log1p(y_true.astype(y_pred.dtype))).mean(-1)


def log_cosh(y_true: Array, y_pred: Array) -> Array:
    return optax.losses.log_cosh(y_pred, y_true.astype(y_pred.dtype)).mean(-1)


BASELINES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": mean_squared_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
    "LogCosh": log_cosh,
}

NONE: dict[str, str] = {
    "MeanAbsoluteError": "optax has no function for the absolute error",
    "QuantileLoss": "optax has no function for the absolute error, tilted or not",
}
