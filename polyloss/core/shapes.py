"""Tensors brought together or refused: by shape and dtype, which are known without running anything.

Faults raise at once, eager or traced. Values inside tensors are the business of `polyloss.validate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import keras
import numpy as np

from polyloss import framework
from polyloss.core import numerics, ops
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import refuse

Shape = Sequence[int | None]


def refuse_shapes(where: str, must: str, y_true: Tensor, y_pred: Tensor, instead: str = "") -> NoReturn:
    """Raise the sentence for two shapes that do not go together, and the one that says what to do."""
    got = f"Got y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}."
    raise ValueError(f"{where}: {must}. {got} {instead}".rstrip())


def agree(a: Shape, b: Shape) -> bool:
    """Whether two shapes are the same, as far as they are known."""
    return a == b or (len(a) == len(b) and all(m is None or n is None or m == n for m, n in zip(a, b, strict=True)))


def is_integer(x: Tensor) -> bool:
    """Integer or boolean dtype."""
    dtype = numerics.dtype_of(x)
    return "int" in dtype or dtype == "bool"


# -- one tensor -----------------------------------------------------------------------------------


def tensor(where: str, name: str, x: Any) -> Tensor:
    """`x` as a tensor in its own dtype: integers stay integers."""
    if ops.is_tensor(x):
        return x
    if x is None or isinstance(x, str):
        refuse(where, name, "be a tensor", x, TypeError)
    if getattr(getattr(x, "dtype", None), "kind", "") in tuple("OSU"):
        must = f"{name} must hold numbers: np.unique(labels, return_inverse=True)[1] makes integers of words"
        raise TypeError(f"{where}: {must}. Got {name}.dtype={x.dtype}.")
    return numerics.tensor(x)


def without_gradient(where: str, name: str, x: Any) -> Tensor:
    """`x` as a tensor, of whatever framework it is, where it asks for no gradient."""
    if not ops.is_tensor(x) and getattr(x, "requires_grad", False):
        refuse_foreign(where, name, x)
    return tensor(where, name, x)


def real(where: str, name: str, x: Any) -> Tensor:
    """`x` in the dtype it is computed in: float64 stays, everything else becomes float32."""
    if not ops.is_tensor(x):
        refuse_foreign(where, name, x)
        x = tensor(where, name, x)
    dtype = numerics.dtype_of(x)
    if dtype in ("float32", "float64"):
        return x
    if dtype.startswith("complex") or dtype == "string":
        refuse(where, f"{name}.dtype", "be real", dtype, TypeError)
    return ops.cast(x, "float32")


def refuse_foreign(where: str, name: str, x: Any) -> None:
    """Raise for a tensor of a framework that Keras does not run on: its gradient would be lost."""
    if ops.is_tensor(x):
        return
    home = framework.home(x)
    mine = keras.backend.backend()
    if home not in (None, mine):
        raise TypeError(
            f"{where}: {name} must be a tensor of the framework that Keras runs on, {mine}. Got one of {home}. Set "
            f"KERAS_BACKEND={home} before Python starts, or give numbers without a gradient as a NumPy array."
        )


def class_axis(where: str, axis: int, y_pred: Tensor) -> int:
    """`axis` counted from the front."""
    rank = len(y_pred.shape)
    if rank == 0:
        raise ValueError(f"{where}: y_pred must have a class axis. Got y_pred.shape=().")
    if not -rank <= axis < rank:
        refuse(where, "axis", f"be between {-rank} and {rank - 1} for y_pred.shape={tuple(y_pred.shape)}", axis)
    return axis % rank


# -- targets and predictions ----------------------------------------------------------------------


def same_shape(where: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Targets and predictions of one shape and dtype.

    (N,) against (N, 1) is lined up as Keras does; whatever else would broadcast is refused.
    """
    y_pred = real(where, "y_pred", y_pred)
    y_true = tensor(where, "y_true", y_true)
    if len(y_true.shape) == len(y_pred.shape) + 1 and y_true.shape[-1] == 1:
        if len(y_pred.shape) == 1:
            y_pred = ops.expand_dims(y_pred, -1)
        else:
            y_true = ops.squeeze(y_true, -1)
    elif len(y_pred.shape) == len(y_true.shape) + 1 and y_pred.shape[-1] == 1:
        if len(y_true.shape) == 1:
            y_true = ops.expand_dims(y_true, -1)
        else:
            y_pred = ops.squeeze(y_pred, -1)
    if not agree(y_true.shape, y_pred.shape):
        refuse_shapes(where, "y_true must have the shape of y_pred", y_true, y_pred)
    return _if_it_fits(ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred), y_pred


