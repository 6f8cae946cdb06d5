"""Rows of a product, read a block of columns at a time: what a loss needs of a row of logits, without the logits.

Logits that are a product, ``rows @ columns``, need not be there at once. Forward goes over blocks of columns and keeps
a few numbers a row (the log-sum-exp as it grows); backward computes each block again, with the gradient that comes
from above, so that any weight a row has is right, and writes its part of the gradients. What is kept between the two
is a few numbers a row.

Loops, slices and products are the framework's (`polyloss.framework`); the mathematics is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from polyloss.core import numerics, ops
from polyloss.core.numerics import Tensor
from polyloss.framework import columns as kit

BLOCK = 1 << 22
"""Numbers in a block of logits: 16 MiB in float32. Larger blocks are no faster, and smaller ones make thin products."""
FEWEST = 128
"""Columns in a block, however many rows there are: the block is then smaller than the rows of all but tiny models."""
OF_UNKNOWN = 1024
"""Columns in a block, where the number of rows is known at run time only."""


@dataclass(frozen=True)
class Plan:
    """What is known of a pass when it is compiled.

    Attributes:
        names: Which tensors there are, in their order: rows, columns, bias, own, skipped. Without columns the rows are
            the logits.
        by_row: Whether the matrix of columns holds one a row, (V, D), as the table of an Embedding does.
        soft_cap: The bound that logits are drawn within, or None.
        total: Whether the sum of the logits is wanted too.
        block: Columns in a block; None: all of them.
    """

    names: tuple[str, ...]
    by_row: bool
    soft_cap: float | None
    total: bool
    block: int | None

    @property
    def results(self) -> int:
        """How many there are: above, own, rest and perhaps the total."""
        return 3 + self.total

    def read(self, tensors: Sequence[Tensor]) -> _Product:
        """The tensors by their names."""
        return _Product(self, **dict(zip(self.names, tensors, strict=True)))


def others_and_own(
    rows: Tensor,
    columns: Tensor | None,
    own: Tensor,
    *,
    bias: Tensor | None = None,
    skipped: Tensor | None = None,
    by_row: bool = False,
    soft_cap: float | None = None,
    total: bool = False,
) -> tuple[Tensor, ...]:
    r"""How far the others stand above the own column of each row, what its own logit is, and what the others are.

    .. math:: z = \mathrm{rows} \cdot \mathrm{columns} + \mathrm{bias}, \qquad
        o_i = z_{i\,\mathrm{own}_i}, \qquad r_i = \log \sum_{j \ne \mathrm{own}_i} e^{z_{ij}}, \qquad a_i = r_i - o_i

    so that :math:`\log(1 + e^{a_i})` is the cross-entropy of the own column, to its last digits however small it is.

    Args:
        rows: (N, D), float; half precision stays as it is and is added up in float32.
        columns: (D, V), or (V, D) where `by_row`; dtype of `rows`. None: the rows are the logits.
        own: Integers (N,), the own column of each row; -1 for none, whose logit counts as 0.
        bias: (V,), added to the logits; -inf leaves a column out.
        skipped: Integers (N,): a column that a row does not see, not its own.
        by_row: See `columns`.
        soft_cap: Logits become ``soft_cap * tanh(z / soft_cap)``.
        total: Whether the sum of all logits of a row is wanted, too.

    Returns:
        a, o, r and, if asked for, the sum; (N,) each, float32, or float64 where the rows are. Differentiable by rows,
        columns and bias.
    """
    given = {"rows": rows, "columns": columns, "bias": bias, "own": own, "skipped": skipped}
    there = {name: x for name, x in given.items() if x is not None}
    plan = Plan(tuple(there), by_row, soft_cap, total, _block_for(rows.shape[0]))
    tensors = tuple(there.values())
    if any(isinstance(x, keras.KerasTensor) for x in tensors):
        return Symbolic(_run, plan)(*tensors)
    return _run(plan, *tensors)


def _block_for(rows: int | None) -> int:
    return OF_UNKNOWN if rows is None else max(BLOCK // max(rows, 1), FEWEST)


class Symbolic(keras.Operation):
    """A pass in a functional model: some results, one number a row each."""

    def __init__(self, run: Callable[..., tuple[Tensor, ...]], plan: Any) -> None:
        super().__init__()
        self.run, self.plan = run, plan

    def call(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return self.run(self.plan, *tensors)

    def compute_output_spec(self, *tensors: keras.KerasTensor) -> tuple[keras.KerasTensor, ...]:
        rows = tensors[0]
        dtype = "float64" if rows.dtype == "float64" else "float32"
        return tuple(keras.KerasTensor(rows.shape[:1], dtype) for _ in range(self.plan.results))


@dataclass(frozen=True)
class _Product:
    """The logits of a plan, a block at a time."""

    plan: Plan
    rows: Tensor
    own: Tensor
    columns: Tensor | None = None
    bias: Tensor | None = None
    skipped: Tensor | None = None

    @property
    def dtype(self) -> str:
        return "float64" if numerics.dtype_of(self.rows) == "float64" else "float32"

    @property
    def axis(self) -> int:
        """Along which the columns are numbered."""
        return 0 if self.plan.by_row and self.columns is not None else 1

    @property
    def width(self) -> int | Tensor:
        """How many columns there are."""
        table = self.rows if self.columns is None else self.columns
        known = table.shape[self.axis]
        return ops.shape(table)[self.axis] if known is None else known

    def part(self, first: int | Tensor, count: int | Tensor) -> Tensor:
        """Some of the columns, (D, count); of logits (N, count)."""
        table = self.rows if self.columns is None else self.columns
        part = kit.cut(table, first, count, self.axis)
        return kit.turned(part) if self.axis == 0 else part

    def logits(self, part: Tensor, first: int | Tensor, count: int | Tensor) -> Tensor:
        """Before they are capped."""
        z = kit.own_copy(part) if self.columns is None else kit.product(self.rows, part)
        if self.bias is None:
            return z
        return z + ops.expand_dims(ops.cast(kit.cut(self.bias, first, count, 0), self.dtype), 0)


def _capped(z: Tensor, soft_cap: float | None) -> Tensor:
    r""":math:`c \tanh(z / c)`, to the last digits (`keras.ops.tanh` rounds float64 to float32 on JAX)."""
    if soft_cap is None:
        return z
    negative = z < 0
    fallen = ops.expm1(ops.where(negative, z, -z) * (2 / soft_cap))
    bounded = fallen / (2 + fallen) * soft_cap
    return ops.where(negative, bounded, -bounded)


def _cap_slope(z: Tensor, soft_cap: float) -> Tensor:
    r"""The derivative of `_capped`, :math:`1 / \cosh^2(z / c)`."""
    q = ops.exp(ops.where(z < 0, z, -z) * (2 / soft_cap))
    return 4 * q / ops.square(1 + q)


def _forward(plan: Plan, *tensors: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The results, and what backward needs beside the inputs: a base near the largest of the others in each row, and
    the sum of their exponentials relative to it.
    """
    product = plan.read(tensors)

    def step(carry: tuple[Tensor, ...], first: int | Tensor, count: int | Tensor) -> tuple[Tensor, ...]:
        largest, amount, own, *total = carry
        z = _capped(product.logits(product.part(first, count), first, count), plan.soft_cap)
        total = [t + ops.sum(z, axis=-1) for t in total]
        place = kit.place(product.own, first, count)
        own = own + kit.picked(z, place)
        z = kit.filled(z, place, -float("inf"))
        if product.skipped is not None:
            z = kit.filled(z, kit.place(product.skipped, first, count), -float("inf"))
        now = ops.squeeze(numerics.largest(ops.stop_gradient(z)), -1)
        higher = ops.where(now > largest, now, largest)
        base = _finite(higher)
        amount = amount * ops.exp(largest - base) + ops.sum(kit.exp_above(z, base), axis=-1)
        return higher, amount, own, *total

    nothing = kit.zeros(product.rows.shape[:1], product.dtype, product.rows)
    start = (nothing - float("inf"), nothing, nothing, *([nothing] if plan.total else []))
    largest, amount, own, *total = kit.over(step, start, product.width, plan.block)
    base = _finite(largest)
    own = ops.where(ops.equal(own, float("inf")), float("nan"), own)  # as +inf among the others gives NaN
    log_amount = ops.log(amount)
    return (base - own + log_amount, own, base + log_amount, *total), (base, amount)


