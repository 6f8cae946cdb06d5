"""Baselines of `polyloss.losses.metric`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor


def contrastive_loss(y_true: Tensor, y_pred: Tensor, *, margin: float = 1.0) -> Tensor:
    """Not one function of torch: written on its pairwise_distance, which adds no epsilon here."""
    d = F.pairwise_distance(y_pred[:, 0], y_pred[:, 1], eps=0.0) if y_pred.ndim == 3 else y_pred.reshape(-1)
    y = y_true.reshape(-1).to(d.dtype)
    return y * d.square() + (1 - y) * F.relu(margin - d).square()


BASELINES: dict[str, Callable[..., Any]] = {
    "ContrastiveLoss": contrastive_loss,
}
