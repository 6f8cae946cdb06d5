"""Random numbers that are the same on JAX, TensorFlow, PyTorch and NumPy.

One seed gives other numbers on each backend, so two backends with a Dropout would train two different networks.
While `same_everywhere` lasts, `keras.random`, and with it every layer and initializer of Keras, draws from a
generator of integer arithmetic instead, exact everywhere, eager and compiled: the n-th number of a draw is a
hash of (seed, number of the draw, n), with the seed and the count that `keras.random.SeedGenerator` keeps.

Uniform numbers, and so the masks of Dropout, are equal to the last bit. What is made of them by a logarithm or a
cosine (`normal`) is equal up to rounding.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from polyloss.framework import private

OWN = ("gamma", "binomial", "beta")
"""What is left to the backend: a layer that draws these is named in the report."""

_FACTORS = (0x7FEB352D, 0x846CA68B - (1 << 32))  # of an integer hash with little bias; as int32
_TINY = 2.0**-25


def _shifted(x: Any, by: int) -> Any:
    """A logical shift to the right of int32."""
    return ops.bitwise_and(ops.right_shift(x, by), (1 << (32 - by)) - 1)


def _mixed(x: Any) -> Any:
    x = ops.bitwise_xor(x, _shifted(x, 16)) * _FACTORS[0]
    x = ops.bitwise_xor(x, _shifted(x, 15)) * _FACTORS[1]
    return ops.bitwise_xor(x, _shifted(x, 16))


def words(shape: Sequence[Any], seed: Any) -> Any:
    """Hashed int32 of a shape, from the next state of the seed."""
    state = ops.cast(private.draw_seed(seed), "int32")
    count = math.prod(shape)
    x = _mixed(ops.bitwise_xor(ops.arange(count, dtype="int32"), _mixed(state[0])))
    return ops.reshape(_mixed(ops.bitwise_xor(x, _mixed(state[1] + 0x5BD1E995))), shape)


def words_in_numpy(shape: Sequence[int], seed: int, count: int) -> np.ndarray:
    """The same in NumPy: what the others are tested against."""

    def mixed(x: np.ndarray) -> np.ndarray:
        x = (x ^ (x >> np.uint32(16))) * np.uint32(_FACTORS[0])
        x = (x ^ (x >> np.uint32(15))) * np.uint32(_FACTORS[1] & 0xFFFFFFFF)
        return x ^ (x >> np.uint32(16))

    key = np.array([seed, (count + 0x5BD1E995) & 0xFFFFFFFF], "uint32")
    x = mixed(np.arange(math.prod(shape), dtype="uint32") ^ mixed(key[:1]))
    return mixed(x ^ mixed(key[1:])).reshape(shape).view("int32")


def _unit(shape: Sequence[Any], seed: Any) -> Any:
    """Float32 in [0, 1), multiples of 2^-24."""
    return ops.cast(_shifted(words(shape, seed), 8), "float32") * 2.0**-24


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """As `keras.random.uniform`."""
    return ops.cast(_unit(shape, seed) * (maxval - minval) + minval, dtype or keras.config.floatx())


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """As `keras.random.normal`; by Box and Muller."""
    both = _unit((2, *shape), seed)
    made = ops.sqrt(-2.0 * ops.log(both[0] + _TINY)) * ops.cos(2 * math.pi * both[1])
    return ops.cast(made * stddev + mean, dtype or keras.config.floatx())


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """As `keras.random.truncated_normal`: within two standard deviations, by the inverse of the distribution."""
    edge = math.erf(math.sqrt(2.0))
    made = math.sqrt(2.0) * ops.erfinv((2.0 * (_unit(shape, seed) + _TINY) - 1.0) * edge)
    return ops.cast(made * stddev + mean, dtype or keras.config.floatx())


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """As `keras.random.randint`."""
    span = ops.cast(maxval - minval, "float32")
    return ops.cast(minval + ops.cast(ops.floor(_unit(shape, seed) * span), "int32"), dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """As `keras.random.categorical`: the largest of logits with Gumbel noise."""
    rows, classes = ops.shape(logits)
    noise = -ops.log(-ops.log(_unit((rows, num_samples, classes), seed) + _TINY))
    return ops.cast(ops.argmax(ops.cast(logits, "float32")[:, None] + noise, axis=-1), dtype)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """As `keras.random.dropout`."""
    sizes = ops.shape(inputs)
    shape = sizes if noise_shape is None else [n if m is None else m for n, m in zip(sizes, noise_shape, strict=True)]
    kept = ops.broadcast_to(_unit(shape, seed) >= rate, sizes)
    return ops.where(kept, inputs / (1 - rate) if rate < 1 else inputs, ops.zeros_like(inputs))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """As `keras.random.shuffle`."""
    return ops.take(x, ops.argsort(words((ops.shape(x)[axis],), seed)), axis=axis)


_PORTABLE = (uniform, normal, truncated_normal, randint, categorical, dropout, shuffle)


@contextlib.contextmanager
def same_everywhere() -> Iterator[None]:
    """Let `keras.random` draw the same on every backend."""
    module = private.random_module()
    before = {f.__name__: getattr(module, f.__name__) for f in _PORTABLE}
    try:
        for f in _PORTABLE:
            setattr(module, f.__name__, f)
        yield
    finally:
        for name, f in before.items():
            setattr(module, name, f)


def seeds_of(model: Any) -> list[tuple[str, Any]]:
    """Every seed in a model, with the name of the layer that holds it, in the order of the layers."""
    found: dict[int, tuple[str, Any]] = {}
    for layer in private.flat_layers(model):
        for generator in private.seed_generators(layer):
            found.setdefault(id(generator), (layer.name, generator))
    return list(found.values())


def restart(model: Any, seed: int) -> None:
    """Set every seed in a model to a number that its place and `seed` give."""
    for place, (_, generator) in enumerate(seeds_of(model)):
        state = generator.state
        start = np.array([(seed * 7919 + place * 104729 + 1) % (1 << 31), 0])
        state.assign(ops.convert_to_tensor(start, dtype=state.dtype))