def one_a_row(where: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Targets with one number a row of the predictions, and the predictions.

    (..., 1) is lined up as Keras does; whatever else would broadcast is refused.
    """
    y_pred = real(where, "y_pred", y_pred)
    y_true = tensor(where, "y_true", y_true)
    with_axis = len(y_true.shape) == len(y_pred.shape) > 0 and y_true.shape[-1] == 1
    given = y_true.shape[:-1] if with_axis else y_true.shape
    if not (len(y_pred.shape) and agree(given, y_pred.shape[:-1])):
        refuse_shapes(where, "y_true must have the shape of y_pred without its last axis", y_true, y_pred)
    y_true = ops.squeeze(y_true, -1) if with_axis else y_true
    return ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred


def rows_of_one_shape(
    where: str, y_true: Any, y_pred: Any, axis: int, what: str, for_labels: str = ""
) -> tuple[Tensor, Tensor, int]:
    """Targets of the predictions' shape, the predictions, and the class axis.

    `for_labels` tells those who give integer labels what to do.
    """
    y_pred = real(where, "y_pred", y_pred)
    y_true = tensor(where, "y_true", y_true)
    axis = class_axis(where, axis, y_pred)
    if not agree(y_true.shape, y_pred.shape):
        is_labels = _without_class_axis(y_true, y_pred, axis) is not None
        instead = for_labels if is_labels else _otherwise(y_true, y_pred, axis, True)
        refuse_shapes(where, f"y_true must be {what} with the shape of y_pred", y_true, y_pred, instead)
    return _if_it_fits(ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred), y_pred, axis


def integer_labels(
    where: str, y_true: Any, y_pred: Any, axis: int, *, has_axis: bool = True
) -> tuple[Tensor, Tensor, int]:
    """Integer labels with one rank less than the predictions, the predictions, and the class axis.

    Integers never pass through a float. `has_axis` as for `labels_or_rows`.
    """
    y_pred = real(where, "y_pred", y_pred)
    axis = class_axis(where, axis, y_pred)
    return labels_beside(where, y_true, y_pred, axis, has_axis=has_axis), y_pred, axis


def labels_beside(
    where: str,
    y_true: Any,
    y_pred: Tensor,
    axis: int,
    must: str = "the shape of y_pred without the class axis",
    *,
    has_axis: bool = True,
) -> Tensor:
    """Integer labels with the shape of `y_pred` without an axis."""
    y_true = tensor(where, "y_true", y_true)
    labels = _without_class_axis(y_true, y_pred, axis)
    if labels is None:
        instead = ONE_HOT if agree(y_true.shape, y_pred.shape) else _otherwise(y_true, y_pred, axis, has_axis)
        refuse_shapes(where, f"y_true must be integer labels, {must}", y_true, y_pred, instead)
    return _as_integers(labels)


def labels_or_rows(
    where: str, y_true: Any, y_pred: Any, axis: int, *, has_axis: bool = True
) -> tuple[Tensor, Tensor, int]:
    """Integer labels (one rank less than the predictions) or one-hot/soft rows (their shape), told apart by static
    shape and dtype; the predictions, and the class axis.

    `has_axis`: whether the loss has a parameter `axis`, which an error may advise.
    """
    y_pred = real(where, "y_pred", y_pred)
    y_true = tensor(where, "y_true", y_true)
    axis = class_axis(where, axis, y_pred)
    if agree(y_true.shape, y_pred.shape) and y_pred.shape[axis] != 1:
        if y_true.shape[axis] is None:
            y_true = _rows_of_either(y_true, y_pred, axis)
        return _if_it_fits(ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred), y_pred, axis
    labels = _without_class_axis(y_true, y_pred, axis)
    if labels is None:
        must = "y_true must be integer labels (the shape of y_pred without the class axis) or have the shape of y_pred"
        refuse_shapes(where, must, y_true, y_pred, _otherwise(y_true, y_pred, axis, has_axis))
    return _as_integers(labels), y_pred, axis


SWAPPED = "Targets come first: loss(y_true, y_pred)."
ONE_HOT = "For one-hot labels use CategoricalCrossentropy, or make them integers with keras.ops.argmax(y_true, -1)."


def _otherwise(y_true: Tensor, y_pred: Tensor, axis: int, has_axis: bool) -> str:
    """What to do where targets and predictions would fit in the other order, or with the classes on another axis."""
    if len(y_true.shape) == len(y_pred.shape) + 1 and agree(y_true.shape[:-1], y_pred.shape):
        return SWAPPED
    for other in range(1, len(y_pred.shape)):
        rest = tuple(d for i, d in enumerate(y_pred.shape) if i != other)
        if other != axis and agree(y_true.shape, rest):
            moved = f"move them last with keras.ops.moveaxis(y_pred, {other}, -1)"
            return f"Are the classes on axis {other}? Then {f'say axis={other}' if has_axis else moved}."
    return ""


def is_labels(y_true: Tensor, y_pred: Tensor) -> bool:
    """Whether targets that `labels_or_rows` brought into shape are integer labels."""
    return len(y_true.shape) < len(y_pred.shape)


def _without_class_axis(y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor | None:
    """Labels with the class axis gone, or None where the shapes say that these are not labels."""
    rest = tuple(d for i, d in enumerate(y_pred.shape) if i != axis)
    if agree(y_true.shape, rest):
        return y_true
    with_axis = (*rest[:axis], 1, *rest[axis:])
    if y_true.shape and agree(y_true.shape, with_axis):
        if y_true.shape[axis] == 1:
            return ops.squeeze(y_true, axis)
        if y_true.shape[axis] is None and not isinstance(y_true, keras.KerasTensor):  # out of range if it is not 1
            first = ops.take(y_true, 0, axis=axis)
            return ops.where(ops.equal(ops.shape(y_true)[axis], 1), first, ops.full_like(first, -1))
    if axis != len(y_pred.shape) - 1 and agree(y_true.shape, (*rest, 1)) and y_true.shape[-1] == 1:
        return ops.squeeze(y_true, -1)
    return None


def _if_it_fits(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`y_true`, or NaN where a size that is known only when it runs (TensorFlow) turns out to differ: it would broadcast."""
    if isinstance(y_true, keras.KerasTensor) or isinstance(y_pred, keras.KerasTensor):
        return y_true
    pairs = list(zip(y_true.shape, y_pred.shape, strict=True))
    unknown = [i for i, pair in enumerate(pairs) if i and None in pair]
    if not unknown:
        return y_true
    mine, theirs = ops.shape(y_true), ops.shape(y_pred)
    differs = sum(ops.cast(ops.not_equal(mine[i], theirs[i]), "int32") for i in unknown)
    return ops.where(ops.equal(differs, 0), y_true, float("nan"))


def _rows_of_either(y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Rows of targets from what turns out to be rows, or labels (..., 1), when it runs."""
    if isinstance(y_true, keras.KerasTensor) or isinstance(y_pred, keras.KerasTensor):
        return y_true
    classes, dtype = ops.shape(y_pred)[axis], numerics.dtype_of(y_pred)
    labels = _as_integers(ops.take(y_true, 0, axis=axis))
    safe, valid = numerics.valid_labels(labels, y_pred.shape[axis] or classes)
    rows = ops.one_hot(safe, classes, axis=axis, dtype=dtype)
    rows = ops.where(ops.expand_dims(valid, axis), rows, float("nan"))
    return ops.where(ops.equal(ops.shape(y_true)[axis], 1), rows, ops.cast(y_true, dtype))


def is_class(labels: Tensor, number: int) -> Tensor:
    """Where integer labels are `number`; nowhere, if their dtype cannot hold it."""
    info = np.iinfo(numerics.dtype_of(labels))
    if not info.min <= number <= info.max:
        return ops.zeros_like(labels, dtype="bool")
    return ops.equal(labels, number)


def _as_integers(labels: Tensor) -> Tensor:
    """Labels in an integer dtype in which a comparison with the number of classes cannot wrap.

    Those that came as floats (from a table, or through a Keras wrapper) are taken where they are whole numbers; any
    other float is out of range.
    """
    dtype = numerics.dtype_of(labels)
    if not is_integer(labels):
        back = ops.cast(ops.cast(labels, "int32"), dtype)
        whole = ops.logical_and(ops.equal(back, labels), ops.abs(labels) < 2.0**31)
        return ops.cast(ops.where(whole, labels, ops.full_like(labels, -(2.0**30))), "int32")
    if dtype in ("int32", "int64"):
        return labels
    return ops.cast(labels, "int64" if dtype in ("uint32", "uint64") else "int32")
