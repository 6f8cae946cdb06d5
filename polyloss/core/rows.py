"""Whole rows of several products, a block of rows at a time: for losses that compare the logits of two layers.

A loss that needs all logits of a row at once, two divergences from a mixture for example, cannot go over blocks of
columns (`polyloss.core.columns`). It goes over blocks of rows: each block of logits is multiplied out, gives its values,
and is gone; backward multiplies it out again, with the gradient that comes from above. Nothing is kept between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import keras

from polyloss.core import numerics, ops
from polyloss.core.columns import Symbolic
from polyloss.core.numerics import Tensor
from polyloss.framework import columns as kit

BLOCK = 1 << 21
"""Numbers in a block of logits; a divergence of two of them holds some six arrays of this size."""
FEWEST = 16
"""Rows in a block, however many columns there are: with fewer, the gradient of the columns is written too often."""
OF_UNKNOWN = 128
"""Rows in a block, where the number of columns is known at run time only."""


@dataclass(frozen=True)
class Side:
    """A table of logits: ``rows @ columns + bias``.

    Attributes:
        rows: (N, D), float; half precision stays as it is and is added up in float32.
        columns: (D, V), or (V, D) where `by_row`; dtype of `rows`.
        bias: (V,), or None.
    """

    rows: Tensor
    columns: Tensor
    bias: Tensor | None = None
    by_row: bool = False

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What there is."""
        return (self.rows, self.columns) if self.bias is None else (self.rows, self.columns, self.bias)

    def logits(self, first: int | Tensor, count: int | Tensor) -> Tensor:
        """Of some rows."""
        z = kit.product(kit.cut(self.rows, first, count, 0), kit.turned(self.columns) if self.by_row else self.columns)
        return z if self.bias is None else z + ops.cast(self.bias, numerics.dtype_of(z))


class Compared(Protocol):
    """A loss of a row of logits from each side. It is hashable, and its parameters are numbers."""

    def values(self, *logits: Tensor) -> Tensor:
        """One value a row."""
        ...

    def slopes(self, wanted: Sequence[bool], *logits: Tensor) -> Sequence[Tensor | None]:
        """The derivative of each row's value by the logits of each side that is wanted."""
        ...


@dataclass(frozen=True)
class Plan:
    """What is known of a pass when it is compiled.

    Attributes:
        loss: What is computed of the rows.
        sides: Of each side, which tensors there are and how they lie: whether it has a bias, whether a row a column.
        block: Rows in a block; None: all of them.
    """

    loss: Compared
    sides: tuple[tuple[bool, bool], ...]
    block: int | None
    results = 1

    def read(self, tensors: Sequence[Tensor]) -> list[Side]:
        """The sides."""
        left = iter(tensors)
        return [Side(next(left), next(left), next(left) if biased else None, by_row) for biased, by_row in self.sides]


def compared(loss: Compared, *sides: Side) -> Tensor:
    """The loss of each row, (N,), differentiable by rows, columns and bias of each side."""
    classes = sides[0].columns.shape[0 if sides[0].by_row else 1]
    block = OF_UNKNOWN if classes is None else max(BLOCK // max(classes, 1), FEWEST)
    plan = Plan(loss, tuple((side.bias is not None, side.by_row) for side in sides), block)
    tensors = tuple(x for side in sides for x in side.tensors)
    symbolic = any(isinstance(x, keras.KerasTensor) for x in tensors)
    return (Symbolic(_run, plan)(*tensors) if symbolic else _run(plan, *tensors))[0]


def _count(rows: Tensor) -> int | Tensor:
    return ops.shape(rows)[0] if rows.shape[0] is None else rows.shape[0]


def _dtype(sides: Sequence[Side]) -> str:
    return "float64" if any(numerics.dtype_of(x) == "float64" for side in sides for x in side.tensors) else "float32"


def _forward(plan: Plan, *tensors: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    sides = plan.read(tensors)
    dtype, rows = _dtype(sides), sides[0].rows

    def step(carry: tuple[Tensor, ...], first: int | Tensor, count: int | Tensor) -> tuple[Tensor, ...]:
        values = plan.loss.values(*(ops.cast(side.logits(first, count), dtype) for side in sides))
        return (kit.written(carry[0], values, first, 0),)

    start = (kit.zeros(rows.shape[:1], dtype, rows),)
    return kit.over(step, start, _count(rows), plan.block, rows=True), ()


def _backward(
    plan: Plan, tensors: Sequence[Tensor], kept: Sequence[Tensor], upstream: Sequence[Tensor], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """The gradients by the tensors that are `wanted`: each block is multiplied out again."""
    sides = plan.read(tensors)
    dtype = _dtype(sides)
    places, flags = [], iter(wanted)  # of each side, which of rows, columns and bias are wanted
    for side in sides:
        places.append([next(flags) for _ in side.tensors])

    def step(carry: dict[str, Tensor], first: int | Tensor, count: int | Tensor) -> dict[str, Tensor]:
        logits = [ops.cast(side.logits(first, count), dtype) for side in sides]
        slopes = plan.loss.slopes([any(place) for place in places], *logits)
        found = dict(carry)
        for i, (side, slope, (of_rows, of_columns, *of_bias)) in enumerate(zip(sides, slopes, places, strict=True)):
            if slope is None:
                continue
            d = kit.scaled(slope, kit.cut(upstream[0], first, count, 0))
            rows = kit.cut(side.rows, first, count, 0)
            if of_rows:
                by_rows = kit.product(d, side.columns if side.by_row else kit.turned(side.columns))
                found[f"{i}, 0"] = kit.written(carry[f"{i}, 0"], by_rows, first, 0)
            if of_columns:
                pair = (kit.turned(d), rows) if side.by_row else (kit.turned(rows), d)
                found[f"{i}, 1"] = kit.added(carry[f"{i}, 1"], *pair)
            if any(of_bias):
                found[f"{i}, 2"] = carry[f"{i}, 2"] + ops.sum(d, axis=0)
        return found

    start = {
        f"{i}, {j}": kit.zeros(x.shape, dtype, x)
        for i, (side, place) in enumerate(zip(sides, places, strict=True))
        for j, (x, there) in enumerate(zip(side.tensors, place, strict=True))
        if there
    }
    found = kit.over(step, start, _count(sides[0].rows), plan.block, rows=True)
    return [
        ops.cast(found[f"{i}, {j}"], numerics.dtype_of(x)) if f"{i}, {j}" in found else None
        for i, side in enumerate(sides)
        for j, x in enumerate(side.tensors)
    ]


_run = kit.recomputed(_forward, _backward)
