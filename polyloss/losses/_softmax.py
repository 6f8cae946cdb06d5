"""What the losses on a softmax share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from polyloss import framework
from polyloss.core import numerics, ops, shapes
from polyloss.core.closed_form import closed_form
from polyloss.core.numerics import Tensor


def log_classes(y_pred: Tensor, from_logits: bool, axis: int) -> Tensor:
    """Log probability of every class."""
    return numerics.log_softmax(y_pred, axis) if from_logits else numerics.log_normalized(y_pred, axis)


def rows_last(x: Tensor, axis: int) -> Tensor:
    """`x` with the class axis at the end, where closed forms of rows want it."""
    last = len(x.shape) - 1
    return x if axis in (-1, last) else ops.moveaxis(x, axis, last)


@closed_form(kernel="softmax crossentropy")
def _row_crossentropy(x: Tensor, y: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    """``-sum_c y_c log softmax(x)_c`` along the last axis; the targets need not sum to 1."""
    total = ops.sum(y, axis=-1)
    if not framework.EXACT_LOG_SOFTMAX:
        log_p = ops.log_softmax(x, axis=-1)
        nan = 0 * (ops.squeeze(numerics.largest(log_p), -1) + total)  # that of a row, or of its targets
        value = nan - ops.sum(numerics.product(y, log_p), axis=-1)
        return value, lambda: ops.exp(log_p) * ops.expand_dims(total, -1) - y
    largest, rest, alone = numerics.largest_and_rest(x, -1)
    # x - largest is not 0 where XLA makes one operation of it and of what x was computed with
    top = ops.logical_and(ops.equal(x, largest), alone)
    below = ops.where(top, 0.0, x - largest)
    value = total * ops.squeeze(rest, -1) - ops.sum(numerics.terms(numerics.product(y, below)), axis=-1)

    def slope() -> Tensor:
        of_row = ops.expand_dims(total, -1)
        p = ops.exp(below - rest)
        # p of a class that is largest alone is 1 - others: left as p - y, its digits would go
        return ops.where(top, (of_row - y) + of_row * ops.expm1(-rest), of_row * p - y)

    return value, slope


def crossentropy_of_rows(y: Tensor, y_pred: Tensor, from_logits: bool, axis: int) -> Tensor:
    """``-sum_c y_c log p_c`` along the class axis."""
    if from_logits:
        return _row_crossentropy(rows_last(y_pred, axis), rows_last(y, axis))
    return -ops.sum(numerics.times(y, numerics.log_normalized(y_pred, axis)), axis=axis)


@closed_form()
def _row_divergence(x: Tensor, y: Tensor, log_y: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    """``sum_c y_c (log y_c - log softmax(x)_c)`` along the last axis."""
    log_p = numerics.log_softmax(x)
    nan = 0 * (ops.squeeze(numerics.largest(log_p), -1) + ops.sum(y, axis=-1))  # that of a row, or of its targets
    value = ops.sum(numerics.terms(numerics.product(y, log_y - log_p)), axis=-1) + nan
    return value, lambda: _row_crossentropy.body(x, y)[1]()


def divergence_of_rows(y: Tensor, log_y: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """``sum_c y_c (log y_c - log p_c)`` of logits along the class axis."""
    return _row_divergence(*(rows_last(x, axis) for x in (y_pred, y, log_y)))


@closed_form(kernel="divergence")
def _divergence(x: Tensor, y: Tensor, *, epsilon: float) -> tuple[Tensor, Callable[[], Tensor]]:
    """``sum_c y_c log(y_c / x_c)`` along the last axis, of probabilities that are clipped at epsilon."""
    p, t = numerics.clip_through(x, epsilon, 1.0), numerics.clip(y, 0.0, 1.0)
    some = numerics.at_least(t, numerics.smallest_normal(t))  # 0 log 0 = 0
    (value,) = numerics.sums_inside([t * ops.log(some / p)], [x, y], (len(x.shape) - 1,))
    return value, lambda: -t / p


def divergence_of_probabilities(y: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """``sum_c y_c log(y_c / p_c)`` along the class axis."""
    return _divergence(rows_last(y_pred, axis), rows_last(y, axis), epsilon=keras.config.epsilon())


def crossentropy_of_labels(labels: Tensor, y_pred: Tensor, from_logits: bool, axis: int) -> Tensor:
    """``-log p`` at integer (valid) labels."""
    if from_logits:
        return _label_crossentropy(rows_last(y_pred, axis), labels)
    return -numerics.at_label(numerics.log_normalized(y_pred, axis), labels, axis)


@closed_form(kernel="label crossentropy")
def _label_crossentropy(x: Tensor, labels: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    """The label leaves the sum of exponentials, so that log(1 + others / own) keeps its digits where it is likely."""
    top = ops.stop_gradient(numerics.largest(x))
    largest = ops.squeeze(top, -1)
    own = numerics.at_label(x, labels)
    is_own = is_class_of(labels, x)
    e = ops.exp(ops.where(is_own, -float("inf"), x - top))
    # own - largest is not 0 where XLA makes one operation of it and of what the logits were computed with
    lead = ops.where(ops.equal(own, largest), own - ops.stop_gradient(own), own - largest)
    others, mine = ops.sum(e, axis=-1), ops.exp(lead)
    every = others + mine
    likely = others < mine
    ratio = ops.where(likely, others, 0.0) / ops.where(likely, mine, 1.0)
    value = ops.where(likely, ops.log1p(ratio), ops.log(every) - lead) + 0 * largest

    def slope() -> Tensor:
        return ops.where(is_own, ops.expand_dims(-others / every, -1), e / ops.expand_dims(every, -1))

    return value, slope


Terms = Callable[..., tuple[Tensor, Callable[[], Tensor]]]
"""``terms(y, log_p, p, miss, **parameters)``: the loss of each class, and a function that gives minus its slope by log p."""


def closed_terms(terms: Terms) -> Callable[..., Tensor]:
    """Decorates the losses of the classes, whose sum is the loss of a row: ``loss(y_pred, y, from_logits, axis)``.

    `miss` is 1 - p with its digits near p = 1, and both are of a log p that is bounded where p is 0 in any dtype, so that
    a slope there is 0, and not 0 times infinity.
    """

    def parts(y: Tensor, log_p: Tensor, **parameters: float) -> tuple[Tensor, Callable[[], Tensor], Tensor, Tensor]:
        bounded = numerics.at_least(log_p, -1e3)
        p, miss = ops.exp(bounded), -ops.expm1(bounded)
        values, falls = terms(y, log_p, p, miss, **parameters)
        return values, falls, p, miss

    @closed_form()
    def of_logits(x: Tensor, y: Tensor, **parameters: float) -> tuple[Tensor, Callable[[], Tensor]]:
        log_p = numerics.log_softmax(x)
        values, falls, p, miss = parts(y, log_p, **parameters)
        nan = 0 * (ops.squeeze(numerics.largest(log_p), -1) + ops.sum(y, axis=-1))  # that of a row, or of its targets

        def slope() -> Tensor:
            fall = falls()
            # p sum - fall, but the digits of a small miss survive
            return p * (ops.sum(fall, axis=-1, keepdims=True) - fall) - miss * fall

        return nan + ops.sum(numerics.terms(values), axis=-1), slope

    @functools.wraps(terms)
    def loss(y_pred: Tensor, y: Tensor, from_logits: bool, axis: int, **parameters: float) -> Tensor:
        if from_logits:
            return of_logits(rows_last(y_pred, axis), rows_last(y, axis), **parameters)
        return ops.sum(parts(y, numerics.log_normalized(y_pred, axis), **parameters)[0], axis=axis)

    return loss


def is_class_of(labels: Tensor, x: Tensor, axis: int = -1) -> Tensor:
    """Where the classes of `x` along `axis` are those of the labels."""
    shape = [1] * len(x.shape)
    shape[axis] = -1
    classes = ops.reshape(ops.arange(ops.shape(x)[axis], dtype=numerics.dtype_of(labels)), shape)
    return ops.equal(ops.expand_dims(labels, axis), classes)


@framework.fused
def divergences(log_p: Tensor, log_q: Tensor) -> Tensor:
    r""":math:`p \log(p / q) - p + q` of every class: none is negative, and their sum is KL(p || q), for both p and q sum to 1.

    At p = q the terms, and their slopes by both, are exactly 0, and what rounding does to the logarithms
    enters to the second order: so a small divergence keeps its digits, which :math:`p \log(p / q)` loses
    when the terms cancel.
    """
    p, q = ops.exp(log_p), ops.exp(log_q)
    none = ops.equal(p, 0)  # p log p = 0
    r = ops.where(none, 0.0, log_q - log_p)
    return ops.where(none, q, _excess(p, q, r) - p * r)


def _excess(p: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """``q - p`` by r, the logarithm of their ratio, which keeps its digits where they are close."""
    grows = r > 0
    missed = ops.expm1(ops.where(grows, -r, r))  # -|r|, with derivative 1 at 0
    return ops.where(grows, -q, p) * missed


def _mixture_above(log_p: Tensor, log_q: Tensor, beta: float) -> Tensor:
    r""":math:`\log(m / q)` with :math:`m = \beta p + (1 - \beta) q`; 0 where they are equal."""
    r = ops.where(ops.equal(log_p, log_q), 0.0, log_q - log_p)  # both may be -inf
    grows = r > 0
    drawn = ops.expm1(ops.where(grows, -r, r))
    fallen = ops.where(grows, beta * drawn, (1 - beta) * drawn)
    little = fallen > -0.25  # XLA's log1p in float64 is off by 128 ULP at -0.41
    log_left = ops.where(little, ops.log1p(ops.where(little, fallen, 0.0)), ops.log(ops.where(little, 1.0, 1 + fallen)))
    return log_left - ops.where(grows, 0.0, r)


def divergence(log_p: Tensor, log_q: Tensor, beta: float) -> Tensor:
    r"""Over the last axis from KL(p || q), `beta` 0, over Jensen and Shannon's to KL(q || p), `beta` 1.

    Between them :math:`\beta\,\mathrm{KL}(p \| m) + (1 - \beta)\,\mathrm{KL}(q \| m)` with the mixture
    :math:`m = \beta p + (1 - \beta) q`.
    """
    if beta == 0:
        return ops.sum(divergences(log_p, log_q), axis=-1)
    if beta == 1:
        return ops.sum(divergences(log_q, log_p), axis=-1)
    above = _mixture_above(log_p, log_q, beta)
    log_m = ops.where(ops.equal(log_q, -float("inf")), log_p + math.log(beta), log_q + above)
    return ops.sum(beta * divergences(log_p, log_m) + (1 - beta) * divergences(log_q, log_m), axis=-1)


def divergence_slope(log_p: Tensor, log_q: Tensor, beta: float) -> Tensor:
    """The derivative of `divergence` by the logits that q is a softmax of."""
    q = ops.exp(log_q)
    if beta == 0:
        p = ops.exp(log_p)
        none = ops.equal(p, 0)
        excess = ops.where(none, q, _excess(p, q, ops.where(none, 0.0, log_q - log_p)))
        # they sum to 0: what a class that is all but sure has lost, the others give back
        return excess - q * ops.sum(excess, axis=-1, keepdims=True)
    lost = log_q - log_p if beta == 1 else -(1 - beta) * _mixture_above(log_p, log_q, beta)
    lost = ops.where(ops.equal(q, 0), 0.0, lost)  # q log q = 0
    likeliest = ops.equal(log_q, numerics.largest(log_q))
    # counted from the likeliest class: of one that is all but sure, the others' small part keeps its digits
    lost = lost - ops.amax(ops.where(likeliest, lost, -float("inf")), axis=-1, keepdims=True)
    return q * (lost - ops.sum(q * lost, axis=-1, keepdims=True))


@closed_form()
def _row_distillation(x: Tensor, t: Tensor, *, beta: float) -> tuple[Tensor, Callable[[], Tensor]]:
    log_p, log_q = numerics.log_softmax(t), numerics.log_softmax(x)
    return divergence(log_p, log_q, beta), lambda: divergence_slope(log_p, log_q, beta)


def distillation_of_rows(t: Tensor, x: Tensor, beta: float, axis: int) -> Tensor:
    """`divergence` of the softmax of x from that of t, along the class axis."""
    return _row_distillation(rows_last(x, axis), rows_last(t, axis), beta=beta)


def smooth_classes(y_true: Tensor, label_smoothing: float, axis: int) -> Tensor:
    """Targets drawn towards 1/C."""
    if not label_smoothing:
        return y_true
    return y_true * (1 - label_smoothing) + label_smoothing / numerics.size(y_true, axis)


def one_hot(labels: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Labels as a table of 0 and 1 with the shape of `y_pred`."""
    return ops.cast(is_class_of(labels, y_pred, axis), numerics.dtype_of(y_pred))  # `ops.one_hot` has no vmap


