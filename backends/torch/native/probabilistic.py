"""Baselines of `polyloss.losses.probabilistic`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor


def gaussian_nll_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    mean, log_variance = y_pred.unbind(-1)
    y = y_true.to(y_pred.dtype).reshape(mean.shape)
    return F.gaussian_nll_loss(mean, y, log_variance.exp(), full=True, reduction="none")


BASELINES: dict[str, Callable[..., Any]] = {"GaussianNLLLoss": gaussian_nll_loss}
