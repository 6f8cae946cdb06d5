"""Baselines of `polyloss.losses.vocabulary`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from backends.tensorflow.native._shared import lacks
from backends.tensorflow.native.classification import sparse_categorical_crossentropy


def linear_crossentropy(
    y_true: tf.Tensor,
    y_pred: tf.Tensor,
    kernel: tf.Tensor | None = None,
    *,
    bias: tf.Tensor | None = None,
    transpose_kernel: bool = False,
    ignore_class: int | None = None,
    classes: Sequence[int] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    soft_cap: float | None = None,
) -> tf.Tensor:
    """The layer, multiplied out, and TensorFlow's cross-entropy of its outputs."""
    lacks("cross-entropy of some classes alone", classes is not None)
    lacks("bound for logits", soft_cap is not None)
    if kernel is not None:
        y_pred = y_pred @ (tf.transpose(kernel) if transpose_kernel else kernel)
    return sparse_categorical_crossentropy(
        y_true,
        y_pred if bias is None else y_pred + bias,
        from_logits=True,
        ignore_class=ignore_class,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
    )


BASELINES: dict[str, Callable[..., Any]] = {"LinearCrossentropyLoss": linear_crossentropy}
