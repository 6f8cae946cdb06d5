"""What Keras itself offers for each loss, on whichever backend it runs.

`BASELINES` maps a polyloss class to a function with the signature of the polyloss function, `CLASSES` to
the Keras class, `NONE` to the reason why there is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import losses, ops

Tensor = Any


def lacks(what: str, asked: bool = True) -> None:
    """Refuses what Keras cannot express, where it is asked for."""
    if asked:
        raise NotImplementedError(f"keras.losses has no {what}")


def is_last(axis: int, x: Tensor) -> bool:
    return axis in (-1, len(x.shape) - 1)


def table(y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Labels as the table that Keras wants: integer ones become one-hot, others are tables already."""
    shape, classes = list(y_pred.shape), y_pred.shape[axis]
    integer = "int" in keras.backend.standardize_dtype(y_true.dtype)
    if integer and classes != 1 and len(y_true.shape) == len(shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis)
    if len(y_true.shape) == len(shape):
        return ops.cast(y_true, y_pred.dtype)
    return ops.one_hot(y_true, classes, axis=axis, dtype=y_pred.dtype)


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


def focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = 0.25,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Keras averages over an axis, so it gets one axis more, of length 1."""
    if isinstance(alpha, Sequence):
        alpha = ops.convert_to_tensor(alpha, dtype=y_pred.dtype)[:, None]
    return focal_loss_averaged(
        y_true[..., None],
        y_pred[..., None],
        gamma=gamma,
        alpha=alpha,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
    )


def focal_loss_averaged(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: float | Sequence[float] | Tensor | None = 0.25,
    **parameters: Any,
) -> Tensor:
    """Keras's focal loss as it is, one value a row: what to time where all is averaged in the end."""
    return losses.binary_focal_crossentropy(
        y_true, y_pred, apply_class_balancing=alpha is not None, alpha=alpha, **parameters
    )


def categorical_focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = None,
    from_logits: bool = False,
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    lacks("ignore_class in its focal losses", ignore_class is not None)
    lacks("label smoothing but along the last axis", bool(label_smoothing) and not is_last(axis, y_pred))
    lacks("alpha a class but along the last axis", isinstance(alpha, Sequence) and not is_last(axis, y_pred))
    return losses.categorical_focal_crossentropy(
        table(y_true, y_pred, axis),
        y_pred,
        alpha=1.0 if alpha is None else alpha,
        gamma=gamma,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        axis=axis,
    )


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_squared_error(y_true, y_pred)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_absolute_error(y_true, y_pred)


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    return losses.huber(y_true, y_pred, delta)


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return losses.mean_squared_logarithmic_error(y_true, y_pred)


BASELINES: dict[str, Callable[..., Tensor]] = {
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "PolyLoss": poly_loss,
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
}

AVERAGED: dict[str, Callable[..., Tensor]] = {"FocalLoss": focal_loss_averaged}
"""Where a baseline has to work for the shape of polyloss's values: the bare function, for a mean over all."""


def _focal_class(*, gamma: float = 2.0, alpha: float | None = 0.25, **parameters: Any) -> losses.Loss:
    """Keras weighs the classes only when asked to."""
    return losses.BinaryFocalCrossentropy(
        apply_class_balancing=alpha is not None, alpha=alpha, gamma=gamma, **parameters
    )


def _categorical_focal_class(*, alpha: float | Sequence[float] | None = None, **parameters: Any) -> losses.Loss:
    return losses.CategoricalFocalCrossentropy(alpha=1.0 if alpha is None else alpha, **parameters)


CLASSES: dict[str, Callable[..., losses.Loss]] = {
    "BinaryCrossentropy": losses.BinaryCrossentropy,
    "CategoricalCrossentropy": losses.CategoricalCrossentropy,
    "SparseCategoricalCrossentropy": losses.SparseCategoricalCrossentropy,
    "FocalLoss": _focal_class,
    "CategoricalFocalLoss": _categorical_focal_class,
    "MeanSquaredError": losses.MeanSquaredError,
    "MeanAbsoluteError": losses.MeanAbsoluteError,
    "Huber": losses.Huber,
    "MeanSquaredLogarithmicError": losses.MeanSquaredLogarithmicError,
}

NONE: dict[str, str] = {"ContrastiveLoss": "keras.losses has no function for labelled pairs"}
