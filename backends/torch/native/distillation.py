"""Baselines of `polyloss.losses.distillation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from backends.torch.native._shared import lacks


def distillation_loss(
    y_true: Tensor, y_pred: Tensor, *, temperature: float = 2.0, beta: float = 0.0, axis: int = -1
) -> Tensor:
    lacks("divergence from a mixture", 0 < beta < 1)
    if beta == 1:
        y_true, y_pred = y_pred, y_true
    log_p = F.log_softmax(y_true.to(y_pred.dtype) / temperature, axis)
    log_q = F.log_softmax(y_pred / temperature, axis)
    return temperature**2 * F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(axis)


BASELINES: dict[str, Callable[..., Any]] = {
    "DistillationLoss": distillation_loss,
    "LinearDistillationLoss": distillation_loss,  # of logits: the tests give no kernels
}
