"""What adversarial losses and penalties share: scalars of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras

from polyloss.core import numerics, ops, replica, shapes
from polyloss.core.declared import Declared
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import refuse


def batch_mean(x: Tensor) -> Tensor:
    """The mean of all elements, 0 where there are none; of those of all replicas."""
    if replica.engine() is not None:
        return replica.replica_mean(x)
    count = numerics.size(x)
    return ops.sum(x) / (max(count, 1) if isinstance(count, int) else ops.where(count == 0, 1.0, count))


def ramp(x: Tensor) -> Tensor:
    """``max(0, x)`` with derivative 0 at 0."""
    return ops.where(x > 0, x, ops.where(ops.isnan(x), x, 0.0))


def same_shape(where: str, what: str, a: Tensor, b: Tensor) -> None:
    """Refuse tensors whose known sizes differ."""
    if not shapes.agree(a.shape, b.shape):
        raise ValueError(f"{where}: {what} must have one shape. Got {tuple(a.shape)} and {tuple(b.shape)}.")


class BatchTerm(Declared, abstract=True):
    """What losses and penalties of this family have in common: a name, a dtype, and their replicas' share."""

    if TYPE_CHECKING:
        name: str | None = None
        dtype: Any = None

    _common: ClassVar[dict[str, Any]] = {"name": None, "dtype": None}
    _fields: ClassVar[dict[str, Any]] = _common
    elsewhere: ClassVar[dict[str, str]] = {}
    """The same in other libraries."""
    tasks: ClassVar[tuple[str, ...]] = ("generative modelling",)
    """The kinds of problem it is for."""

    def _begin(self, *, name: str | None, dtype: Any) -> None:
        where = self._where()
        if name is not None and not isinstance(name, str):
            refuse(where, "name", "be a string", name, TypeError)
        self.name = name
        self._given_dtype = dtype.name if isinstance(dtype, keras.DTypePolicy) else dtype
        asked = dtype.compute_dtype if isinstance(dtype, keras.DTypePolicy) else dtype
        if asked is not None:
            try:
                asked = keras.backend.standardize_dtype(asked)
            except (ValueError, TypeError) as error:
                refuse(where, "dtype", f"be a float dtype or a policy ({error})", dtype)
            if "float" not in asked:
                refuse(where, "dtype", "be a float dtype", dtype)
        self.dtype = "float64" if asked == "float64" else "float32"

    def _common_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self._given_dtype}

    def _widen(self, x: Any) -> Tensor:
        """`x`, in float64 where `dtype` asks for it."""
        if x is None or self.dtype != "float64":
            return x
        return ops.cast(numerics.tensor(x), "float64")
