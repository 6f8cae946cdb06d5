"""PyTorch: what its fused kernels and work in place make faster, within the same accuracy.

A kernel in place gets rows, ``(x, *others, value, slope, **parameters)``: the inputs (n, classes), one tensor for the
sum of the values of each row (n,), and one for the slope (n, classes), or None where no gradient is wanted. It sees
plain tensors on the CPU only, so that it may look at its results and take more care where they are not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

# -- of the framework -------------------------------------------------------------------------------


def squared_error(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``(x - y)^2``."""
    return functional.mse_loss(x, y, reduction="none")


def absolute_error(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``|x - y|``, with slope 0 at 0."""
    return functional.l1_loss(x, y, reduction="none")


def huber(x: torch.Tensor, y: torch.Tensor, *, delta: float) -> torch.Tensor:
    """Squared error up to delta, then absolute."""
    return functional.huber_loss(x, y, reduction="none", delta=delta)


# -- in place ---------------------------------------------------------------------------------------


def _without_nan(x: torch.Tensor) -> torch.Tensor:
    """0 where a factor of 0 met an infinite one."""
    return x.nan_to_num_(nan=0.0, posinf=math.inf, neginf=-math.inf)


def sigmoid_crossentropy(
    x: torch.Tensor,
    yes: torch.Tensor,
    no: torch.Tensor | None = None,
    *,
    value: torch.Tensor,
    slope: torch.Tensor | None,
) -> None:
    """Log loss of logits: (yes + no) r - w m, with m = -|x|, r = log(1 + e^m), and w asked of the less likely answer."""
    positive = torch.gt(x, 0, out=torch.empty_like(x))
    if no is None:
        total, wrong = None, torch.sub(yes, positive).abs_()
    else:
        total, wrong = yes + no, torch.mul(positive, no).add_(yes).addcmul_(positive, yes, value=-1)
    minus = torch.abs(x).neg_()
    small = torch.sigmoid(minus)
    less = torch.neg(small).log1p_()  # -r
    if total is not None:
        less.mul_(total)
        small.mul_(total)
    torch.sum(torch.addcmul(less, minus, wrong), -1, out=value)
    if value.isnan().any():  # 0 times infinity, or NaN of the input
        torch.sum(less.add_(_without_nan(minus.mul_(wrong))).add_(wrong, alpha=0), -1, out=value)
    value.neg_()
    if slope is not None:
        torch.sub(small, wrong, out=slope)
        slope.addcmul_(slope, positive, value=-2)


def label_crossentropy(
    x: torch.Tensor, labels: torch.Tensor, *, value: torch.Tensor, slope: torch.Tensor | None
) -> None:
    """``-log p`` at labels; where the label is likely, by the sum of the other probabilities."""
    p = torch.softmax(x, -1) if slope is None else torch.softmax(x, -1, out=slope)
    at = labels.long().unsqueeze(-1)
    own = p.gather(-1, at).squeeze(-1)
    if (own > 1e-30).all():
        unlikely = own.log().neg_()
    else:  # a probability that is 0, or has lost digits
        unlikely = (x.amax(-1) - x.gather(-1, at).squeeze(-1)) - p.amax(-1).log_()
    p.scatter_(-1, at, 0.0)
    missed = p.sum(-1)
    value.copy_(torch.where(own > 0.5, torch.log1p(missed / own.clamp(min=0.5)), unlikely))
    if slope is not None:
        slope.scatter_(-1, at, missed.neg_().unsqueeze(-1))


def softmax_crossentropy(x: torch.Tensor, y: torch.Tensor, *, value: torch.Tensor, slope: torch.Tensor | None) -> None:
    """``-sum y log softmax(x)``; the targets need not sum to 1."""
    p = torch.softmax(x, -1) if slope is None else torch.softmax(x, -1, out=slope)
    log_top, total = p.amax(-1).log_(), y.sum(-1)
    asked = torch.sub(x, x.amax(-1, keepdim=True)).mul_(y)
    torch.sum(asked, -1, out=value)
    if value.isnan().any():  # 0 times infinity, or NaN of the input, which log_top and total bring back
        torch.sum(_without_nan(asked), -1, out=value)
    value.add_(total * log_top).neg_()
    if slope is not None:
        if not (total == 1).all():
            slope.mul_(total.unsqueeze(-1))
        slope.sub_(y)


def squared_log_ratio(
    x: torch.Tensor, y: torch.Tensor, *, value: torch.Tensor, slope: torch.Tensor | None, epsilon: float
) -> None:
    """``log^2(1 + |p - t| / (1 + min(p, t)))`` of what is not below epsilon."""
    p, t = x.clamp(min=epsilon), y.clamp(min=epsilon)
    difference = p - t
    ratio = torch.minimum(p, t, out=t).add_(1)
    torch.div(difference.abs(), ratio, out=ratio).log1p_()
    torch.sum(ratio * ratio, -1, out=value)
    if slope is not None:
        torch.mul(ratio, difference.sign_(), out=slope)
        slope.mul_(2).div_(p.add_(1))


NATIVE: dict[str, Callable[..., Any]] = {
    "absolute error": absolute_error,
    "huber": huber,
    "squared error": squared_error,
}
IN_PLACE: dict[str, Callable[..., None]] = {
    "label crossentropy": label_crossentropy,
    "sigmoid crossentropy": sigmoid_crossentropy,
    "softmax crossentropy": softmax_crossentropy,
    "squared log ratio": squared_log_ratio,
}
