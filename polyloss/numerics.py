"""The stable primitives that every formula is built from.

Only ops that keep float64 and agree on all backends are used here and in the families (ruff's
banned-api list holds that); at ties and zeros the subgradient is fixed by `where`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from polyloss import framework

Tensor = Any
"""A native tensor of the backend, a KerasTensor, or anything `keras.ops.convert_to_tensor` takes."""


# -- tensors and dtypes ---------------------------------------------------------------------------


def dtype_of(x: Tensor) -> str:
    """The dtype's name, the same on every backend."""
    return keras.backend.standardize_dtype(x.dtype)


def tensor(x: Tensor) -> Tensor:
    """`x` as a tensor of the backend; what is one already is left alone, dtype included."""
    if ops.is_tensor(x) or isinstance(x, keras.KerasTensor):
        return x
    return ops.convert_to_tensor(x)


def constant(value: float | Sequence[float], like: Tensor, axis: int = -1) -> Tensor | float:
    """A parameter for arithmetic with `like`: a number as it is, a sequence laid along `axis`."""
    if isinstance(value, int | float):
        return value
    vector = ops.convert_to_tensor(tuple(value), dtype=dtype_of(like))
    behind = -1 - axis if axis < 0 else len(like.shape) - 1 - axis
    return ops.reshape(vector, (-1, *[1] * behind))


def size(x: Tensor, axis: int | None = None) -> int | Tensor:
    """How many elements (along `axis`): a Python number where the shape is static."""
    dims = x.shape if axis is None else (x.shape[axis],)
    if all(isinstance(d, int) for d in dims):
        count = 1
        for d in dims:
            count *= d
        return count
    return ops.cast(ops.size(x) if axis is None else ops.shape(x)[axis], dtype_of(x))


# -- arithmetic -----------------------------------------------------------------------------------


def mean(x: Tensor, axis: int = -1) -> Tensor:
    """Mean along one axis (`keras.ops.mean` rounds float64 to float32); a scalar is its own mean."""
    if len(x.shape) == 0:
        return x
    return ops.sum(x, axis=axis) / size(x, axis)


def times(a: Tensor, b: Tensor) -> Tensor:
    r"""``a * b`` with :math:`0 \cdot \infty = 0`, value and gradient: a target of 0 asks for nothing."""
    return a * asked_for(a, b)


def asked_for(a: Tensor, b: Tensor) -> Tensor:
    """`b`, with a harmless 0 where its factor `a` is 0 and it, or its square, overflows."""
    return ops.where(ops.logical_and(a == 0, ops.abs(b) > 1e18), 0.0, b)


def absolute(x: Tensor) -> Tensor:
    """``|x|`` with derivative 0 at 0 (the frameworks' own disagree there)."""
    return x * ops.stop_gradient(ops.sign(x))


