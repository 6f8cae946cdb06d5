"""What the losses on a softmax share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras import ops

from polyloss import framework
from polyloss.core import numerics, shapes
from polyloss.core.numerics import Tensor


def log_classes(y_pred: Tensor, from_logits: bool, axis: int) -> Tensor:
    """Log probability of every class."""
    return numerics.log_softmax(y_pred, axis) if from_logits else numerics.log_normalized(y_pred, axis)


def log_class(y_pred: Tensor, labels: Tensor, from_logits: bool, axis: int) -> Tensor:
    """Log probability of the labelled class."""
    if from_logits:
        return numerics.log_softmax_at(y_pred, labels, axis)
    return numerics.at_label(numerics.log_normalized(y_pred, axis), labels, axis)


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
    grows = r > 0
    missed = ops.expm1(ops.where(grows, -r, r))  # -|r|, with derivative 1 at 0
    return ops.where(none, q, ops.where(grows, -q, p) * missed - p * r)


def smooth_classes(y_true: Tensor, label_smoothing: float, axis: int) -> Tensor:
    """Targets drawn towards 1/C."""
    if not label_smoothing:
        return y_true
    return y_true * (1 - label_smoothing) + label_smoothing / numerics.size(y_true, axis)


def one_hot(labels: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Labels as a table of 0 and 1 with the shape of `y_pred`."""
    shape = [1] * len(y_pred.shape)
    shape[axis] = -1
    classes = ops.reshape(ops.arange(ops.shape(y_pred)[axis], dtype=numerics.dtype_of(labels)), shape)
    return ops.cast(
        ops.equal(ops.expand_dims(labels, axis), classes), numerics.dtype_of(y_pred)
    )  # `one_hot` has no vmap


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
