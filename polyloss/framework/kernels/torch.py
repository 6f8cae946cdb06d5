"""PyTorch: what its fused kernels and work in place make faster, within the same accuracy.

A kernel in place gets rows, ``(x, *others, value, slope, **parameters)``: the inputs (n, classes), one tensor for the
sum of the values of each row (n,), and one for the slope (n, classes), or None where no gradient is wanted. It sees
plain tensors on the CPU only, so that it may look at its results and take more care where they are not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn import functional

# -- of the framework -------------------------------------------------------------------------------


def squared_error(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``(x - y)^2``."""
    return functional.mse_loss(x, y, reduction="none")


class _Absolute(torch.autograd.Function):
    """PyTorch's own keeps the difference; its sign is as quickly made again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x - y).abs_()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        x, y = ctx.saved_tensors
        by_x = (x - y).sign_() * slope if torch.is_grad_enabled() else (x - y).sign_().mul_(slope)
        return by_x, -by_x if ctx.needs_input_grad[1] else None

    @staticmethod
    def jvp(ctx: Any, by_x: Any, by_y: Any) -> Any:
        x, y = ctx.saved_tensors
        along = [t for t in (by_x, None if by_y is None else -by_y) if t is not None]
        return torch.sign(x - y) * sum(along)


def absolute_error(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``|x - y|``, with slope 0 at 0."""
    if torch.compiler.is_compiling():
        return functional.l1_loss(x, y, reduction="none")
    return _Absolute.apply(x, y)


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
    """``-log p`` at labels, by the sum of the other probabilities: ``log(1 + others / p)``."""
    p = torch.softmax(x, -1) if slope is None else torch.softmax(x, -1, out=slope)
    at = labels.long().unsqueeze(-1)
    own = p.gather(-1, at)
    p.scatter_(-1, at, 0.0)
    others = p.sum(-1, keepdim=True)
    values = torch.div(others, own, out=value.unsqueeze(-1)).log1p_()
    known = own > 1e-30
    if not known.all():  # a probability that is 0, or has lost digits
        unlikely = (x.amax(-1, keepdim=True) - x.gather(-1, at)) - p.amax(-1, keepdim=True).log_()
        values.copy_(torch.where(known, values, unlikely))
    if slope is not None:
        slope.scatter_(-1, at, others.neg_())


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


def divergence(
    x: torch.Tensor, y: torch.Tensor, *, value: torch.Tensor, slope: torch.Tensor | None, epsilon: float
) -> None:
    """``sum y log(y / p)`` of probabilities, p not below epsilon; NaN for a row that leaves [0, 1]."""
    p, t = x.clamp(epsilon, 1.0), y.clamp(0.0, 1.0)
    ratio = torch.div(t.clamp(min=torch.finfo(t.dtype).tiny), p).log_()
    torch.sum(ratio.mul_(t), -1, out=value)
    for z in (x, y):
        if not _inside(z):
            value.masked_fill_(_outside(z).any(-1), math.nan)
    if slope is not None:
        torch.div(t, p, out=slope).neg_()


def _inside(x: torch.Tensor) -> bool:
    """Whether all of it lies in [0, 1], but for rounding; NaN does not."""
    low, high = x.aminmax()
    return bool(low >= -1e-5 and high <= 1 + 1e-5)


def _outside(x: torch.Tensor) -> torch.Tensor:
    """Where it leaves [0, 1]; NaN does not."""
    return (x < -1e-5) | (x > 1 + 1e-5)


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


# -- sums in blocks ---------------------------------------------------------------------------------


class RegionCounts:
    """Hits, false alarms and misses of masks and probabilities, (B, ..., classes), for each sample and class."""

    @staticmethod
    def fit(x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor | None = None, *, axes: tuple[int, ...]) -> bool:
        """Whether these can be cut into blocks."""
        return weight is None and x.device.type == "cpu" and x.dim() > 2 and x.shape == y.shape and x.numel() > 0

    @staticmethod
    def _blocks(shape: torch.Size, size: int) -> Iterator[tuple[slice, slice, int]]:
        """Samples and pixels of each block, and how many pixels lie side by side in its rows."""
        samples, classes = shape[0], shape[-1]
        pixels = math.prod(shape[1:-1])
        beside = math.gcd(pixels, 64)  # rows of some length are summed faster
        at_once = max(1, size // (pixels * classes))
        long = pixels if at_once > 1 else max(1, size // (classes * beside)) * beside
        for first in range(0, samples, at_once):
            for start in range(0, pixels, long):
                yield slice(first, first + at_once), slice(start, start + long), beside

    @classmethod
    def sums(cls, x: torch.Tensor, y: torch.Tensor, *, axes: tuple[int, ...], size: int) -> tuple[torch.Tensor, ...]:
        """The three counts, summed over `axes`; NaN where something leaves [0, 1]."""
        samples, classes = x.shape[0], x.shape[-1]
        counts = x.new_zeros((3, samples, classes))
        xs, ys = (t.reshape(samples, -1, classes) for t in (x, y))
        for these, pixels, beside in cls._blocks(x.shape, size):
            p, t = (z[these, pixels].reshape(len(xs[these]), -1, beside * classes) for z in (xs, ys))
            hits = t * p
            found = [hits.sum(1), torch.sub(p, hits).sum(1), torch.sub(t, hits, out=hits).sum(1)]
            for z in (p, t):
                if not _inside(z):
                    outside = _outside(z).any(1)
                    found = [f.masked_fill(outside, math.nan) for f in found]
            counts[:, these] += torch.stack(found).view(3, len(p), beside, classes).sum(2)
        beyond = [1 if axis == 0 else 2 for axis in axes if axis in (0, x.dim() - 1)]
        return tuple((counts.sum(beyond) if beyond else counts).unbind(0))

    @classmethod
    def slope(
        cls,
        x: torch.Tensor,
        y: torch.Tensor,
        *,
        slopes: Sequence[torch.Tensor],
        axes: tuple[int, ...],
        size: int,
    ) -> torch.Tensor:
        """By the probabilities, of the slopes by the counts."""
        samples, classes = x.shape[0], x.shape[-1]
        by_hits, by_alarms, by_misses = slopes
        wide = [1 if axis in axes else x.shape[axis] for axis in (0, x.dim() - 1)]
        fixed, of_mask = (
            s.reshape(wide).expand(samples, classes) for s in (by_alarms, by_hits - by_alarms - by_misses)
        )
        found = torch.empty_like(x, memory_format=torch.contiguous_format)
        ys, filled = y.reshape(samples, -1, classes), found.view(samples, -1, classes)
        for these, pixels, beside in cls._blocks(x.shape, size):
            a, b = (s[these].repeat(1, beside).unsqueeze(1) for s in (fixed, of_mask))
            t, here = (z[these, pixels] for z in (ys, filled))
            rows = (len(t), -1, beside * classes)
            torch.addcmul(a, t.reshape(rows), b, out=here.view(rows) if here.is_contiguous() else here)
        return found


NATIVE: dict[str, Callable[..., Any]] = {
    "absolute error": absolute_error,
    "huber": huber,
    "squared error": squared_error,
}
IN_PLACE: dict[str, Callable[..., None]] = {
    "divergence": divergence,
    "label crossentropy": label_crossentropy,
    "sigmoid crossentropy": sigmoid_crossentropy,
    "softmax crossentropy": softmax_crossentropy,
    "squared log ratio": squared_log_ratio,
}
SUMS: dict[str, Any] = {"region counts": RegionCounts}
