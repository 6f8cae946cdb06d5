"""Baselines of `polyloss.losses.vocabulary`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from backends.keras_baselines._shared import Tensor, lacks
from backends.keras_baselines.classification import sparse_categorical_crossentropy


def linear_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    kernel: Tensor | None = None,
    *,
    bias: Tensor | None = None,
    transpose_kernel: bool = False,
    ignore_class: int | None = None,
    classes: Sequence[int] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    soft_cap: float | None = None,
) -> Tensor:
    """The layer, multiplied out, and Keras's cross-entropy of its outputs."""
    lacks("cross-entropy of some classes alone", classes is not None)
    lacks("bound for logits", soft_cap is not None)
    if kernel is not None:
        y_pred = y_pred @ (ops.transpose(kernel) if transpose_kernel else kernel)
    return sparse_categorical_crossentropy(
        y_true,
        y_pred if bias is None else y_pred + bias,
        from_logits=True,
        ignore_class=ignore_class,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
    )


BASELINES: dict[str, Callable[..., Any]] = {"LinearCrossentropyLoss": linear_crossentropy}