def power(base: Tensor, exponent: float) -> Tensor:
    """``base ** exponent`` for base >= 0, without the infinite or NaN gradients of `pow` at 0."""
    if exponent == 0:
        return ops.ones_like(base)
    if exponent == 1:
        return base
    if exponent in range(2, 9):  # products keep more digits than exp(n log x)
        half = power(base, exponent // 2)
        return half * half * base if exponent % 2 else half * half
    smallest = 1.2e-38 if dtype_of(base) == "float32" else 2.3e-308  # below it 1 / base overflows
    positive = base >= smallest
    safe = ops.where(positive, base, 1.0)
    nan = ops.where(ops.isnan(base), base, 0.0)
    return ops.where(positive, ops.exp(exponent * ops.log(safe)), nan)


def safe_norm(x: Tensor, axis: int | Sequence[int] = -1) -> Tensor:
    """Euclidean norm that neither overflows nor underflows, with gradient 0 at the zero vector."""
    total = ops.stop_gradient(ops.sum(ops.abs(x), axis=axis, keepdims=True))
    scale = ops.where(ops.logical_and(total > 0, ops.isfinite(total)), total, 1.0)
    squared = ops.sum(ops.square(x / scale), axis=axis)
    zero = squared == 0
    root = ops.where(zero, 0.0, ops.sqrt(ops.where(zero, 1.0, squared)))
    return ops.reshape(scale, ops.shape(root)) * root


def clip(x: Tensor, low: float, high: float) -> Tensor:
    """`x` within [low, high]; beyond, the gradient is 0, at the ends 1."""
    return ops.where(x < low, ops.full_like(x, low), ops.where(x > high, ops.full_like(x, high), x))


def clip_through(x: Tensor, low: float, high: float | None = None) -> Tensor:
    """``clip(x, low, high)`` whose gradient is 1 everywhere, so that what was clipped can still learn."""
    clipped = ops.where(x < low, ops.full_like(x, low), x)
    if high is not None:
        clipped = ops.where(x > high, ops.full_like(x, high), clipped)
    # x - stop_gradient(x) is 0 with gradient 1. Inside `where`, or TensorFlow's graph optimiser makes
    # (low + x) - x of it and loses digits.
    return clipped + ops.where(clipped == x, 0.0, x - ops.stop_gradient(x))


# -- yes or no ------------------------------------------------------------------------------------


def log_sigmoid_pair(x: Tensor) -> tuple[Tensor, Tensor]:
    r"""``log sigmoid(x)`` and ``log(1 - sigmoid(x))``.

    :math:`-\max(\mp x, 0) - \log(1 + e^{-|x|})`: no overflow, and autodiff of this form keeps the tiny
    gradient of a saturated logit (that of :math:`\max(x, 0) - x y + \log(1 + e^{-|x|})` cancels to 0).
    """
    positive = x > 0
    tail = ops.log1p(ops.exp(ops.where(positive, -x, x)))
    return -(ops.where(positive, 0.0, -x) + tail), -(ops.where(positive, x, 0.0) + tail)


def softplus(x: Tensor) -> Tensor:
    """``log(1 + exp(x))``, exact in value and gradient over the whole range."""
    return -log_sigmoid_pair(x)[1]


def log_sigmoid(x: Tensor) -> Tensor:
    """``log(sigmoid(x))``."""
    return log_sigmoid_pair(x)[0]


def log_probability_pair(p: Tensor) -> tuple[Tensor, Tensor]:
    """``log p`` and ``log(1 - p)``, p clipped to [eps, 1 - eps] as Keras does, gradient passed through.

    It is the smaller of p and 1 - p that is clipped, so both ends are equally exact: in float32
    ``1 - 1e-7`` is not a number, and Keras's own losses are off by 1 % there.
    """
    p = nan_outside(p, 0.0, 1.0)
    more_likely = p > 0.5
    small = clip_through(ops.where(more_likely, 1 - p, p), keras.config.epsilon())
    log_small, log_large = ops.log(small), ops.log1p(-small)
    return ops.where(more_likely, log_large, log_small), ops.where(more_likely, log_small, log_large)


def nan_outside(x: Tensor, low: float, high: float, slack: float = 1e-5) -> Tensor:
    """`x`, NaN where it leaves [low, high] by more than rounding."""
    return ops.where(ops.logical_or(x < low - slack, x > high + slack), float("nan"), x)


# -- one of many ----------------------------------------------------------------------------------


def _largest_and_rest(x: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    r"""``m`` and ``r`` with :math:`\log\sum_j e^{x_j} = m + r`, and whether one class alone reaches m.

    ``m`` is the largest, :math:`r = \log(1 + \sum e^{x_j - m})` over the others, so r keeps its digits
    however small it is. A row whose largest is not finite has no softmax: NaN.
    """
    m = ops.max(x, axis=axis, keepdims=True, initial=-float("inf"))
    top = x == m
    ties = ops.sum(ops.cast(top, dtype_of(x)), axis=axis, keepdims=True)
    others = ops.sum(ops.where(top, 0.0, ops.exp(x - m)), axis=axis, keepdims=True) + (ties - 1)
    return m, ops.log1p(ops.where(ops.isfinite(m), others, float("nan"))), ties == 1


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Log of softmax along `axis`; -inf logits (masked classes) have probability 0."""
    if not framework.EXACT_LOG_SOFTMAX:
        return ops.log_softmax(x, axis=axis)
    m, rest, alone = _largest_and_rest(x, axis)
    # Where one class alone is largest its x - m is a constant 0: left in, its gradient 1 - 1 + tiny
    # would round to 0.
    return ops.where(ops.logical_and(x == m, alone), 0.0, x - m) - rest


def log_softmax_at(x: Tensor, labels: Tensor, axis: int = -1) -> Tensor:
    """`log_softmax` at integer labels, without the whole table where the backend allows."""
    if not framework.EXACT_LOG_SOFTMAX:
        return at_label(ops.log_softmax(x, axis=axis), labels, axis)
    m, rest, alone = (ops.squeeze(t, axis) for t in _largest_and_rest(x, axis))
    own = at_label(x, labels, axis)
    return ops.where(ops.logical_and(own == m, alone), 0.0, own - m) - rest


def logsumexp(x: Tensor, axis: int = -1) -> Tensor:
    """Log of the sum of exponentials along `axis`."""
    if not framework.EXACT_LOG_SOFTMAX:
        return ops.logsumexp(x, axis=axis)
    m, rest, _ = _largest_and_rest(x, axis)
    return ops.squeeze(m + rest, axis)


def log_normalized(p: Tensor, axis: int = -1) -> Tensor:
    """Log of probabilities, rows renormalised and clipped to [eps, 1 - eps] as Keras does."""
    p = nan_outside(p, 0.0, 1.0)
    total = ops.sum(p, axis=axis, keepdims=True)
    share = p / ops.where(total == 0, 1.0, total)
    epsilon = keras.config.epsilon()
    return ops.log(clip_through(share, epsilon, 1 - epsilon))


def valid_labels(labels: Tensor, classes: int | Tensor) -> tuple[Tensor, Tensor]:
    """Labels safe to index with, and which of them were in range."""
    valid = ops.logical_and(labels >= 0, labels < classes)
    return ops.where(valid, labels, ops.zeros_like(labels)), valid


def at_label(x: Tensor, labels: Tensor, axis: int = -1) -> Tensor:
    """The entry of `x` at each (valid) label; the class axis goes."""
    index = ops.expand_dims(labels, axis)
    return ops.squeeze(ops.take_along_axis(x, index, axis=axis), axis)
