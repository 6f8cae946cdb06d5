"""What may go into a loss: checks of parameters and shapes, in one sentence shape.

``focal_loss: gamma must be at least 0. Got gamma=-1.``

They look only at what is known without running anything (Python values, shapes, dtypes), so they raise
at once, eager or traced. Values inside tensors are the business of `polyloss.validate`.
"""

from __future__ import annotations

import functools
import inspect
import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, ParamSpec, TypeVar

from keras import ops

from polyloss import framework, numerics
from polyloss.numerics import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def refuse(where: str, what: str, must: str, value: Any, error: type[Exception] = ValueError) -> NoReturn:
    """Raise the one sentence that every check speaks in."""
    raise error(f"{where}: {what} must {must}. Got {what}={value!r}.")


# -- parameters -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """What one parameter must be: `kind` is a matter of type, `holds` of value."""

    kind: Callable[[Any], bool]
    kind_name: str
    holds: Callable[[Any], bool] = lambda _: True
    must: str = ""

    def __call__(self, where: str, name: str, value: Any) -> None:
        """Raise unless `value` will do."""
        if not self.kind(value):
            refuse(where, name, f"be {self.kind_name}", value, TypeError)
        if not self.holds(value):
            refuse(where, name, self.must, value)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_vector(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(_is_number(v) for v in value)


def number(holds: Callable[[float], bool], must: str) -> Parameter:
    """A finite real number."""
    return Parameter(_is_number, "a number", lambda v: math.isfinite(v) and holds(v), must)


def at_least(low: float) -> Parameter:
    """A finite number >= low."""
    return number(lambda v: v >= low, f"be at least {low}")


def positive() -> Parameter:
    """A finite number > 0."""
    return number(lambda v: v > 0, "be greater than 0")


def finite() -> Parameter:
    """Any finite number."""
    return number(lambda v: True, "be finite")


def between(low: float, high: float, *, below_high: bool = False) -> Parameter:
    """A number in [low, high], or in [low, high)."""
    if below_high:
        return number(lambda v: low <= v < high, f"be at least {low} and less than {high}")
    return number(lambda v: low <= v <= high, f"be between {low} and {high}")


def boolean() -> Parameter:
    """True or False, nothing that merely converts to them."""
    return Parameter(lambda v: isinstance(v, bool), "True or False")


def integer() -> Parameter:
    """An int."""
    return Parameter(lambda v: isinstance(v, numbers.Integral) and not isinstance(v, bool), "an integer")


def one_of(*allowed: Any) -> Parameter:
    """One of a few values."""
    listed = ", ".join(repr(a) for a in allowed)
    return Parameter(lambda v: True, "", lambda v: any(v is a or v == a for a in allowed), f"be one of {listed}")


def optional(check: Parameter) -> Parameter:
    """None, or what `check` accepts."""
    return Parameter(
        lambda v: v is None or check.kind(v),
        f"None or {check.kind_name}",
        lambda v: v is None or check.holds(v),
        check.must,
    )


def one_or_per_class(check: Parameter) -> Parameter:
    """A number, or a sequence with one number a class."""
    return Parameter(
        lambda v: check.kind(v) or _is_vector(v),
        f"{check.kind_name} or a sequence of numbers",
        lambda v: all(check.holds(x) for x in v) and len(v) > 0 if isinstance(v, (tuple, list)) else check.holds(v),
        check.must,
    )


def per_class(check: Parameter) -> Parameter:
    """A sequence with one number a class."""
    vector = one_or_per_class(check)
    return Parameter(_is_vector, "a sequence of numbers", vector.holds, f"{check.must} (every entry)")


def plain(value: Any) -> Any:
    """Array-likes as nested tuples of Python numbers, so that they compare, print and save."""
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(plain(v) for v in value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # np.float64 is a float, too
        return value.item()
    if hasattr(value, "__array__") and hasattr(value, "shape"):
        return plain(ops.convert_to_numpy(value).tolist())
    return value


def parameters(**rules: Parameter) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare what a function's parameters must be; its class form reads the same declaration."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        where = getattr(function, "__name__", "loss")
        names = tuple(inspect.signature(function).parameters)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            if len(args) > 2:  # Keras's positional order
                kwargs.update(zip(names[2:], args[2:], strict=False))
                args = args[:2]  # type: ignore[assignment]
            for name, value in kwargs.items():
                if name in rules:
                    kwargs[name] = value = plain(value)
                    rules[name](where, name, value)
            return function(*args, **kwargs)

        checked = framework.entry_point(checked)
        checked.parameter_rules = rules  # type: ignore[attr-defined]
        return checked

    return decorate


# -- tensors --------------------------------------------------------------------------------------


def _shapes(y_true: Tensor, y_pred: Tensor) -> str:
    return f"y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}"


def refuse_shapes(where: str, must: str, y_true: Tensor, y_pred: Tensor) -> NoReturn:
    """Raise the sentence for two shapes that do not go together."""
    raise ValueError(f"{where}: {must}. Got {_shapes(y_true, y_pred)}.")


def _tensor(where: str, name: str, x: Any) -> Tensor:
    if x is None or isinstance(x, str):
        refuse(where, name, "be a tensor", x, TypeError)
    return numerics.tensor(x)


def target(where: str, y_true: Any) -> Tensor:
    """`y_true` as a tensor in its own dtype: integers stay integers."""
    return _tensor(where, "y_true", y_true)


def predictions(where: str, y_pred: Any) -> Tensor:
    """`y_pred` in the dtype it is computed in: float64 stays, everything smaller becomes float32."""
    y_pred = _tensor(where, "y_pred", y_pred)
    dtype = numerics.dtype_of(y_pred)
    if dtype in ("float32", "float64"):
        return y_pred
    if dtype.startswith("complex") or dtype == "string":
        refuse(where, "y_pred.dtype", "be real", dtype, TypeError)
    return ops.cast(y_pred, "float32")


def is_integer(x: Tensor) -> bool:
    """Integer or boolean dtype."""
    dtype = numerics.dtype_of(x)
    return "int" in dtype or dtype == "bool"


def _agree(a: Sequence[int | None], b: Sequence[int | None]) -> bool:
    return len(a) == len(b) and all(m is None or n is None or m == n for m, n in zip(a, b, strict=True))


def elementwise(where: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Targets and predictions of one shape and dtype.

    (N,) against (N, 1) is lined up as Keras does; whatever else would broadcast is refused.
    """
    y_pred = predictions(where, y_pred)
    y_true = target(where, y_true)
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
    if not _agree(y_true.shape, y_pred.shape):
        refuse_shapes(where, "y_true must have the shape of y_pred", y_true, y_pred)
    return ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred


def class_axis(where: str, axis: int, y_pred: Tensor) -> int:
    """`axis` counted from the front."""
    rank = len(y_pred.shape)
    if rank == 0:
        raise ValueError(f"{where}: y_pred must have a class axis. Got y_pred.shape=().")
    if not -rank <= axis < rank:
        refuse(where, "axis", f"be between {-rank} and {rank - 1} for y_pred.shape={tuple(y_pred.shape)}", axis)
    return axis % rank


def dense_targets(where: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Tensor, Tensor, int]:
    """One-hot or soft targets of the predictions' shape, the predictions, and the class axis."""
    y_pred = predictions(where, y_pred)
    y_true = target(where, y_true)
    axis = class_axis(where, axis, y_pred)
    if not _agree(y_true.shape, y_pred.shape):
        refuse_shapes(where, "y_true must be one-hot or soft labels with the shape of y_pred", y_true, y_pred)
    return ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred, axis


def _labels(where: str, y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor | None:
    """Labels with the class axis gone, or None where the shapes say that these are not labels."""
    rest = tuple(d for i, d in enumerate(y_pred.shape) if i != axis)
    if _agree(y_true.shape, rest):
        return y_true
    with_axis = (*rest[:axis], 1, *rest[axis:])
    if y_true.shape and _agree(y_true.shape, with_axis) and y_true.shape[axis] == 1:
        return ops.squeeze(y_true, axis)
    if axis != len(y_pred.shape) - 1 and _agree(y_true.shape, (*rest, 1)) and y_true.shape[-1] == 1:
        return ops.squeeze(y_true, -1)
    return None


def _wide(labels: Tensor) -> Tensor:
    """Small integers as int32, so that a comparison with the number of classes cannot wrap."""
    dtype = numerics.dtype_of(labels)
    if dtype in ("int32", "int64"):
        return labels
    return ops.cast(labels, "int64" if dtype in ("uint32", "uint64") else "int32")


def integer_labels(where: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Tensor, Tensor, int]:
    """Integer labels with one rank less than the predictions, the predictions, and the class axis.

    Integers never pass through a float. Labels that come as floats (from a table, say) are taken where
    they are whole numbers; any other float is out of range.
    """
    y_pred = predictions(where, y_pred)
    y_true = target(where, y_true)
    axis = class_axis(where, axis, y_pred)
    labels = _labels(where, y_true, y_pred, axis)
    if labels is None:
        refuse_shapes(
            where, "y_true must be integer labels, the shape of y_pred without the class axis", y_true, y_pred
        )
    if not is_integer(labels):
        back = ops.cast(ops.cast(labels, "int32"), numerics.dtype_of(labels))
        whole = ops.logical_and(ops.equal(back, labels), ops.abs(labels) < 2.0**31)
        impossible = ops.full_like(labels, -(2.0**30))
        labels = ops.cast(ops.where(whole, labels, impossible), "int32")
    return _wide(labels), y_pred, axis


def labels_or_dense(where: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Tensor, Tensor, int, bool]:
    """Integer labels or one-hot/soft targets, told apart by static shape and dtype.

    Returns the targets, the predictions, the class axis, and whether the targets are integer labels.
    """
    y_pred = predictions(where, y_pred)
    y_true = target(where, y_true)
    axis = class_axis(where, axis, y_pred)
    if _agree(y_true.shape, y_pred.shape) and y_pred.shape[axis] != 1:
        return ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred, axis, False
    labels = _labels(where, y_true, y_pred, axis)
    if labels is None:
        refuse_shapes(
            where,
            "y_true must be integer labels (the shape of y_pred without the class axis) or have the shape of y_pred",
            y_true,
            y_pred,
        )
    if not is_integer(labels):
        refuse(where, "y_true.dtype", "be an integer for labels", numerics.dtype_of(y_true), TypeError)
    return _wide(labels), y_pred, axis, True


def vector_length(where: str, name: str, vector: Any, y_pred: Tensor, axis: int) -> None:
    """A per-class parameter has one entry a class."""
    classes = y_pred.shape[axis]
    if isinstance(vector, tuple) and classes is not None and len(vector) != classes:
        refuse(where, name, f"have {classes} entries, one a class", vector)