def _finite(largest: Tensor) -> Tensor:
    """0 in place of the largest of nothing, -inf, which cannot be subtracted from itself."""
    return ops.where(ops.equal(largest, -float("inf")), 0.0, largest)


def _backward(
    plan: Plan, tensors: Sequence[Tensor], saved: Sequence[Tensor], upstream: Sequence[Tensor], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """The gradients by the tensors that are `wanted`: each block is computed again."""
    product = plan.read(tensors)
    by = dict(zip(plan.names, wanted, strict=True))
    base, amount = saved
    by_above, by_own, by_rest, *by_total = upstream
    by_others = by_above + by_rest
    none = ops.equal(amount, 0)
    share = ops.where(none, 0.0, by_others / ops.where(none, 1.0, amount))

    def step(carry: dict[str, Tensor], first: int | Tensor, count: int | Tensor) -> dict[str, Tensor]:
        part = product.part(first, count)
        z = product.logits(part, first, count)
        slope = None if plan.soft_cap is None else _cap_slope(z, plan.soft_cap)
        d = kit.scaled(kit.exp_above(_capped(z, plan.soft_cap), base), share)
        if product.skipped is not None:
            d = kit.filled(d, kit.place(product.skipped, first, count), 0.0)
        d = kit.filled(d, kit.place(product.own, first, count), by_own - by_above)
        for more in by_total:
            d = d + ops.expand_dims(more, -1)
        d = d if slope is None else d * slope
        found = dict(carry)
        if by["rows"] and product.columns is None:
            found["rows"] = kit.written(carry["rows"], d, first, 1)
        elif by["rows"]:
            found["rows"] = kit.added(carry["rows"], d, kit.turned(part))
        if by.get("columns"):
            pair = (kit.turned(d), product.rows) if product.axis == 0 else (kit.turned(product.rows), d)
            found["columns"] = kit.written(carry["columns"], kit.product(*pair), first, product.axis)
        if by.get("bias"):
            found["bias"] = kit.written(carry["bias"], ops.sum(d, axis=0), first, 0)
        return found

    given = dict(zip(plan.names, tensors, strict=True))
    start = {
        name: kit.zeros(
            given[name].shape, product.dtype if name == "rows" else numerics.dtype_of(given[name]), given[name]
        )
        for name in ("rows", "columns", "bias")
        if by.get(name)
    }
    found = kit.over(step, start, product.width, plan.block)
    return [ops.cast(found[name], numerics.dtype_of(given[name])) if name in found else None for name in plan.names]


_run = kit.recomputed(_forward, _backward)
