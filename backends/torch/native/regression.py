"""Baselines of `polyloss.losses.regression`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return F.mse_loss(y_pred, y_true.to(y_pred.dtype), reduction="none").mean(-1)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return F.l1_loss(y_pred, y_true.to(y_pred.dtype), reduction="none").mean(-1)


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    return F.huber_loss(y_pred, y_true.to(y_pred.dtype), delta=delta, reduction="none").mean(-1)


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Not one function of torch: its squared error, of logarithms."""
    return F.mse_loss(torch.log1p(y_pred), torch.log1p(y_true.to(y_pred.dtype)), reduction="none").mean(-1)


BASELINES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
}
