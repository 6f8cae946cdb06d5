"""Baselines of `polyloss.losses.classification`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from backends.torch.native._shared import classes_second, is_integer, lacks, numbers, smooth_binary, table, vector


def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    pos_weight: float | Sequence[float] | None = None,
) -> Tensor:
    y = smooth_binary(y_true, y_pred, label_smoothing)
    if not from_logits:
        lacks("weight of positives with probabilities", pos_weight is not None)
        return F.binary_cross_entropy(y_pred, y, reduction="none").mean(axis)
    weight = None if pos_weight is None else vector(pos_weight, y_pred)
    if weight is not None and weight.ndim:
        weight = weight.reshape(-1, *[1] * (y_pred.ndim - 1 - axis % y_pred.ndim))
    return F.binary_cross_entropy_with_logits(y_pred, y, pos_weight=weight, reduction="none").mean(axis)


def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    class_weights: Sequence[float] | None = None,
) -> Tensor:
    lacks("cross-entropy of probabilities that are made to sum to 1", not from_logits)
    return F.cross_entropy(
        classes_second(y_pred, axis),
        classes_second(y_true.to(y_pred.dtype), axis),
        weight=None if class_weights is None else vector(class_weights, y_pred),
        label_smoothing=label_smoothing,
        reduction="none",
    )


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
    lacks("cross-entropy of probabilities that are made to sum to 1", not from_logits)
    lacks("z_loss", bool(z_loss))
    return F.cross_entropy(
        classes_second(y_pred, axis),
        numbers(y_true, y_pred, axis),
        weight=None if class_weights is None else vector(class_weights, y_pred),
        ignore_index=-100 if ignore_class is None else ignore_class,
        label_smoothing=label_smoothing,
        reduction="none",
    )


def poly_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    epsilon: float = 1.0,
    label_smoothing: float = 0.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Tensor:
    """Not one function of torch: its cross-entropy, and the paper's term in 1 - p."""
    if is_integer(y_true, y_pred, axis) and not label_smoothing:
        loss = sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
        return loss + epsilon * (1 - torch.exp(-loss))
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    loss = categorical_crossentropy(y, logits, from_logits=from_logits)
    return loss + epsilon * (y * (1 - F.softmax(logits, -1))).sum(-1)


def kl_divergence(y_true: Tensor, y_pred: Tensor, *, from_logits: bool = False, axis: int = -1) -> Tensor:
    log_p = F.log_softmax(y_pred, axis) if from_logits else torch.log(y_pred)
    return F.kl_div(log_p, y_true.to(y_pred.dtype), reduction="none").sum(axis)


BASELINES: dict[str, Callable[..., Any]] = {
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "PolyLoss": poly_loss,
    "KLDivergence": kl_divergence,
}
