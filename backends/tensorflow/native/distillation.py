"""Baselines of `polyloss.losses.distillation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow import Tensor

from backends.tensorflow.native._shared import lacks


def distillation_loss(
    y_true: Tensor, y_pred: Tensor, *, temperature: float = 2.0, beta: float = 0.0, axis: int = -1
) -> Tensor:
    """Not one function of TensorFlow: its cross-entropy of the teacher's probabilities, less their entropy."""
    lacks("divergence from a mixture", 0 < beta < 1)
    if beta == 1:
        y_true, y_pred = y_pred, y_true
    t, x = tf.cast(y_true, y_pred.dtype) / temperature, y_pred / temperature
    p = tf.nn.softmax(t, axis)
    crossentropy, entropy = (tf.nn.softmax_cross_entropy_with_logits(p, logits, axis) for logits in (x, t))
    return temperature**2 * (crossentropy - entropy)


BASELINES: dict[str, Callable[..., Any]] = {
    "DistillationLoss": distillation_loss,
    "LinearDistillationLoss": distillation_loss,  # of logits: the tests give no kernels
}
