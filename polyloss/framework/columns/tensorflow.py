"""TensorFlow: `tf.while_loop`, one iteration at a time, inside a `custom_gradient`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf


def over(step: Callable[..., Any], carry: Any, total: Any, block: int | None, rows: bool = False) -> Any:
    """All whole blocks in a loop, and then what is left; one block where `total` is known and no more than that.

    `tf.while_loop` would run ten iterations at once, and hold ten blocks.
    """
    if block is None or (isinstance(total, int) and total <= block):
        return step(carry, 0, total)
    whole = total // block

    def body(i: Any, carry: Any) -> Any:
        return i + 1, step(carry, i * block, block)

    _, carry = tf.while_loop(lambda i, _: i < whole, body, (tf.constant(0), carry), parallel_iterations=1)
    left = total - whole * block
    if isinstance(left, int) and not left:
        return carry
    return step(carry, whole * block, left)


def recomputed(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` with its own gradient."""

    def call(plan: Any, *tensors: Any) -> Any:
        tensors = tuple(tf.convert_to_tensor(x) for x in tensors)
        wanted = [x.dtype.is_floating for x in tensors]

        @tf.custom_gradient
        def function(*tensors: Any) -> Any:
            results, kept = forward(plan, *tensors)

            def gradient(*upstream: Any) -> list[Any]:
                return backward(plan, tensors, kept, upstream, wanted)

            return results, gradient

        return function(*tensors)

    return call


def cut(x: Any, first: Any, count: Any, axis: int) -> Any:
    """Some columns. Every size is said: for "the rest", -1, XLA takes a slice of the whole and bounds it."""
    if isinstance(count, int) and x.shape[axis] == count:
        return x
    sizes = [count if i == axis else (tf.shape(x)[i] if d is None else d) for i, d in enumerate(x.shape)]
    return tf.slice(x, [first if i == axis else 0 for i in range(len(x.shape))], sizes)


def written(x: Any, part: Any, first: Any, axis: int) -> Any:
    """`x`, some columns replaced; under XLA in place inside a loop."""
    part = tf.cast(part, x.dtype)
    if x.shape[axis] is not None and x.shape[axis] == part.shape[axis]:
        return part
    return keras.ops.slice_update(x, [first if i == axis else 0 for i in range(len(x.shape))], part)


def _wide(x: Any) -> Any:
    return tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x


def product(a: Any, b: Any) -> Any:
    """``a @ b``, in float32 at least."""
    return tf.matmul(_wide(a), _wide(b))


def added(x: Any, a: Any, b: Any) -> Any:
    """``x + a @ b``."""
    return x + product(a, b)


def turned(x: Any) -> Any:
    """Transposed."""
    return tf.transpose(x)


def own_copy(x: Any) -> Any:
    """`x`, which nothing writes in."""
    return x


def place(index: Any, first: Any, count: Any) -> Any:
    """A mask over the block."""
    return tf.expand_dims(index - tf.cast(first, index.dtype), -1) == tf.range(tf.cast(count, index.dtype))


def picked(z: Any, place: Any) -> Any:
    """The one number that is not shut out."""
    return tf.reduce_sum(tf.where(place, z, tf.zeros([], z.dtype)), -1)


def filled(z: Any, place: Any, value: Any) -> Any:
    """Another number at the place."""
    value = tf.constant(value, z.dtype) if isinstance(value, float) else tf.expand_dims(value, -1)
    return tf.where(place, value, z)


def exp_above(z: Any, base: Any) -> Any:
    """``exp(z - base)``."""
    return tf.exp(z - tf.expand_dims(base, -1))


def scaled(z: Any, by: Any) -> Any:
    """A factor a row."""
    return z * tf.expand_dims(by, -1)


def zeros(shape: Sequence[int | None], dtype: str, like: Any) -> Any:
    """Of `shape`, where it is known; the rest as `like` is."""
    now = tf.shape(like)
    return tf.zeros([now[i] if d is None else d for i, d in enumerate(shape)], dtype)
