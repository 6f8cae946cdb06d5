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


def linear_distillation_loss(
    y_true: Tensor,
    y_pred: Tensor,
    teacher_kernel: Tensor | None = None,
    kernel: Tensor | None = None,
    *,
    transpose_teacher_kernel: bool = False,
    transpose_kernel: bool = False,
    **parameters: float,
) -> Tensor:
    """Both layers, multiplied out, and the loss of their outputs."""
    if teacher_kernel is not None:
        y_true = y_true @ (tf.transpose(teacher_kernel) if transpose_teacher_kernel else teacher_kernel)
    if kernel is not None:
        y_pred = y_pred @ (tf.transpose(kernel) if transpose_kernel else kernel)
    return distillation_loss(y_true, y_pred, **parameters)


BASELINES: dict[str, Callable[..., Any]] = {
    "DistillationLoss": distillation_loss,
    "LinearDistillationLoss": linear_distillation_loss,
}
