"""Baselines of `polyloss.losses.metric`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from backends.torch.native._shared import lacks


def contrastive_loss(y_true: Tensor, y_pred: Tensor, *, margin: float = 1.0) -> Tensor:
    """Not one function of torch: written on its pairwise_distance, which adds no epsilon here."""
    d = F.pairwise_distance(y_pred[:, 0], y_pred[:, 1], eps=0.0) if y_pred.ndim == 3 else y_pred.reshape(-1)
    y = y_true.reshape(-1).to(d.dtype)
    return y * d.square() + (1 - y) * F.relu(margin - d).square()


def triplet_loss(
    y_true: Tensor, y_pred: Tensor, *, margin: float | None = 0.2, mining: str = "semi-hard", distance: str = "l2"
) -> Tensor:
    """Torch's loss of given triplets, mined by hand; it adds an epsilon to every difference."""
    lacks("semi-hard mining", mining == "semi-hard")
    lacks("soft margin, and cdist no distance but l2", margin is None or distance != "l2")
    same = y_true.reshape(-1, 1) == y_true.reshape(1, -1)
    alike = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
    if mining == "hard":
        d = torch.cdist(y_pred.detach(), y_pred.detach())
        positive, negative = (d * alike).argmax(1), d.masked_fill(same, torch.inf).argmin(1)
        anchor = torch.where(alike.any(1) & ~same.all(1))[0]
        triplets = anchor, positive[anchor], negative[anchor]
    else:
        triplets = torch.where(alike[:, :, None] & ~same[:, None, :])
    terms = F.triplet_margin_loss(*(y_pred[i] for i in triplets), margin=margin, eps=0.0, reduction="none")
    counted = (terms > 0).sum() if mining == "all" else torch.tensor(len(terms))
    return torch.zeros_like(y_pred[:, 0]).index_add(0, triplets[0], terms) * len(same) / counted.clamp(min=1)


def ntxent_loss(y_true: Tensor, y_pred: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Not one function of torch: its cross-entropy over cosines, as users write it."""
    z = F.normalize(y_pred.reshape(-1, y_pred.shape[-1]), dim=-1)
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    partner = torch.arange(len(z), device=z.device) ^ 1
    return F.cross_entropy(logits, partner, reduction="none").reshape(-1, 2).mean(1)


BASELINES: dict[str, Callable[..., Any]] = {
    "ContrastiveLoss": contrastive_loss,
    "TripletLoss": triplet_loss,
    "NTXentLoss": ntxent_loss,
}
