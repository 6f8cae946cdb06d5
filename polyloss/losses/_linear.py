"""What the losses of a linear layer's outputs share: a row of logits that is never there as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polyloss.core import numerics, ops, shapes
from polyloss.core.columns import others_and_own
from polyloss.core.loss import Loss, is_nested
from polyloss.core.numerics import Tensor
from polyloss.framework.private import get_keras_mask


@dataclass(frozen=True)
class Head:
    """Rows and columns whose product are the logits, and the label of each row.

    Attributes:
        rows: Hidden states (N, D), harmless ones for ignored labels; the logits where there are no columns.
        columns: (D, classes), or (classes, D) where `by_row`.
        labels: Integers (N,), safe to look up.
        valid: Which labels were in range.
        kept: Which are not ignored; None: all.
        shape: That of the values.
    """

    rows: Tensor
    columns: Tensor | None
    bias: Tensor | None
    by_row: bool
    labels: Tensor
    valid: Tensor
    kept: Tensor | None
    shape: tuple[int | Tensor, ...]

    @property
    def classes(self) -> int | Tensor:
        """How many there are."""
        if self.columns is None:
            return numerics.size(self.rows, 1)
        return numerics.size(self.columns, 0 if self.by_row else 1)

    def others_and_own(self, soft_cap: float | None, total: bool) -> tuple[Tensor, ...]:
        """`columns.others_and_own` of the labels."""
        return others_and_own(
            self.rows,
            self.columns,
            self.labels,
            bias=self.bias,
            by_row=self.by_row,
            soft_cap=soft_cap,
            total=total,
        )

    def marked(self, values: Tensor) -> Tensor:
        """The values as the labels lie: NaN for those out of range, 0 for ignored ones."""
        values = ops.where(self.valid, values, float("nan"))
        values = values if self.kept is None else ops.where(self.kept, values, 0.0)
        return ops.reshape(values, self.shape)


def head(
    labels: Tensor,
    hidden: Tensor,
    kernel: Tensor | None,
    bias: Tensor | None,
    by_row: bool,
    ignore_class: int | None,
    classes: Sequence[int] | None,
) -> Head:
    """A row a label; of some classes alone, where `classes` says so."""
    shape = known(labels, labels.shape)
    rows = flat(hidden)
    labels = ops.reshape(labels, (-1,))
    kept = None
    if ignore_class is not None:
        kept = ops.logical_not(shapes.is_class(labels, ignore_class))
        labels, rows = ops.where(kept, labels, 0), ops.where(ops.expand_dims(kept, -1), rows, 0.0)
    axis = 0 if by_row else 1
    if classes is not None:
        labels = _numbered(labels, classes)
        kernel, rows = (kernel, _some(rows, classes, 1)) if kernel is None else (_some(kernel, classes, axis), rows)
        bias = None if bias is None else _some(bias, classes, 0)
    table = (rows, 1) if kernel is None else (kernel, axis)
    labels, valid = numerics.valid_labels(labels, numerics.size(*table))
    return Head(
        rows,
        kernel,
        bias,
        by_row,
        labels,
        valid if kept is None else ops.logical_or(valid, ops.logical_not(kept)),
        kept,
        shape,
    )


def flat(hidden: Tensor) -> Tensor:
    """All rows in one axis."""
    return hidden if len(hidden.shape) == 2 else ops.reshape(hidden, (-1, hidden.shape[-1]))


def known(x: Tensor, shape: Sequence[int | None]) -> tuple[int | Tensor, ...]:
    """The first axes of `x`, to bring values back into: -1 for one that is known at run time only, of several their sizes."""
    if sum(d is None for d in shape) == 1:
        return tuple(-1 if d is None else d for d in shape)
    return tuple(ops.shape(x)[i] if d is None else d for i, d in enumerate(shape))


def _some(x: Tensor, classes: Sequence[int], axis: int) -> Tensor:
    return ops.take(x, ops.convert_to_tensor(classes, dtype="int32"), axis=axis)


def _numbered(labels: Tensor, classes: Sequence[int]) -> Tensor:
    """Which of the classes each label is; -1 for none of them."""
    place = [-1] * (max(classes) + 1)
    for i, known in enumerate(classes):
        place[known] = i
    safe, valid = numerics.valid_labels(labels, len(place))
    return ops.where(valid, ops.take(ops.convert_to_tensor(place, dtype="int32"), safe), -1)


def log_partition(above: Tensor, own: Tensor, rest: Tensor) -> Tensor:
    """The log-sum-exp of a row, from the larger of its two parts."""
    return ops.where(above > 0, rest + numerics.softplus(-above), own + numerics.softplus(above))


class LinearLoss(Loss, abstract=True, kw_only=True):
    """Base of losses whose predictions are hidden states with the kernel, and perhaps the bias, of the last layer."""

    def _mask(self, y_pred: Any) -> Tensor | None:
        return get_keras_mask(parts(y_pred)[0])

    def _prediction(self, y_pred: Any) -> Tensor:
        """Half precision as it is: the formula computes in float32, without a second kernel."""
        y_pred = shapes.tensor(self._where(), "y_pred", y_pred)
        return ops.cast(y_pred, "float64") if self._dtype == "float64" else y_pred


def parts(given: Any, of: str = "") -> tuple[Any, dict[str, Any]]:
    """The hidden states (or logits), and what there is of the layer by the names of parameters."""
    if not is_nested(given):
        return given, {}
    hidden, *of_layer = given
    return hidden, dict(zip((f"{of}kernel", f"{of}bias"), of_layer, strict=False))
