"""What the losses on boxes share: sides, overlaps and hulls, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from polyloss.core import numerics, ops
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import one_of

BoxFormat = Annotated[str, one_of("xyxy", "xywh", "cxcywh", "yxyx")]


@dataclass(frozen=True)
class Overlap:
    """Two boxes, one to one, along both axes, (..., 2): lengths of which each is computed by itself, none as a rest.

    In units of the hull of both, along each axis its own: measures of overlap do not change with the unit of an axis,
    and in this one nothing overflows. Along an axis on which both boxes lie in one point, they share all of it.

    Attributes:
        shared: What is in both.
        missed: What is in the true box alone.
        added: What is in the predicted box alone.
        gap: What lies between them; 0 where they overlap.
    """

    shared: Tensor
    missed: Tensor
    added: Tensor
    gap: Tensor

    @property
    def intersection(self) -> Tensor:
        """Area of both."""
        return _product(self.shared, self.shared)

    @property
    def difference(self) -> Tensor:
        """Area of either without the other."""
        return self._around(self.missed) + self._around(self.added)

    @property
    def union(self) -> Tensor:
        """Area of either."""
        return self.intersection + self.difference

    @property
    def uncovered(self) -> Tensor:
        """Area of the hull that neither covers."""
        covered = self.shared + self.missed + self.added
        corners = _product(self.missed, self.added) + _product(self.added, self.missed)
        return corners + _product(self.gap, covered + self.gap) + _product(covered, self.gap)

    def _around(self, rest: Tensor) -> Tensor:
        """Area of a box whose sides are longer by `rest` than the intersection, without it."""
        return _product(rest, self.shared + rest) + _product(self.shared, rest)


def overlap(y_true: Tensor, y_pred: Tensor, box_format: str) -> Overlap:
    """Of boxes in a format. Corners in the wrong order are put right, as in arXiv:1902.09630, algorithm 2."""
    # A quarter, or the difference of two coordinates could overflow; only subnormal ones lose by it.
    true, predicted, across, first, last = _lengths(0.25 * y_true, 0.25 * y_pred, box_format)
    missed = _at_most(_positive(first) + _positive(-last), true)
    added = _at_most(_positive(-first) + _positive(last), predicted)
    shared = _at_most(true, _at_most(across[0], _at_most(across[1], predicted)))
    gap = _positive(-shared)
    shared = ops.where(shared < 0, 0.0, shared)
    hull = ops.stop_gradient(shared + missed + added + gap)
    flat = hull < numerics.smallest_normal(hull)
    unit = ops.where(flat, 1.0, hull)
    missed, added, gap = (ops.where(flat, 0.0, length / unit) for length in (missed, added, gap))
    return Overlap(ops.where(flat, 1.0, shared / unit), missed, added, gap)


def _lengths(
    y_true: Tensor, y_pred: Tensor, box_format: str
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor], Tensor, Tensor]:
    """Sides of both; from where each begins to where the other ends; how far the first edges are apart, and the last.

    Each from the numbers that say it: in "xywh" a small box far out keeps its width.
    """
    (a, b), (c, d) = ((x[..., :2], x[..., 2:]) for x in (y_true, y_pred))
    if box_format in ("xyxy", "yxyx"):
        (a, b), (c, d) = _ordered(a, b), _ordered(c, d)
        return b - a, d - c, (d - a, b - c), c - a, d - b
    if box_format == "xywh":
        a, c = (ops.where(side < 0, start + side, start) for start, side in ((a, b), (c, d)))
    b, d = (ops.where(side < 0, -side, side) for side in (b, d))  # a side of 0 can still grow
    apart = c - a
    if box_format == "xywh":
        return b, d, (apart + d, b - apart), apart, apart + (d - b)
    half = (b + d) / 2
    return b, d, (half + apart, half - apart), apart - (d - b) / 2, apart + (d - b) / 2


def _ordered(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The smaller and the larger; as they are where they are equal."""
    swapped = a > b
    return ops.where(swapped, b, a), ops.where(swapped, a, b)


def _positive(x: Tensor) -> Tensor:
    """`x` where it is positive, else 0: where two edges are one, neither side has a slope. NaN stays."""
    return ops.where(x <= 0, 0.0, x)


def _at_most(x: Tensor, limit: Tensor) -> Tensor:
    """The smaller of both; `x` at a tie."""
    return ops.where(x > limit, limit, x)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """A length along the first axis times one along the second."""
    return a[..., 0] * b[..., 1]
