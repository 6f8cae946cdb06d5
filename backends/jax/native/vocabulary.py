"""Baselines of `polyloss.losses.vocabulary`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax import Array

from backends.jax.native._shared import lacks
from backends.jax.native.classification import sparse_categorical_crossentropy


def linear_crossentropy(
    y_true: Array,
    y_pred: Array,
    kernel: Array | None = None,
    *,
    bias: Array | None = None,
    transpose_kernel: bool = False,
    ignore_class: int | None = None,
    classes: Sequence[int] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    soft_cap: float | None = None,
) -> Array:
    """The layer, multiplied out, and optax's cross-entropy of its outputs."""
    lacks("cross-entropy of some classes alone", classes is not None)
    lacks("bound for logits", soft_cap is not None)
    if kernel is not None:
        y_pred = y_pred @ (kernel.T if transpose_kernel else kernel)
    return sparse_categorical_crossentropy(
        y_true,
        y_pred if bias is None else y_pred + bias,
        from_logits=True,
        ignore_class=ignore_class,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
    )


BASELINES: dict[str, Callable[..., Any]] = {"LinearCrossentropyLoss": linear_crossentropy}
