"""`Loss`: the contract that every loss class keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import ops, tree
from keras.src.backend import get_keras_mask  # Keras has no public name for it

from polyloss import checks, framework, numerics
from polyloss.declared import Declared
from polyloss.domains import LOGITS, REAL, Domain
from polyloss.numerics import Tensor

_REDUCTION = checks.one_of("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


if TYPE_CHECKING:  # Keras has no types: a base that is Any would let every parameter pass

    class _KerasLoss:
        def __init__(self, name: str | None, reduction: str | None, dtype: Any) -> None: ...

else:
    _KerasLoss = keras.losses.Loss


class Loss(Declared, _KerasLoss, abstract=True, kw_only=True):
    """Base of every loss: declared fields, labels left alone, weights and masks that shut out, one reduction.

    Subclass it with fields and a `call` that returns one value a sample (or finer):

    >>> from keras import ops
    >>> class PinballLoss(polyloss.Loss):
    ...     quantile: float = 0.5
    ...
    ...     def call(self, y_true, y_pred):
    ...         error = y_true - y_pred
    ...         return ops.maximum(self.quantile * error, (self.quantile - 1) * error)
    >>> PinballLoss(quantile=0.9)
    PinballLoss(quantile=0.9)

    What a call keeps:

    - Integer and boolean targets stay as they are. Predictions are computed in the widest of float32,
      their own dtype and `dtype`; targets and weights never raise it, `dtype` never lowers it.
    - `sample_weight` lines up from the batch axis: (B,) on values of shape (B, H, W) weighs samples. A
      weight or mask of 0 shuts an element out of value and gradient, even where its target or prediction
      is NaN or infinite.
    - Reductions are Keras's. Masked and ignored elements leave the denominator of a mean, elements of
      weight 0 stay in it; ``mean_with_sample_weight`` divides by the weights, laid out over the values.
      An empty batch, and one that is masked altogether, gives 0.

    Args:
        reduction: ``"sum_over_batch_size"`` or ``"mean"``, ``"sum"``, ``"mean_with_sample_weight"``,
            ``"none"`` or None.
        name: Shown in logs; by default the class's name in snake case.
        dtype: A float dtype or `keras.DTypePolicy` to compute in if it is wider than the predictions'.

    Raises:
        ValueError, TypeError: for faults of parameters, shapes and dtypes. Faults of values never raise
            in a call; `polyloss.validate` names them.
    """

    if TYPE_CHECKING:
        reduction: str | None = "sum_over_batch_size"
        name: str | None = None
        dtype: Any = None

    targets: ClassVar[Domain] = REAL
    """What `y_true` may hold."""
    predictions: ClassVar[Domain] = REAL
    """What `y_pred` may hold when it is not logits."""
    elsewhere: ClassVar[dict[str, str]] = {}
    """The same loss in other libraries."""
    tasks: ClassVar[tuple[str, ...]] = ()
    """The kinds of problem it is for."""

    def _begin(self, *, reduction: str | None, name: str | None, dtype: Any) -> None:
        where = self._where()
        _REDUCTION(where, "reduction", reduction)
        try:
            _KerasLoss.__init__(self, name=name, reduction=reduction, dtype=dtype)
        except (ValueError, TypeError):
            checks.refuse(where, "dtype", "be a float dtype", dtype)
        self._given_dtype = dtype.name if isinstance(dtype, keras.DTypePolicy) else dtype
        asked: str | None = self.dtype
        if dtype is not None and "float" not in (asked or ""):
            checks.refuse(where, "dtype", "be a float dtype", dtype)
        self._dtype: str = "float64" if dtype is not None and asked == "float64" else "float32"

    def _common_config(self) -> dict[str, Any]:
        return {"reduction": self.reduction, "name": self.name, "dtype": self._given_dtype}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value a sample, or finer; never a mean over the batch."""
        if self.function is None:
            raise NotImplementedError(f"{type(self).__name__}: must define call or function=. Got neither.")
        return self.function(y_true, y_pred, **self._options())

    def kept(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Which values count at all (False leaves the denominator of a mean); None: all of them."""
        return None

    def prediction_domain(self, y_pred: Tensor) -> Domain:
        """What `y_pred` may hold."""
        return LOGITS if getattr(self, "from_logits", False) else self.predictions

    # -- a call -----------------------------------------------------------------------------------

    @framework.entry_point
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The reduced loss of a batch."""
        if isinstance(y_pred, (dict, list, tuple)) and any(hasattr(x, "shape") for x in tree.flatten(y_pred)):
            mask = None
            y_pred = tree.map_structure(self._prediction, y_pred)
            y_true = tree.map_structure(self._target, y_true)
        else:
            mask = get_keras_mask(y_pred)
            y_pred, y_true = self._prediction(y_pred), self._target(y_true)
        if sample_weight is None and mask is None:
            values = self.call(y_true, y_pred)
            return self._reduce(values, None, self.kept(y_true, y_pred))
        return self._weighted_call(y_true, y_pred, sample_weight, mask)

    def _prediction(self, y_pred: Any) -> Tensor:
        y_pred = checks.predictions(self._where(), y_pred)
        if self._dtype == "float64" and numerics.dtype_of(y_pred) != "float64":
            y_pred = ops.cast(y_pred, "float64")
        return y_pred

    def _target(self, y_true: Any) -> Tensor:
        return checks.target(self._where(), y_true)

    def _weighted_call(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any, mask: Any) -> Tensor:
        kept = self.kept(y_true, y_pred)
        weight = None if sample_weight is None else numerics.tensor(sample_weight)
        mask = None if mask is None else ops.cast(numerics.tensor(mask), "bool")
        shut_out = [ops.logical_not(mask)] if mask is not None else []
        shut_out += [ops.equal(weight, 0)] if weight is not None else []
        for out in shut_out:
            y_pred = self._replace(y_pred, out, self.prediction_domain)
            y_true = self._replace(y_true, out, lambda _: self.targets)
        values = self.call(y_true, y_pred)
        if weight is not None:
            weight = self._line_up(ops.cast(weight, numerics.dtype_of(values)), values, "sample_weight")
        if mask is not None:
            mask = self._line_up(mask, values, "mask")
            if kept is not None:
                mask = ops.logical_and(mask, self._line_up(kept, values, "mask"))
        return self._reduce(values, weight, kept if mask is None else mask)

    def _replace(self, x: Tensor, out: Tensor, domain: Any) -> Tensor:
        """`x` with a harmless value wherever `out`: it must never reach the formula, or NaN * 0 is NaN."""
        if isinstance(x, (dict, list, tuple)):
            return tree.map_structure(lambda leaf: self._replace(leaf, out, domain), x)
        axis = getattr(self, "axis", None)
        rank = len(x.shape)
        while len(out.shape) > 1 and len(out.shape) > rank and out.shape[-1] == 1:
            out = ops.squeeze(out, -1)
        if isinstance(axis, int) and rank == len(out.shape) + 1 and axis % rank < len(out.shape):
            out = ops.expand_dims(out, axis % rank)
        if len(out.shape) > rank:
            return x  # finer than the input: refused once the values are known
        out = ops.reshape(out, (*ops.shape(out), *[1] * (rank - len(out.shape))))
        if any(a != b and 1 not in (a, b) and None not in (a, b) for a, b in zip(out.shape, x.shape, strict=True)):
            return x
        stand_in = ops.zeros_like(x) if checks.is_integer(x) else domain(x).stand_in
        return ops.where(out, stand_in, x)

    def _line_up(self, weight: Tensor, values: Tensor, what: str) -> Tensor:
        """`weight` with the rank of `values`, aligned from the batch axis."""
        given, rank = tuple(weight.shape), len(values.shape)
        while len(weight.shape) > rank and weight.shape[-1] == 1:
            weight = ops.squeeze(weight, -1)
        fits = len(weight.shape) <= rank and all(
            w == v or w == 1 or w is None or v is None for w, v in zip(weight.shape, values.shape, strict=False)
        )
        if not fits:
            raise ValueError(
                f"{self._where()}: {what} must line up with the loss's values from the batch axis and be no finer. "
                f"Got {what}.shape={given}, values.shape={tuple(values.shape)}."
            )
        return ops.reshape(weight, (*ops.shape(weight), *[1] * (rank - len(weight.shape))))

    def _reduce(self, values: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor:
        """The one home of the reduction."""
        if mask is not None:
            mask = self._line_up(mask, values, "mask")
            values = ops.where(mask, values, 0.0)
        if weight is not None:
            values = ops.where(ops.equal(weight, 0), 0.0, values) * weight
        if self.reduction in (None, "none"):
            return values
        total = ops.sum(values) if len(values.shape) else values
        if self.reduction == "sum":
            return total
        if weight is not None and self.reduction == "mean_with_sample_weight":
            counted = ops.broadcast_to(weight, ops.shape(values))
            count = ops.sum(counted if mask is None else ops.where(mask, counted, 0.0))
        elif mask is not None:
            count = ops.sum(ops.cast(ops.broadcast_to(mask, ops.shape(values)), numerics.dtype_of(values)))
        else:
            count = numerics.size(values)
        return self._divide(total, count)

    @staticmethod
    def _divide(total: Tensor, count: int | Tensor) -> Tensor:
        """`total / count`, 0 where nothing was counted, shared among replicas whose losses get added up."""
        replicas = framework.replica_count()
        if isinstance(count, int):
            return total / (max(count, 1) * replicas)
        none = ops.equal(count, 0)
        return ops.where(none, 0.0, total / ops.where(none, 1.0, count)) / replicas
