"""From values to one number: weights, masks, denominators, replicas. The one home of the reduction."""

from __future__ import annotations

from typing import Any

from polyloss.core import numerics, ops, replica
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import one_of

REDUCTION = one_of("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def line_up(where: str, what: str, weight: Tensor, values: Tensor, of: str = "loss's values") -> Tensor:
    """`weight` with the rank of `values`, aligned from the batch axis."""
    given, rank = tuple(weight.shape), len(values.shape)
    while len(weight.shape) > rank and weight.shape[-1] == 1:
        weight = ops.squeeze(weight, -1)
    fits = len(weight.shape) <= rank and all(
        w == v or w == 1 or w is None or v is None for w, v in zip(weight.shape, values.shape, strict=False)
    )
    if not fits:
        raise ValueError(
            f"{where}: {what} must line up with the {of} from the batch axis and be no finer. "
            f"Got {what}.shape={given}, {of.split()[-1]}.shape={tuple(values.shape)}."
        )
    return ops.reshape(weight, (*ops.shape(weight), *[1] * (rank - len(weight.shape))))


def replaced(x: Tensor, out: Tensor, stand_in: Any, axis: int | None) -> Tensor:
    """`x` with a harmless value wherever `out`, which lines up from the batch axis and lacks the class axis.

    What is shut out must never reach the formula, or NaN * 0 is NaN. Where `out` is finer than `x` it comes back as it
    is: the weight is refused once the values are known.
    """
    rank = len(x.shape)
    while len(out.shape) > 1 and len(out.shape) > rank and out.shape[-1] == 1:
        out = ops.squeeze(out, -1)
    if axis is not None and rank == len(out.shape) + 1 and axis % rank < len(out.shape):
        out = ops.expand_dims(out, axis % rank)
    if len(out.shape) > rank:
        return x
    out = ops.reshape(out, (*ops.shape(out), *[1] * (rank - len(out.shape))))
    if any(a != b and 1 not in (a, b) and None not in (a, b) for a, b in zip(out.shape, x.shape, strict=True)):
        return x
    return ops.where(out, stand_in, x)


def reduced(
    reduction: str | None,
    values: Tensor,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
    whole: bool = False,
) -> Tensor:
    """The values of a loss as its reduction has it, over all replicas.

    `weight` and `mask` have the rank of the values. What the mask leaves out is 0 and leaves the denominator of a mean,
    what has weight 0 stays in it. `whole`: the values are those of all replicas already, and each replica has them all.
    """
    if mask is not None:
        values = ops.where(mask, values, 0.0)
    if weight is not None:
        values = ops.where(ops.equal(weight, 0), 0.0, values) * weight
    if reduction in (None, "none"):
        return values
    total = ops.sum(values) if len(values.shape) else values
    count: int | Tensor
    if reduction == "sum":
        count = 1
    elif weight is not None and reduction == "mean_with_sample_weight":
        counted = ops.broadcast_to(weight, ops.shape(values))
        count = ops.sum(counted if mask is None else ops.where(mask, counted, 0.0))
    elif mask is not None:
        count = ops.sum(ops.cast(ops.broadcast_to(mask, ops.shape(values)), numerics.dtype_of(values)))
    else:
        count = numerics.size(values)
    if replica.engine() is None:
        return _divided(total, count)
    total = replica.replica_sum(total)
    if whole:  # the mean of equal numbers: every loss ends in a sum over replicas, which engines tell apart from others
        total = total / replica.replica_count()
    elif reduction != "sum":
        count = replica.replica_sum(ops.stop_gradient(ops.cast(count, numerics.dtype_of(values))))
    return replica.for_engine(_divided(total, count))


def _divided(total: Tensor, count: int | Tensor) -> Tensor:
    """`total / count`, 0 where nothing was counted."""
    if isinstance(count, int):
        return total if count == 1 else total / max(count, 1)
    none = ops.equal(count, 0)
    return ops.where(none, 0.0, total / ops.where(none, 1.0, count))
