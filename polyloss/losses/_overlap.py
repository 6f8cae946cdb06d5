"""What the losses on the overlap of regions share: counts, their ratio, and weights that enter the counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from polyloss import framework
from polyloss.core import numerics, ops, reduce, replica, shapes
from polyloss.core.closed_form import closed_sums
from polyloss.core.loss import SetLoss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import one_of
from polyloss.losses._softmax import log_classes, one_hot

Per = Annotated[str, one_of("sample", "batch")]
Average = Annotated[str, one_of("macro", "micro")]


@dataclass(frozen=True)
class Counts:
    """Pixels by target and prediction, each counted by its probability and weight."""

    hits: Tensor
    false_positives: Tensor
    false_negatives: Tensor


def counted(y_true: Tensor, y_pred: Tensor, from_logits: bool, per: str, average: str, weight: Tensor | None) -> Counts:
    """Counts of each sample or of the batch, (B, classes) or (classes,); "micro" without the class axis.

    A batch is that of all replicas.
    """
    y = _masks(y_true, y_pred)
    last = len(y_pred.shape) - 1
    axes = tuple(range(1 if per == "sample" else 0, last + (average == "micro")))
    more = () if weight is None else (weight,)
    if from_logits:
        p, q = _probabilities(y_pred)
        hits, alarms, _ = _counts(p, y, *more, axes=axes)
        misses = _counts(q, y, *more, axes=axes)[0]
    else:
        hits, alarms, misses = _counts(y_pred, y, *more, axes=axes)
    sums = hits, alarms, misses
    return Counts(*(map(replica.replica_sum, sums) if per == "batch" else sums))


@closed_sums(kernel="region counts")
def _counts(
    p: Tensor, y: Tensor, weight: Tensor | None = None, *, axes: tuple[int, ...]
) -> tuple[tuple[Tensor, ...], Callable[..., Tensor]]:
    """Hits, false alarms and misses over `axes`; NaN where a mask or a probability leaves [0, 1]."""
    abreast = _abreast(p.shape) if weight is None and axes and axes[-1] == len(p.shape) - 2 else 1
    if abreast == 1:
        return _sums(p, y, weight, axes)
    classes = p.shape[-1]
    lead = () if 0 in axes else (-1,)  # of the batch, or of each sample
    rows = (*lead, -1 if 0 in axes else math.prod(p.shape[1:-1]) // abreast, abreast * classes)
    sums, slope = _sums(ops.reshape(p, rows), ops.reshape(y, rows), None, (len(lead),))

    def repeated(s: Tensor) -> Tensor:
        beside = ops.broadcast_to(ops.expand_dims(s, -2), (*ops.shape(s)[:-1], abreast, classes))
        return ops.reshape(beside, (*lead, abreast * classes))

    def slope_of_pixels(*by: Tensor) -> Tensor:
        return ops.reshape(slope(*map(repeated, by)), ops.shape(p))

    return tuple(ops.sum(ops.reshape(s, (*lead, abreast, classes)), axis=-2) for s in sums), slope_of_pixels


def _abreast(shape: tuple[Any, ...]) -> int:
    """How many pixels are laid side by side: a sum across many columns takes less time than one across 4."""
    *pixels, classes = shape[1:]
    if not all(isinstance(size, int) and size > 0 for size in (*pixels, classes)):  # None or a symbol
        return 1
    rows, abreast = math.prod(pixels), 1
    while 2 * abreast * classes <= framework.sum_width(rows) and rows % (2 * abreast) == 0:
        abreast *= 2
    return abreast


def _sums(
    p: Tensor, y: Tensor, weight: Tensor | None, axes: tuple[int, ...]
) -> tuple[tuple[Tensor, ...], Callable[..., Tensor]]:
    yes, there = (y, p) if weight is None else (weight * y, weight * p)
    hits = yes * p
    counts = (hits, there - hits, yes - hits)  # exact for masks of 0 and 1
    sums = numerics.sums_inside(counts, [y, p], axes)

    def slope(by_hits: Tensor, by_alarms: Tensor, by_misses: Tensor) -> Tensor:
        of_mask = by_hits - by_alarms - by_misses
        fixed, of_mask = (ops.expand_dims(s, axes) if axes else s for s in (by_alarms, of_mask))
        return (fixed + y * of_mask) if weight is None else weight * (fixed + y * of_mask)

    return tuple(sums), slope


def _masks(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """A mask a class; NaN for labels out of range."""
    if not shapes.is_labels(y_true, y_pred):
        return y_true
    labels, valid = numerics.valid_labels(y_true, numerics.size(y_pred, -1))
    return ops.where(ops.expand_dims(valid, -1), one_hot(labels, y_pred, -1), float("nan"))


def _probabilities(y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Of each class and of its absence, both to the last digits, from logits."""
    if y_pred.shape[-1] == 1:
        return numerics.sigmoid_pair(y_pred)
    log_p = log_classes(y_pred, True, -1)
    return ops.exp(log_p), -ops.expm1(log_p)


def averaged(values: Tensor, average: str) -> Tensor:
    """The mean over the classes, where there is one value a class."""
    return numerics.mean(values) if average == "macro" else values


class RegionLoss(SetLoss, abstract=True):
    """Base of losses on regions, whose function takes `weight`, one a sample or pixel, into its counts.

    With ``per="sample"`` weights of shape (B,) multiply the values, and a mask of that shape leaves samples out; finer
    ones enter the counts, and a sample whose pixels are all masked is masked. With ``per="batch"`` all of them enter
    the counts. Either way the loss of a batch with pixels of weight 0 is that of the batch without them.
    """

    if TYPE_CHECKING:
        per: str

    def call(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None = None) -> Tensor:
        """One value a sample, or a scalar for the batch; `weight` lines up with the pixels from the batch axis."""
        return self._formula(y_true, y_pred, weight=weight, **self._options())

    def _bare_call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self._reduce(self.call(y_true, y_pred), None, None)

    def _weighted_call(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor:
        pixels = y_pred[..., 0] if len(y_pred.shape) else y_pred
        weight, mask = (
            None if given is None else reduce.line_up(self._where(), what, given, pixels, "pixels")
            for given, what in ((weight, "sample_weight"), (mask, "mask"))
        )
        of_samples, of_pixels = self._apart(weight)
        present, kept = self._apart(mask)
        y_true, y_pred = self._without_absent(y_true, y_pred, of_samples, present)
        if kept is not None:
            of_pixels = ops.where(kept, 1.0 if of_pixels is None else of_pixels, 0.0)
            if self.per == "sample":
                present = ops.any(kept, axis=tuple(range(1, len(kept.shape))))
        values = self.call(y_true, y_pred, of_pixels)
        of_samples = None if of_samples is None else ops.cast(of_samples, numerics.dtype_of(values))
        return self._reduce(values, of_samples, present)

    def _apart(self, weight: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Weights of whole samples, (B,), and those that enter the counts."""
        if weight is None:
            return None, None
        if self.per == "batch" or any(d != 1 for d in weight.shape[1:]):
            return None, weight
        return ops.reshape(weight, (-1,)), None
