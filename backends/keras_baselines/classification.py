"""Baselines of `polyloss.losses.classification`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras import losses, ops

from backends.keras_baselines._shared import Tensor, is_last, lacks, table


def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    pos_weight: float | Sequence[float] | None = None,
) -> Tensor:
    lacks("pos_weight", pos_weight is not None)
    return losses.binary_crossentropy(y_true, y_pred, from_logits, label_smoothing, axis)


def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    class_weights: Sequence[float] | None = None,
) -> Tensor:
    lacks("class weights", class_weights is not None)
    lacks("label smoothing but along the last axis", bool(label_smoothing) and not is_last(axis, y_pred))
    return losses.categorical_crossentropy(y_true, y_pred, from_logits, label_smoothing, axis)


def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    z_loss: float = 0.0,
) -> Tensor:
    lacks("label smoothing for integer labels", bool(label_smoothing))
    lacks("class weights", class_weights is not None)
    lacks("z_loss", bool(z_loss))
    lacks("class axis but the last for integer labels on JAX and TensorFlow", not is_last(axis, y_pred))
    return losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits, ignore_class, axis)


def poly_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    epsilon: float = 1.0,
    label_smoothing: float = 0.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Tensor:
    """Not one function of Keras: its cross-entropy, and the paper's term in 1 - p."""
    lacks("label smoothing but along the last axis", bool(label_smoothing) and not is_last(axis, y_pred))
    y = table(y_true, y_pred, axis)
    if label_smoothing:
        y = y * (1 - label_smoothing) + label_smoothing / y_pred.shape[axis]
    p = ops.softmax(y_pred, axis=axis) if from_logits else y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    crossentropy = losses.categorical_crossentropy(y, y_pred, from_logits, 0.0, axis)
    return crossentropy + epsilon * ops.sum(y * (1 - p), axis=axis)


def kl_divergence(y_true: Tensor, y_pred: Tensor, *, from_logits: bool = False, axis: int = -1) -> Tensor:
    lacks("Kullback-Leibler divergence but along the last axis", not is_last(axis, y_pred))
    return losses.kl_divergence(y_true, ops.softmax(y_pred) if from_logits else y_pred)


BASELINES: dict[str, Callable[..., Any]] = {
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "PolyLoss": poly_loss,
    "KLDivergence": kl_divergence,
}


def _kl_class(*, from_logits: bool = False, axis: int = -1, **parameters: Any) -> losses.Loss:
    lacks("logits in its Kullback-Leibler divergence", from_logits)
    return losses.KLDivergence(**parameters)


CLASSES: dict[str, Callable[..., Any]] = {
    "BinaryCrossentropy": losses.BinaryCrossentropy,
    "CategoricalCrossentropy": losses.CategoricalCrossentropy,
    "SparseCategoricalCrossentropy": losses.SparseCategoricalCrossentropy,
    "KLDivergence": _kl_class,
}
