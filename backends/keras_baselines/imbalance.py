"""Baselines of `polyloss.losses.imbalance`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras import losses, ops

from backends.keras_baselines._shared import Tensor, is_last, lacks, table


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


def _focal_class(*, gamma: float = 2.0, alpha: float | None = 0.25, **parameters: Any) -> losses.Loss:
    """Keras weighs the classes only when asked to."""
    return losses.BinaryFocalCrossentropy(
        apply_class_balancing=alpha is not None, alpha=alpha, gamma=gamma, **parameters
    )


def _categorical_focal_class(*, alpha: float | Sequence[float] | None = None, **parameters: Any) -> losses.Loss:
    return losses.CategoricalFocalCrossentropy(alpha=1.0 if alpha is None else alpha, **parameters)


def logit_adjusted_loss(
    y_true: Tensor, y_pred: Tensor, *, class_counts: Sequence[float], tau: float = 1.0, axis: int = -1
) -> Tensor:
    """Not one function of Keras: its cross-entropy, of logits with the classes' frequencies added."""
    lacks("vector of classes but along the last axis", not is_last(axis, y_pred))
    counts = ops.convert_to_tensor(class_counts, dtype=y_pred.dtype)
    adjusted = y_pred + tau * ops.log(counts / ops.sum(counts))
    return losses.categorical_crossentropy(table(y_true, y_pred, axis), adjusted, from_logits=True)


def ldam_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    class_counts: Sequence[float],
    max_margin: float = 0.5,
    scale: float = 30.0,
    axis: int = -1,
) -> Tensor:
    """Not one function of Keras: its cross-entropy, of logits from which the margins are taken."""
    lacks("vector of classes but along the last axis", not is_last(axis, y_pred))
    y = table(y_true, y_pred, axis)
    margins = ops.convert_to_tensor(class_counts, dtype=y_pred.dtype) ** -0.25
    lowered = y_pred - y * margins * (max_margin / ops.max(margins))
    return losses.categorical_crossentropy(y, scale * lowered, from_logits=True)


BASELINES: dict[str, Callable[..., Any]] = {
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
    "LogitAdjustedLoss": logit_adjusted_loss,
    "LDAMLoss": ldam_loss,
}

AVERAGED: dict[str, Callable[..., Any]] = {
    "FocalLoss": focal_loss_averaged,
}

CLASSES: dict[str, Callable[..., Any]] = {
    "FocalLoss": _focal_class,
    "CategoricalFocalLoss": _categorical_focal_class,
}
