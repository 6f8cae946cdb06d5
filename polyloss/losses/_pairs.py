"""What the losses over all pairs of a batch share."""

from __future__ import annotations

from polyloss.core import numerics, ops
from polyloss.core.numerics import Tensor


def directions(x: Tensor) -> Tensor:
    """Rows of length 1, at any scale; a row of zeros stays one, with gradient 0."""
    total = ops.stop_gradient(ops.sum(ops.abs(x), axis=-1, keepdims=True))
    zero = ops.equal(total, 0)
    x = x / ops.where(zero, 1.0, total)
    length = ops.sqrt(ops.where(zero, 1.0, ops.sum(ops.square(x), axis=-1, keepdims=True)))
    return ops.where(zero, 0.0, x / length)


def distances(x: Tensor, distance: str) -> Tensor:
    """``"l2"``, ``"squared-l2"`` or ``"cosine"`` distance of every row to every row, (B, B).

    From differences, not from products: near points keep their digits, and equal ones have distance 0 with gradient 0.
    A row of zeros is at cosine distance 1 from everything.
    """
    x = directions(x) if distance == "cosine" else x
    apart = ops.expand_dims(x, 1) - ops.expand_dims(x, 0)
    if distance == "l2":
        return numerics.safe_norm(apart)
    squared = ops.sum(ops.square(apart), axis=-1)
    if distance == "squared-l2":
        return squared
    zero = ops.equal(ops.sum(ops.abs(x), axis=-1), 0)
    return ops.where(ops.logical_or(ops.expand_dims(zero, 1), ops.expand_dims(zero, 0)), 1.0, 0.5 * squared)


def diagonal(x: Tensor) -> Tensor:
    """True where row and column of a batch are the same sample, (B, B), also where B is known at run time only."""
    index = ops.cumsum(ops.ones_like(x[:, 0], dtype="int32"))
    return ops.equal(ops.expand_dims(index, 1), ops.expand_dims(index, 0))


def alike_and_different(ids: Tensor, x: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor]:
    """Which pairs of samples have one id, a sample with itself apart, and which have two: (B, B) each, present ones."""
    same = ops.equal(ops.expand_dims(ids, 1), ops.expand_dims(ids, 0))
    different = ops.logical_not(same)
    alike = ops.logical_and(same, ops.logical_not(diagonal(x)))
    if present is None:
        return alike, different
    both = ops.logical_and(ops.expand_dims(present, 1), ops.expand_dims(present, 0))
    return ops.logical_and(alike, both), ops.logical_and(different, both)


def largest(x: Tensor, among: Tensor) -> Tensor:
    """The largest of those `among` the last axis; 0 where there are none.

    Those that tie share the gradient evenly, so that the order of the rows does not matter. NaN among them gives NaN.
    """
    candidates = ops.where(among, x, -float("inf"))
    top = ops.stop_gradient(numerics.largest(candidates))
    chosen = ops.logical_and(among, ops.logical_or(ops.equal(x, top), ops.isnan(x)))
    return ops.sum(ops.where(chosen, x, 0.0), axis=-1) / at_least_one(count(chosen, x))


def smallest(x: Tensor, among: Tensor) -> Tensor:
    """The smallest of those `among` the last axis, as `largest` has it."""
    return -largest(-x, among)


def count(of: Tensor, like: Tensor, axis: int | tuple[int, ...] | None = -1) -> Tensor:
    """How many are true, in the dtype of `like`: a constant."""
    return ops.sum(ops.cast(of, numerics.dtype_of(like)), axis=axis)


def at_least_one(number: Tensor) -> Tensor:
    """`number`, 1 where it is 0: to divide by."""
    return ops.where(ops.equal(number, 0), 1.0, number)


def rows(x: Tensor, present: Tensor | None) -> int | Tensor:
    """How many samples are present: what the mean over the batch divides by."""
    if present is None and isinstance(x.shape[0], int):
        return x.shape[0]
    return ops.sum(ops.ones_like(x[:, 0])) if present is None else count(present, x)
