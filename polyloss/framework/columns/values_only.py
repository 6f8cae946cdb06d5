"""Backends without gradients (NumPy): plain loops, by Keras's ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops


def over(step: Callable[..., Any], carry: Any, total: int, block: int | None, rows: bool = False) -> Any:
    """One block after the other."""
    block = block or max(total, 1)
    for first in range(0, total, block):
        carry = step(carry, first, min(block, total - first))
    return carry


def recomputed(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` alone."""

    def call(plan: Any, *tensors: Any) -> Any:
        return forward(plan, *tensors)[0]

    return call


def cut(x: Any, first: int, count: int, axis: int) -> Any:
    """Some columns."""
    return x[tuple(slice(first, first + count) if i == axis else slice(None) for i in range(len(x.shape)))]


def written(x: Any, part: Any, first: int, axis: int) -> Any:
    """`x`, some columns replaced."""
    x[tuple(slice(first, first + part.shape[axis]) if i == axis else slice(None) for i in range(len(x.shape)))] = part
    return x


def product(a: Any, b: Any) -> Any:
    """``a @ b``, in float32 at least."""
    return _wide(a) @ _wide(b)


def _wide(x: Any) -> Any:
    return ops.cast(x, "float32") if x.dtype.itemsize == 2 else x


def added(x: Any, a: Any, b: Any) -> Any:
    """Needed for gradients alone."""
    raise NotImplementedError("columns: KERAS_BACKEND must have gradients.")


def turned(x: Any) -> Any:
    """Transposed."""
    return x.T


def own_copy(x: Any) -> Any:
    """`x`, which nothing writes in."""
    return x


def place(index: Any, first: int, count: int) -> Any:
    """A mask over the block."""
    return ops.expand_dims(index - first, -1) == ops.arange(count)


def picked(z: Any, place: Any) -> Any:
    """The one number that is not shut out."""
    return ops.sum(ops.where(place, z, 0.0), axis=-1)


def filled(z: Any, place: Any, value: Any) -> Any:
    """Another number at the place."""
    return ops.where(place, value if isinstance(value, float) else ops.expand_dims(value, -1), z)


def exp_above(z: Any, base: Any) -> Any:
    """``exp(z - base)``."""
    return ops.exp(z - ops.expand_dims(base, -1))


def scaled(z: Any, by: Any) -> Any:
    """A factor a row."""
    return z * ops.expand_dims(by, -1)


def zeros(shape: Sequence[int], dtype: str, like: Any) -> Any:
    """Zeros."""
    return np.zeros(tuple(shape), dtype)
