"""Baselines of `polyloss.losses.probabilistic`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.scipy.stats import norm


def gaussian_nll_loss(y_true: Array, y_pred: Array) -> Array:
    """Not of optax: JAX's own normal density."""
    mean, log_variance = y_pred[..., 0], y_pred[..., 1]
    return -norm.logpdf(y_true.reshape(mean.shape).astype(y_pred.dtype), mean, jnp.exp(log_variance / 2))


BASELINES: dict[str, Callable[..., Any]] = {"GaussianNLLLoss": gaussian_nll_loss}
