"""Baselines of `polyloss.losses.regression`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def quantile_loss(y_true: Tensor, y_pred: Tensor, *, quantiles: float | Sequence[float] = 0.5) -> Tensor:
    """Not one function of torch: half its absolute error, tilted."""
    y = y_true.to(y_pred.dtype)
    if isinstance(quantiles, Sequence):
        y = y.reshape(*y_pred.shape[:-1], 1).expand_as(y_pred)
    tilt = torch.as_tensor(quantiles, dtype=y_pred.dtype, device=y_pred.device) - 0.5
    return (0.5 * F.l1_loss(y_pred, y, reduction="none") + tilt * (y - y_pred)).mean(-1)


BASELINES: dict[str, Callable[..., Any]] = {
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
    "QuantileLoss": quantile_loss,
}

NONE: dict[str, str] = {
    "LogCosh": "torch.nn.functional has no hyperbolic cosine of an error, and no loss that holds it"
}
