"""What the baselines of several families share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def lacks(what: str, asked: bool = True) -> None:
    """Refuses what torch cannot express, where it is asked for."""
    if asked:
        raise NotImplementedError(f"torch.nn.functional has no {what}")


def is_integer(y_true: Tensor, y_pred: Tensor, axis: int) -> bool:
    """Whether `y_true` are class numbers rather than a table of the shape of `y_pred`."""
    number_each = y_true.ndim < y_pred.ndim or (y_true.shape[axis] == 1 != y_pred.shape[axis])
    return number_each and not y_true.is_floating_point()


def numbers(y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Class numbers as torch wants them: int64, without an axis of length 1."""
    return (y_true.squeeze(axis) if y_true.ndim == y_pred.ndim else y_true).long()


def classes_second(x: Tensor, axis: int) -> Tensor:
    """The class axis where torch looks for it."""
    return x.movedim(axis, min(1, x.ndim - 1))


def table(y_true: Tensor, y_pred: Tensor, axis: int, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Targets and predictions with classes last, the targets as a smoothed table."""
    y_pred_last = y_pred.movedim(axis, -1)
    if is_integer(y_true, y_pred, axis):
        y = F.one_hot(numbers(y_true, y_pred, axis), y_pred_last.shape[-1])
    else:
        y = y_true.movedim(axis, -1)
    y = y.to(y_pred.dtype)
    return y * (1 - label_smoothing) + label_smoothing / y.shape[-1] if label_smoothing else y, y_pred_last


def vector(values: float | Sequence[float], like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)


def smooth_binary(y_true: Tensor, y_pred: Tensor, label_smoothing: float) -> Tensor:
    """Targets in the dtype of the predictions, drawn towards 1/2 by hand."""
    y = y_true.to(y_pred.dtype)
    return y * (1 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y
