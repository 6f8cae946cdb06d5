"""JAX: `fori_loop` inside a `custom_vjp`."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class Spread:
    """Where a block begins that has a part in each shard: columns lie on several devices, `of_each` on one."""

    first: Any
    shards: int
    of_each: int


def over(step: Callable[..., Any], carry: Any, total: int, block: int | None, rows: bool = False) -> Any:
    """All whole blocks in a loop, and then what is left.

    Under `keras.distribution` rows are sharded, and with `ModelParallel` perhaps columns. A block that ran along them
    would gather all of them on each device; one with a part in each shard gathers nothing.
    """
    shards = _shards(rows)
    if block is None or shards == 1 or total % shards:
        return _over(step, carry, total, block)
    of_each = total // shards
    return _over(
        lambda carry, first, count: step(carry, Spread(first, shards, of_each), count * shards),
        carry,
        of_each,
        max(block // shards, 1),
    )


def _over(step: Callable[..., Any], carry: Any, total: int, block: int | None) -> Any:
    whole = 0 if block is None else total // block
    if whole == 1:
        carry = step(carry, 0, block)
    elif whole:
        carry = jax.lax.fori_loop(0, whole, lambda i, carry: step(carry, i * block, block), carry)
    left = total - whole * (block or 0)
    return step(carry, total - left, left) if left else carry


def _shards(rows: bool) -> int:
    """Among how many devices a batch is shared out; not `rows`: a replica of the model."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return 1
    mesh = distribution.device_mesh
    sizes = zip(mesh.axis_names, mesh.shape, strict=True)
    return math.prod(n for name, n in sizes if (name == distribution.batch_dim_name) == rows)


def _split(x: Any, spread: Spread, axis: int) -> Any:
    """An axis of its own for the shards, before that of the columns of each."""
    return x.reshape(*x.shape[:axis], spread.shards, -1, *x.shape[axis + 1 :])


def _joined(x: Any, axis: int) -> Any:
    """Shards and columns of each in one axis again."""
    return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])


def recomputed(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` with its own gradient, compiled: eagerly, a loop would be traced at every call."""

    @functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
    def function(plan: Any, *tensors: Any) -> Any:
        return forward(plan, *tensors)[0]

    def begin(plan: Any, *tensors: Any) -> Any:
        results, kept = forward(plan, *tensors)
        return results, (tensors, kept)

    def end(plan: Any, residuals: Any, upstream: Any) -> Any:
        tensors, kept = residuals
        wanted = [jnp.issubdtype(x.dtype, jnp.floating) for x in tensors]
        found = backward(plan, tensors, kept, upstream, wanted)
        return tuple(
            np.zeros(x.shape, jax.dtypes.float0) if by is None else by for x, by in zip(tensors, found, strict=True)
        )

    function.defvjp(begin, end)
    compiled = jax.jit(function, static_argnums=0)

    def call(plan: Any, *tensors: Any) -> Any:
        return compiled(plan, *_on_the_same_axes(tensors))

    return call


def _on_the_same_axes(tensors: Sequence[Any]) -> Sequence[Any]:
    """Inside `shard_map`: what is the same on all devices, a kernel, counts as different once it meets what is not, and
    its gradient is then the sum over devices. JAX sees to that where an operation meets both; a loop wants it said.
    """
    if not jax.sharding.get_abstract_mesh().manual_axes:
        return tensors
    either = functools.reduce(jnp.logical_or, (_true_like(x) for x in tensors))
    return [jnp.where(either, x, x) for x in tensors]


def _true_like(x: Any) -> Any:
    """True, and as different between devices as `x` is."""
    return jnp.logical_or(True, jnp.any(x.reshape(-1)[:1] == 0))


def cut(x: Any, first: Any, count: int, axis: int) -> Any:
    """Some columns."""
    if x.shape[axis] == count:
        return x
    if isinstance(first, Spread):
        parts = _split(x, first, axis)
        return _joined(jax.lax.dynamic_slice_in_dim(parts, first.first, count // first.shards, axis + 1), axis)
    return jax.lax.dynamic_slice_in_dim(x, first, count, axis)


def written(x: Any, part: Any, first: Any, axis: int) -> Any:
    """`x`, some columns replaced; in place inside a loop."""
    part = part.astype(x.dtype)
    if x.shape == part.shape:
        return part
    if isinstance(first, Spread):
        parts = _split(x, first, axis), _split(part, first, axis)
        return _joined(jax.lax.dynamic_update_slice_in_dim(*parts, first.first, axis + 1), axis)
    return jax.lax.dynamic_update_slice_in_dim(x, part, first, axis)


def product(a: Any, b: Any) -> Any:
    """``a @ b`` in float32 at least: products of bfloat16 are exact in it, those of float16 are made of it."""
    wide = jnp.promote_types(jnp.promote_types(a.dtype, b.dtype), jnp.float32)
    if jnp.bfloat16 in (a.dtype, b.dtype) and wide == jnp.float32:
        a, b = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    elif a.dtype != b.dtype or a.dtype == jnp.float16:
        a, b = a.astype(wide), b.astype(wide)
    return jnp.matmul(a, b, preferred_element_type=wide)


def added(x: Any, a: Any, b: Any) -> Any:
    """``x + a @ b``."""
    return x + product(a, b)


def turned(x: Any) -> Any:
    """Transposed."""
    return x.T


def own_copy(x: Any) -> Any:
    """`x`, which nothing writes in."""
    return x


def place(index: Any, first: Any, count: int) -> Any:
    """A mask over the block, which is computed where it is used."""
    if isinstance(first, Spread):
        of_shards = jnp.arange(first.shards, dtype=index.dtype) * first.of_each
        columns = of_shards[:, None] + first.first + jnp.arange(count // first.shards, dtype=index.dtype)
        return jnp.expand_dims(index, -1) == columns.reshape(1, -1)
    return jnp.expand_dims(index - first, -1) == jnp.expand_dims(jnp.arange(count, dtype=index.dtype), 0)


def picked(z: Any, place: Any) -> Any:
    """The one number that is not shut out."""
    return jnp.where(place, z, 0).sum(-1)


def filled(z: Any, place: Any, value: Any) -> Any:
    """Another number at the place."""
    return jnp.where(place, value if isinstance(value, float) else jnp.expand_dims(value, -1), z)


def exp_above(z: Any, base: Any) -> Any:
    """``exp(z - base)``."""
    return jnp.exp(z - jnp.expand_dims(base, -1))


def scaled(z: Any, by: Any) -> Any:
    """A factor a row."""
    return z * jnp.expand_dims(by, -1)


def zeros(shape: Sequence[int], dtype: str, like: Any) -> Any:
    """As different between devices as `like` is."""
    nothing = jnp.zeros(tuple(shape), dtype)
    return jnp.where(_true_like(like), nothing, nothing) if jax.sharding.get_abstract_mesh().manual_axes else nothing
