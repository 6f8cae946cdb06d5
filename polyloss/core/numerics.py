"""The stable primitives that every formula is built from.

Only ops that keep float64 and agree on all backends are used here and in the families (ruff's
banned-api list holds that); at ties and zeros the subgradient is fixed by `where`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, SupportsInt

import keras
import numpy as np

from polyloss import framework
from polyloss.core import ops

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
    if isinstance(value, (int, float)):
        return value
    vector = ops.convert_to_tensor(tuple(value), dtype=dtype_of(like))
    shape = [1] * max(len(like.shape), 1)
    shape[axis] = -1
    return ops.reshape(vector, shape)


def size(x: Tensor, axis: int | None = None) -> int | Tensor:
    """How many elements (along `axis`): a Python number where the shape is static."""
    count = 1
    for d in x.shape if axis is None else (x.shape[axis],):
        if not isinstance(d, int):
            return ops.cast(ops.size(x) if axis is None else ops.shape(x)[axis], dtype_of(x))
        count *= d
    return count


def seed_word(seed: SupportsInt) -> int:
    """Any integer as a seed that every backend takes, in [0, 2^31): those in it as they are, others by their hash."""
    whole = int(seed)
    if 0 <= whole < 2**31:
        return whole
    return int(np.random.SeedSequence(whole % 2**128).generate_state(1)[0] >> 1)


# -- arithmetic -----------------------------------------------------------------------------------


def mean(x: Tensor, axis: int = -1) -> Tensor:
    """Mean along one axis (`keras.ops.mean` rounds float64 to float32); a scalar is its own mean."""
    if len(x.shape) == 0:
        return x
    return ops.sum(x, axis=axis) / size(x, axis)


def terms(x: Tensor) -> Tensor:
    """`x`, whose sum or mean comes next, made in one pass over what it is made of: as it is, but for the time it takes."""
    return x if isinstance(x, keras.KerasTensor) else framework.terms(x)


def times(a: Tensor, b: Tensor) -> Tensor:
    r"""``a * b`` with :math:`0 \cdot \infty = 0`, value and gradient: a target of 0 asks for nothing."""
    return a * asked_for(a, b)


def product(a: Tensor, b: Tensor) -> Tensor:
    r"""``a * b`` with :math:`0 \cdot \infty = 0`; a NaN may be lost and must come by another way.

    For closed forms, whose slope is their own: on PyTorch without the masks of `times`.
    """
    if framework.product is not None and not isinstance(b, keras.KerasTensor):
        return framework.product(a, b)
    return times(a, b)


def asked_for(a: Tensor, b: Tensor) -> Tensor:
    """`b`, with a harmless 0 where its factor `a` is 0 and it, or its square, overflows."""
    return ops.where(ops.logical_and(ops.equal(a, 0), ops.abs(b) > 1e18), 0.0, b)


def absolute(x: Tensor) -> Tensor:
    """``|x|`` with derivative 0 at 0 (the frameworks' own disagree there)."""
    return x * ops.stop_gradient(ops.sign(x))


def power(base: Tensor, exponent: float) -> Tensor:
    """``base ** exponent`` for base >= 0, without the infinite or NaN gradients of `pow` at 0."""
    if exponent == 0:
        return ops.ones_like(base)
    if exponent == 1:
        return base
    for whole in range(2, 9):  # one by one: torch.compile knows a number by what it was compared with
        if exponent == whole:
            return _product(base, whole)
    safe = at_least(base, smallest_normal(base))
    return ops.exp(exponent * ops.log(safe)) * step(base)


@framework.fused
def share(part: Tensor, rest: Tensor, nothing: float = 0.0) -> Tensor:
    """``part / (part + rest)`` for what is not negative; `nothing` with gradient 0 where both are 0.

    By the ratio of the smaller to the larger: the slope of the plain form, 1 / sum - part / sum^2, cancels where `rest`
    is small. The larger is 1 in units of its own, so that no square of it, up or down, leaves the range.
    """
    less = part < rest
    small, large = ops.where(less, part, rest), ops.where(less, rest, part)
    none = large < smallest_normal(large)
    unit = ops.where(none, 1.0, ops.stop_gradient(large))
    ratio = (small / unit) / ops.where(none, 1.0, large / unit)
    return ops.where(none, nothing, ops.where(less, ratio, 1.0) / (1 + ratio))


def smallest_normal(x: Tensor) -> float:
    """Below it 1 / x overflows, and some backends take numbers for 0."""
    return 1.2e-38 if dtype_of(x) == "float32" else 2.3e-308


def _product(base: Tensor, exponent: int) -> Tensor:
    """``base ** exponent`` as a product, which keeps more digits than exp(n log x)."""
    if exponent == 1:
        return base
    half = _product(base, exponent // 2)
    return half * half * base if exponent % 2 else half * half


@framework.fused
def log_ratio(a: Tensor, b: Tensor) -> Tensor:
    """``|log((1 + a) / (1 + b))|``, to the last digit where a and b are close. Square it: at a tie the slope is not promised."""
    return ops.log1p(ops.abs(a - b) / (1 + smaller(a, b)))


@framework.fused
def safe_norm(x: Tensor, axis: int | Sequence[int] = -1) -> Tensor:
    """Euclidean norm that neither overflows nor underflows, with gradient 0 at the zero vector."""
    size = ops.stop_gradient(largest(ops.abs(x), axis))
    scale = ops.where(ops.logical_and(size > 0, ops.isfinite(size)), size, 1.0)
    squared = ops.sum(ops.square(x / scale), axis=axis)
    zero = ops.equal(squared, 0)
    root = ops.where(zero, 0.0, ops.sqrt(ops.where(zero, 1.0, squared)))
    return ops.reshape(scale, ops.shape(root)) * root


def largest(x: Tensor, axis: int | Sequence[int] = -1) -> Tensor:
    """The largest along `axis`, which stays with length 1; of nothing 0.

    `keras.ops.max` gives a wrong shape for nothing on torch, and cannot be compiled there with a value to start from.
    """
    return ops.sum(x, axis=axis, keepdims=True) if 0 in x.shape else ops.amax(x, axis=axis, keepdims=True)


def step(x: Tensor) -> Tensor:
    """1 where x > 0, else 0, in the dtype of x and with slope 0; NaN may give NaN."""
    if framework.step is not None and not isinstance(x, keras.KerasTensor):
        return framework.step(x)
    return ops.cast(x > 0, dtype_of(x))


def at_least(x: Tensor, low: float) -> Tensor:
    """`x`, but not below `low`. The gradient at a tie is not promised."""
    return clip(x, low, float("inf"))


def at_most(x: Tensor, high: float) -> Tensor:
    """`x`, but not above `high`. The gradient at a tie is not promised."""
    return clip(x, -float("inf"), high)


def smaller(a: Tensor, b: Tensor) -> Tensor:
    """The smaller of two. The gradient at a tie is not promised: use it where a tie has slope 0."""
    if dtype_of(a) == "float64":  # `keras.ops.minimum` gives float32 on torch
        return ops.where(a > b, b, a)
    return ops.minimum(a, b)


def clip(x: Tensor, low: float, high: float) -> Tensor:
    """`x` within [low, high]; beyond, the gradient is 0, at the ends 1."""
    if framework.clip is not None and not isinstance(x, keras.KerasTensor):
        return framework.clip(x, low, high)
    return ops.where(x < low, ops.full_like(x, low), ops.where(x > high, ops.full_like(x, high), x))


def clip_through(x: Tensor, low: float, high: float = float("inf")) -> Tensor:
    """``clip(x, low, high)`` whose gradient is 1 everywhere, so that what was clipped can still learn."""
    if framework.clip_through is not None and not framework.fuses() and not isinstance(x, keras.KerasTensor):
        return framework.clip_through(x, low, high)
    return _clip_through(x, low, high)


@framework.fused
def _clip_through(x: Tensor, low: float, high: float) -> Tensor:
    clipped = ops.where(x < low, ops.full_like(x, low), x)
    clipped = ops.where(x > high, ops.full_like(x, high), clipped)
    # x - stop_gradient(x) is 0 with gradient 1. Inside `where`, or TensorFlow's graph optimiser makes
    # (low + x) - x of it and loses digits.
    # inf - inf is NaN; `isinf`, compiled by PyTorch, would look at one element after the other.
    same = ops.logical_or(ops.equal(clipped, x), ops.equal(ops.abs(x), float("inf")))
    return clipped + ops.where(same, 0.0, x - ops.stop_gradient(x))


# -- yes or no ------------------------------------------------------------------------------------


def logistic(minus: Tensor) -> tuple[Tensor, Tensor]:
    """``sigmoid(m)`` and ``log(1 + exp(m))`` for m <= 0, to the last digits."""
    if framework.sigmoid is not None and not isinstance(minus, keras.KerasTensor):
        small = framework.sigmoid(minus)
        return small, -ops.log1p(-small)
    e = ops.exp(minus)
    return e / (1 + e), ops.log1p(e)


@framework.fused
def sigmoid_pair(x: Tensor) -> tuple[Tensor, Tensor]:
    """``sigmoid(x)`` and ``1 - sigmoid(x)``, each to the last digits in value and gradient."""
    positive, minus = _sign_and_minus(x)
    e = ops.exp(ops.where(minus < -1e3, -1e3, minus))  # so that a slope there is 0, and not 0 times infinity
    large, small = 1 / (1 + e), e / (1 + e)
    return ops.where(positive, large, small), ops.where(positive, small, large)


def _sign_and_minus(x: Tensor) -> tuple[Tensor, Tensor]:
    """Whether x > 0, and -|x| with derivative 1 at 0: what belongs to "not positive"."""
    positive = x > 0
    return positive, x * (1 - 2 * ops.cast(positive, dtype_of(x)))


@framework.fused
def softplus(x: Tensor) -> Tensor:
    """``log(1 + exp(x))``, exact in value and gradient over the whole range."""
    positive, minus = _sign_and_minus(x)
    return ops.log1p(ops.exp(minus)) + ops.where(positive, -minus, 0.0)


def log_probability_pair(p: Tensor) -> tuple[Tensor, Tensor]:
    """``log p`` and ``log(1 - p)``, p clipped to [eps, 1 - eps] as Keras does, gradient passed through."""
    return _log_probability_pair(p, epsilon=keras.config.epsilon())


@framework.fused
def _log_probability_pair(p: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """The same for an epsilon that is known when the function is compiled.

    It is the smaller of p and 1 - p that is clipped, so both ends are equally exact: in float32
    ``1 - 1e-7`` is not a number, and Keras's own losses are off by 1 % there.
    """
    p = nan_outside(p, 0.0, 1.0)
    more_likely = p > 0.5
    small = clip_through(ops.where(more_likely, 1 - p, p), epsilon)
    log_small, log_large = ops.log(small), ops.log1p(-small)
    return ops.where(more_likely, log_large, log_small), ops.where(more_likely, log_small, log_large)


def nan_outside(x: Tensor, low: float, high: float, slack: float = 1e-5) -> Tensor:
    """`x`, NaN where it leaves [low, high] by more than rounding."""
    return ops.where(ops.logical_or(x < low - slack, x > high + slack), float("nan"), x)


def sums_inside(xs: Sequence[Tensor], given: Sequence[Tensor], axes: tuple[int, ...]) -> list[Tensor]:
    """The sums of `xs` along `axes`; NaN where one of the tensors `given` leaves [0, 1] there. All are of one shape."""
    first, *rest = xs

    def total(x: Tensor) -> Tensor:
        return framework.slope_once(ops.sum(x, axis=axes)) if axes else x

    if axes and not framework.chooses_in_sums(rows=axes == (len(first.shape) - 1,)):
        wrong = any_outside(given, axes)
        return [ops.where(wrong, float("nan"), total(x)) for x in xs]
    chosen = total(ops.where(_outside(given), float("nan"), first))
    return [chosen, *(total(x) + 0 * chosen for x in rest)]


def _outside(xs: Sequence[Tensor], slack: float = 1e-5) -> Tensor:
    """Where one of the tensors leaves [0, 1] by more than rounding; NaN is not outside."""
    return functools.reduce(ops.logical_or, [ops.logical_or(x < -slack, x > 1 + slack) for x in xs])


def any_outside(xs: Sequence[Tensor], axes: tuple[int, ...], slack: float = 1e-5) -> Tensor:
    """Whether some of the tensors `xs`, of one shape, leaves [0, 1] along `axes`; NaN is not outside.

    By their ends, which cost less than a mask.
    """
    xs = [ops.stop_gradient(x) for x in xs]
    if 0 in xs[0].shape:
        return ops.any(_outside(xs), axis=axes)
    if framework.fuses():
        least, most = functools.reduce(smaller, xs), -functools.reduce(smaller, [-x for x in xs])
        return ops.logical_or(ops.amin(least, axis=axes) < -slack, ops.amax(most, axis=axes) > 1 + slack)
    wrong = []
    for x in xs:
        least = most = x
        for axis in sorted(axes):  # one by one, the first of them first: PyTorch is slow at all
            least, most = ops.amin(least, axis=axis, keepdims=True), ops.amax(most, axis=axis, keepdims=True)
        wrong += [ops.squeeze(least, axes) < -slack, ops.squeeze(most, axes) > 1 + slack]
    return functools.reduce(ops.logical_or, wrong)


# -- one of many ----------------------------------------------------------------------------------


@framework.fused
def largest_and_rest(x: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    r"""``m`` and ``r`` with :math:`\log\sum_j e^{x_j} = m + r`, and whether one class alone reaches m.

    ``m`` is the largest, :math:`r = \log(1 + \sum e^{x_j - m})` over the others, so r keeps its digits
    however small it is. A row whose largest is not finite has no softmax: NaN.
    """
    m = ops.max(x, axis=axis, keepdims=True, initial=-float("inf"))
    top = ops.equal(x, m)
    ties = ops.sum(ops.cast(top, dtype_of(x)), axis=axis, keepdims=True)
    others = ops.sum(ops.where(top, 0.0, ops.exp(x - m)), axis=axis, keepdims=True) + (ties - 1)
    return m, ops.log1p(ops.where(ops.isfinite(m), others, float("nan"))), ops.equal(ties, 1)


@framework.fused
def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Log of softmax along `axis`; -inf logits (masked classes) have probability 0."""
    if not framework.EXACT_LOG_SOFTMAX:
        return ops.log_softmax(x, axis=axis)
    m, rest, alone = largest_and_rest(x, axis)
    # Where one class alone is largest its x - m is a constant 0: left in, its gradient 1 - 1 + tiny
    # would round to 0.
    return ops.where(ops.logical_and(ops.equal(x, m), alone), 0.0, x - m) - rest


@framework.fused
def logsumexp(x: Tensor, axis: int = -1) -> Tensor:
    """Log of the sum of exponentials along `axis`."""
    if not framework.EXACT_LOG_SOFTMAX:
        return ops.logsumexp(x, axis=axis)
    m, rest, _ = largest_and_rest(x, axis)
    return ops.squeeze(m + rest, axis)


def log_normalized(p: Tensor, axis: int = -1) -> Tensor:
    """Log of probabilities, rows renormalised and clipped to [eps, 1 - eps] as Keras does."""
    return _log_normalized(p, axis=axis, epsilon=keras.config.epsilon())


@framework.fused
def _log_normalized(p: Tensor, axis: int, epsilon: float) -> Tensor:
    """The same for an epsilon that is known when the function is compiled.

    Rows that sum to almost nothing are scaled first: the slope of a quotient whose divisor is tiny overflows.
    """
    wrong = ops.expand_dims(any_outside([p], (axis,)), axis)
    total = ops.stop_gradient(ops.sum(p, axis=axis, keepdims=True))
    p = p / ops.where(ops.logical_and(total > 0, total < 1e-10), total, 1.0)
    total = ops.where(wrong, float("nan"), ops.sum(p, axis=axis, keepdims=True))
    share = p / ops.where(ops.equal(total, 0), 1.0, total)
    return ops.log(clip_through(share, epsilon, 1 - epsilon))


def valid_labels(labels: Tensor, classes: int | Tensor) -> tuple[Tensor, Tensor]:
    """Labels safe to index with, and which of them were in range."""
    if not isinstance(classes, int):
        classes = ops.cast(classes, dtype_of(labels))
    valid = ops.logical_and(labels >= 0, labels < classes)
    return ops.where(valid, labels, ops.zeros_like(labels)), valid


def at_label(x: Tensor, labels: Tensor, axis: int = -1) -> Tensor:
    """The entry of `x` at each (valid) label; the class axis goes."""
    if framework.at_label is not None and not isinstance(x, keras.KerasTensor):
        return framework.at_label(x, labels, axis)
    index = ops.expand_dims(labels, axis)
    return ops.squeeze(ops.take_along_axis(x, index, axis=axis), axis)
