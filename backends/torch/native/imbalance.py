"""Baselines of `polyloss.losses.imbalance`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from backends.torch.native._shared import is_integer, lacks, numbers, smooth_binary, table, vector
from backends.torch.native.classification import categorical_crossentropy, sparse_categorical_crossentropy


def focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = 0.25,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Not one function of torch: its binary cross-entropy, weighed as users (torchvision among them) do."""
    y = smooth_binary(y_true, y_pred, label_smoothing)
    if from_logits:
        p, loss = torch.sigmoid(y_pred), F.binary_cross_entropy_with_logits(y_pred, y, reduction="none")
    else:
        p, loss = y_pred, F.binary_cross_entropy(y_pred, y, reduction="none")
    loss = loss * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
    if alpha is None:
        return loss
    weight = vector(alpha, y_pred) if isinstance(alpha, Sequence) else alpha
    return (weight * y + (1 - weight) * (1 - y)) * loss


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
    """Not one function of torch: its cross-entropy, weighed by (1 - p) ** gamma with p the exp of minus it.

    With soft labels every class has its own factor, on the labels.
    """
    if is_integer(y_true, y_pred, axis) and not label_smoothing:
        labels = numbers(y_true, y_pred, axis)
        loss = sparse_categorical_crossentropy(
            labels, y_pred, from_logits=from_logits, ignore_class=ignore_class, axis=axis
        )
        loss = (1 - torch.exp(-loss)) ** gamma * loss
        if isinstance(alpha, Sequence):
            return vector(alpha, y_pred)[labels if ignore_class is None else labels * (labels != ignore_class)] * loss
        return loss if alpha is None else alpha * loss
    lacks("ignore_class with soft labels", ignore_class is not None)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    y = y * (1 - F.softmax(logits, -1)) ** gamma
    return categorical_crossentropy(y if alpha is None else vector(alpha, y_pred) * y, logits, from_logits=from_logits)


def logit_adjusted_loss(
    y_true: Tensor, y_pred: Tensor, *, class_counts: Sequence[float], tau: float = 1.0, axis: int = -1
) -> Tensor:
    """Not one function of torch: its cross-entropy, of logits with the classes' frequencies added."""
    y, logits = table(y_true, y_pred, axis, 0.0)
    counts = vector(class_counts, logits)
    return F.cross_entropy(logits + tau * torch.log(counts / counts.sum()), y, reduction="none")


def ldam_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    class_counts: Sequence[float],
    max_margin: float = 0.5,
    scale: float = 30.0,
    axis: int = -1,
) -> Tensor:
    """Not one function of torch: its cross-entropy, of logits from which the margins are taken, as its authors do."""
    y, logits = table(y_true, y_pred, axis, 0.0)
    margins = vector(class_counts, logits) ** -0.25
    return F.cross_entropy(scale * (logits - y * margins * (max_margin / margins.max())), y, reduction="none")


BASELINES: dict[str, Callable[..., Any]] = {
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
    "LogitAdjustedLoss": logit_adjusted_loss,
    "LDAMLoss": ldam_loss,
}
