"""What the baselines of several families share."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from jax import Array


def lacks(what: str, asked: bool = True) -> None:
    """Refuses what optax cannot express, where it is asked for."""
    if asked:
        raise NotImplementedError(f"optax has no {what}")


def is_integer(y_true: Array, y_pred: Array, axis: int) -> bool:
    """Whether `y_true` are class numbers rather than a table of the shape of `y_pred`."""
    number_each = y_true.ndim < y_pred.ndim or (y_true.shape[axis] == 1 != y_pred.shape[axis])
    return number_each and jnp.issubdtype(y_true.dtype, jnp.integer)


def numbers(y_true: Array, y_pred: Array, axis: int) -> Array:
    """Class numbers without an axis of length 1."""
    return jnp.squeeze(y_true, axis) if y_true.ndim == y_pred.ndim else y_true


def table(y_true: Array, y_pred: Array, axis: int, label_smoothing: float) -> tuple[Array, Array]:
    """Targets and predictions with classes last, the targets as a table, smoothed by optax."""
    y_pred_last = jnp.moveaxis(y_pred, axis, -1)
    if is_integer(y_true, y_pred, axis):
        y = jax.nn.one_hot(numbers(y_true, y_pred, axis), y_pred_last.shape[-1], dtype=y_pred.dtype)
    else:
        y = jnp.moveaxis(y_true, axis, -1).astype(y_pred.dtype)
    return optax.losses.smooth_labels(y, label_smoothing) if label_smoothing else y, y_pred_last


def smooth_binary(y_true: Array, y_pred: Array, label_smoothing: float) -> Array:
    """Targets in the dtype of the predictions, drawn towards 1/2 by hand."""
    return y_true.astype(y_pred.dtype) * (1 - label_smoothing) + 0.5 * label_smoothing