def at_class(vector: float | Sequence[float], labels: Tensor, like: Tensor) -> Tensor | float:
    """The entry of a parameter with one entry a class at each (valid) label; a number as it is."""
    if not isinstance(vector, tuple):
        return vector
    return ops.take(ops.convert_to_tensor(vector, dtype=numerics.dtype_of(like)), labels)


@dataclass(frozen=True)
class Labelled:
    """Targets and predictions without what is ignored or out of range.

    Attributes:
        y: Labels safe to index with, or rows of targets.
        x: Predictions; harmless ones for ignored samples.
        sparse: Whether `y` are labels.
    """

    y: Tensor
    x: Tensor
    sparse: bool
    _kept: Tensor | None = None
    _valid: Tensor | None = None

    def rows(self, label_smoothing: float, axis: int) -> Tensor:
        """Rows of targets, smoothed; labels become one-hot."""
        y = one_hot(self.y, self.x, axis) if self.sparse else self.y
        return smooth_classes(y, label_smoothing, axis)

    def crossentropy(self, x: Tensor, axis: int) -> Tensor:
        """Of the targets with other logits than were given."""
        if self.sparse:
            return self.marked(crossentropy_of_labels(self.y, x, True, axis))
        return crossentropy_of_rows(self.y, x, True, axis)

    def marked(self, values: Tensor) -> Tensor:
        """The values, NaN for labels out of range, 0 for ignored samples."""
        if self._valid is not None:
            values = ops.where(self._valid, values, float("nan"))
        return values if self._kept is None else ops.where(self._kept, values, 0.0)


def labelled(y_true: Tensor, y_pred: Tensor, axis: int, ignore_class: int | None = None) -> Labelled:
    """Labels (or rows of targets) made safe to compute with."""
    if not shapes.is_labels(y_true, y_pred):
        return Labelled(y_true, y_pred, False)
    kept = None
    if ignore_class is not None:
        kept = ops.logical_not(shapes.is_class(y_true, ignore_class))
        y_true = ops.where(kept, y_true, ops.zeros_like(y_true))
        y_pred = ops.where(ops.expand_dims(kept, axis), y_pred, 1.0)
    labels, valid = numerics.valid_labels(y_true, numerics.size(y_pred, axis))
    return Labelled(labels, y_pred, True, kept, valid)
