"""`Loss`: the contract that every loss class keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import tree

from polyloss import framework
from polyloss.core import numerics, ops, reduce, replica, shapes
from polyloss.core.declared import Declared
from polyloss.core.function import declaration
from polyloss.core.kinds import ANY, Kind
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import refuse
from polyloss.framework.private import get_keras_mask

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

    inputs: ClassVar[Kind] = ANY
    """The kind of what the loss looks at, from its function or from ``inputs=`` of the class."""
    elsewhere: ClassVar[dict[str, str]] = {}
    """The same loss in other libraries."""
    tasks: ClassVar[tuple[str, ...]] = ()
    """The kinds of problem it is for."""
    _ours: ClassVar[bool] = False
    """Whether all that a call runs is of polyloss, and so depends on nothing but the fields and the tensors."""

    def __init_subclass__(cls, *, inputs: Kind | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = declaration(kwargs.get("function"))
        if inputs is not None:
            cls.inputs = inputs
        elif declared is not None and declared.kind is not None:
            cls.inputs = declared.kind
        parts = (cls.call, cls.kept, *([] if cls.function is None else [cls.function]))
        cls._ours = all(part.__module__.startswith("polyloss.") for part in parts)

    def _begin(self, *, reduction: str | None, name: str | None, dtype: Any) -> None:
        where = self._where()
        reduce.REDUCTION(where, "reduction", reduction)
        try:
            _KerasLoss.__init__(self, name=name, reduction=reduction, dtype=dtype)
        except (ValueError, TypeError):
            refuse(where, "dtype", "be a float dtype", dtype)
        self._given_dtype = dtype.name if isinstance(dtype, keras.DTypePolicy) else dtype
        asked: str | None = self.dtype
        if dtype is not None and "float" not in (asked or ""):
            refuse(where, "dtype", "be a float dtype", dtype)
        self._dtype: str = "float64" if dtype is not None and asked == "float64" else "float32"

    def _common_config(self) -> dict[str, Any]:
        return {"reduction": self.reduction, "name": self.name, "dtype": self._given_dtype}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value a sample, or finer; never a mean over the batch."""
        return self._formula(y_true, y_pred, **self._options())

    def _formula(self, y_true: Tensor, y_pred: Tensor, **given: Any) -> Tensor:
        """The function, whose parameters the constructor has checked."""
        declared = declaration(self.function)
        if declared is not None:
            return declared.formula(y_true=y_true, y_pred=y_pred, **given)
        if self.function is None:
            raise NotImplementedError(f"{type(self).__name__}: must define call or function=. Got neither.")
        return self.function(y_true, y_pred, **given)

    def kept(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Which values count at all (False leaves the denominator of a mean); None: all of them."""
        if getattr(self, "ignore_class", None) is None:
            return None
        return self.inputs.kept(self._where(), y_true, y_pred, self._options())

    # -- a call -----------------------------------------------------------------------------------

    @framework.entry_point
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The reduced loss of a batch."""
        nested = is_nested(y_pred)
        mask = self._mask(y_pred)
        if nested:
            y_pred, y_true = tree.map_structure(self._prediction, y_pred), tree.map_structure(self._target, y_true)
        else:
            shapes.refuse_foreign(self._where(), "y_pred", y_pred)
            y_pred, y_true = shapes.tensor(self._where(), "y_pred", y_pred), self._target(y_true)
        weight = (
            None if sample_weight is None else shapes.without_gradient(self._where(), "sample_weight", sample_weight)
        )
        mask = None if mask is None else ops.cast(numerics.tensor(mask), "bool")
        if self._ours and not nested:
            return _evaluated(self, self._state(), y_true, y_pred, weight, mask)
        return self._evaluate(y_true, y_pred, weight, mask)

    def _state(self) -> tuple[Any, ...]:
        """All that a value depends on beside the tensors."""
        own = (getattr(self, name) for name in self._own)
        return type(self), *own, self.reduction, self._dtype, keras.config.epsilon(), replica.scope()

    def _evaluate(self, y_true: Any, y_pred: Any, weight: Tensor | None, mask: Tensor | None) -> Tensor:
        """The reduced loss of tensors."""
        bare = weight is None and mask is None
        if not isinstance(y_pred, (dict, list, tuple)) and (not bare or self._dtype == "float64" or self.inputs is ANY):
            y_pred = self._prediction(y_pred)  # else the formula does it
        return self._bare_call(y_true, y_pred) if bare else self._weighted_call(y_true, y_pred, weight, mask)

    def _mask(self, y_pred: Any) -> Tensor | None:
        """What Keras's layers say is padding."""
        return None if is_nested(y_pred) else get_keras_mask(y_pred)

    def _prediction(self, y_pred: Any) -> Tensor:
        y_pred = shapes.real(self._where(), "y_pred", y_pred)
        if self._dtype == "float64" and numerics.dtype_of(y_pred) != "float64":
            y_pred = ops.cast(y_pred, "float64")
        return y_pred

    def _target(self, y_true: Any) -> Tensor:
        return shapes.tensor(self._where(), "y_true", y_true)

    def _bare_call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Without weights and masks."""
        values = self.call(y_true, y_pred)
        kept = self.kept(y_true, y_pred)
        return self._reduce(values, None, None if kept is None else self._line_up(kept, values, "mask"))

    def _weighted_call(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor:
        """With weights, a mask, or both: what they shut out is replaced before the formula sees it."""
        kept = self.kept(y_true, y_pred)
        if weight is not None:
            weight = framework.ranked(weight, lambda: len(self.call(y_true, y_pred).shape))
        y_true, y_pred = self._without_absent(y_true, y_pred, weight, mask)
        values = self.call(y_true, y_pred)
        weight = None if weight is None else ops.cast(weight, numerics.dtype_of(values))
        weight = self._line_up(weight, values, "sample_weight")
        mask, kept = self._line_up(mask, values, "mask"), self._line_up(kept, values, "mask")
        return self._reduce(values, weight, _both(mask, kept))

    def _without_absent(
        self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Stand-ins in the place of what is masked or has weight 0."""
        options = self._options()
        shut_out = [ops.logical_not(mask)] if mask is not None else []
        shut_out += [ops.equal(weight, 0)] if weight is not None else []
        for out in shut_out:
            y_pred = self._replace(y_pred, out, lambda x: self.inputs.prediction_domain(options, x).stand_in)
            y_true = self._replace(y_true, out, lambda _: self.inputs.targets.stand_in)
        return y_true, y_pred

    def _replace(self, x: Tensor, out: Tensor, stand_in: Any) -> Tensor:
        if isinstance(x, (dict, list, tuple)):
            return tree.map_structure(lambda leaf: self._replace(leaf, out, stand_in), x)
        axis = getattr(self, "axis", None)
        value = ops.zeros_like(x) if shapes.is_integer(x) else numerics.constant(stand_in(x), x)
        return reduce.replaced(x, out, value, axis if isinstance(axis, int) else None)

    def _reduce(self, values: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor:
        return reduce.reduced(self.reduction, values, weight, mask)

    def _line_up(self, weight: Tensor | None, values: Tensor, what: str) -> Tensor | None:
        return None if weight is None else reduce.line_up(self._where(), what, weight, values)


_evaluated = framework.one_call(Loss._evaluate)


def is_nested(y_pred: Any) -> bool:
    """Several tensors; a list of numbers is one."""
    return isinstance(y_pred, (dict, list, tuple)) and any(hasattr(x, "shape") for x in tree.flatten(y_pred))


def _both(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """True where both are; None is true everywhere."""
    return b if a is None else a if b is None else ops.logical_and(a, b)


class SetLoss(Loss, abstract=True, kw_only=True):
    """Base of losses over a whole batch: the value of one sample depends on the others.

    A subclass's `call` gets, beside targets and predictions, which samples are present: None (all of them) or a boolean
    (B,). Samples that are masked or have weight 0 are absent: they hold harmless stand-ins, and the formula must leave
    them out as anchor, positive, negative and in every count. The loss of a batch with absent samples is that of the
    batch without them, in value and gradient and under every reduction.

    `call` returns one value an anchor, 0 for absent ones, whose mean over the samples that are present is the loss;
    weights multiply them. Or a scalar for the set, which takes masks and no other weights. On many devices it gets the
    batch of all of them, and each keeps the values of its own anchors.

    >>> from keras import ops
    >>> class Spread(polyloss.SetLoss):
    ...     def call(self, y_true, y_pred, present=None):
    ...         there = ops.ones_like(y_pred[:, :1]) if present is None else ops.cast(present[:, None], y_pred.dtype)
    ...         centre = ops.sum(y_pred * there, axis=0) / ops.sum(there)
    ...         return -ops.sum(there * ops.square(y_pred - centre), axis=-1)
    >>> float(Spread()(np.zeros(3), np.array([[0.0], [2.0], [9.0]]), sample_weight=np.array([1.0, 1.0, 0.0])))
    -1.0
    """

    def call(self, y_true: Tensor, y_pred: Tensor, present: Tensor | None = None) -> Tensor:
        """One value an anchor, or a scalar for the set."""
        return self._formula(y_true, y_pred, present=present, **self._options())

    def _of_all(self, y_true: Tensor, y_pred: Tensor, present: Tensor | None) -> Tensor:
        """The values of the anchors here, among the samples of all replicas."""
        if replica.engine() is None:
            return self.call(y_true, y_pred, present)
        everywhere, first = replica.gather_replicas(y_pred)
        targets = replica.gather_replicas(y_true)[0]
        there = None if present is None else replica.gather_replicas(present)[0]
        values = self.call(targets, everywhere, there)
        return ops.slice(values, (first,), (ops.shape(y_pred)[0],)) if len(values.shape) else values

    def _reduce(self, values: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor:
        return reduce.reduced(self.reduction, values, weight, mask, whole=not len(values.shape))

    def _bare_call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self._reduce(self._of_all(y_true, y_pred, None), None, None)

    def _weighted_call(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor:
        where = self._where()
        samples = y_pred[:, 0] if len(y_pred.shape) > 1 else y_pred
        while len(samples.shape) > 1:
            samples = samples[:, 0]
        if weight is not None:
            weight = framework.ranked(weight, lambda: 1)
        mask, weight = self._line_up(mask, samples, "mask"), self._line_up(weight, samples, "sample_weight")
        weighs = None if weight is None else ops.not_equal(weight, 0)
        present = _both(mask, weighs)
        y_true, y_pred = self._without_absent(y_true, y_pred, None, present)
        values = self._of_all(y_true, y_pred, present)
        if not len(values.shape):
            if weight is not None:
                raise ValueError(
                    f"{where}: sample_weight must be None, because the loss is one number for the whole batch; a mask "
                    f"leaves samples out. Got sample_weight.shape={tuple(weight.shape)}."
                )
            return self._reduce(values, None, None)
        weight = None if weight is None else ops.cast(weight, numerics.dtype_of(values))
        return self._reduce(values, weight, present)
