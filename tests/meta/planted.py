"""The faults that are planted: every template of `tests/checks` names here what it must catch.

A template is a test function that takes `case`. A fault makes a case faulty: its function, its class or what it claims.
`tests/meta/test_planted.py` runs the template over the faulty case, and it must fail; a template without a fault
fails there too. A new template gets an entry in `PLANTED`.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

import polyloss
from polyloss.core.function import declaration
from polyloss.core.kinds.domains import Domain
from tests.case import Case, Corner, Law, supervised
from tests.checks.test_classes import numbers_of

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Faulty(Case):
    """A case whose function is another one."""

    right: Case
    wrong: Callable[[Function], Function]

    @property
    def function(self) -> Function:
        return self.wrong(self.right.function)

    @property
    def plain(self) -> Function:
        return self.wrong(self.right.plain)


def with_function(case: Case, wrong: Callable[[Function], Function]) -> Case:
    """The case with another function in the place of its own."""
    return Faulty(**{f.name: getattr(case, f.name) for f in dataclasses.fields(case)}, right=case, wrong=wrong)


LEVELS = ("loss", "kind", "fault")
"""What a fault is planted in: from each loss to one for the fault."""


@dataclass(frozen=True)
class Fault:
    """What is wrong, in words; how a case becomes so; and which cases can have it.

    Attributes:
        name: What is wrong.
        plant: The faulty case.
        on: Names of cases; None: all that the template runs over.
        every: What it is planted in at most, one of `LEVELS`: one case of every "kind" of input is enough where the template
            is slow, or the fault the same everywhere; one case for the "fault" where the template compiles, and its sister
            that does not is tried with all of them.
        only: Which cases can have it at all.
        corners: Corners to see it at, in the place of the case's.
        gradients: Whether it does harm to gradients alone.
        raises: What the template fails with: an assertion, or the error that the faulty case raises in it.
    """

    name: str
    plant: Callable[[Case], Case]
    on: Sequence[str] | None = None
    every: str = "loss"
    only: Callable[[Case], bool] = lambda case: True
    corners: Sequence[Corner] = ()
    gradients: bool = False
    raises: type[Exception] = AssertionError


def in_function(wrong: Callable[..., Any], **options: Any) -> Fault:
    """A fault of the function: ``wrong(f, y, p, **parameters)`` in the place of ``f(y, p, **parameters)``."""

    def bent(f: Function) -> Function:
        return lambda *inputs, **parameters: wrong(f, *inputs, **parameters)

    return Fault(wrong.__name__, lambda case: with_function(case, bent), **options)


def in_class(name: str, members: Callable[[Case], dict[str, Any]], **options: Any) -> Fault:
    """A fault of the class: members replaced."""
    return Fault(name, lambda case: dataclasses.replace(case, loss=subclass(case, members(case))), **options)


def subclass(case: Case, members: dict[str, Any]) -> Any:
    """A class of the same name, here, so that it can be pickled."""
    name = case.loss.__name__
    made = type(name, (case.loss,), {"__module__": __name__, "__qualname__": name, **members})
    globals()[name] = made
    return made


# -- faults of a function -------------------------------------------------------------------------


def value_off(f: Function, *inputs: Any, **parameters: Any) -> Any:
    """Every value 0.01 % too large."""
    return f(*inputs, **parameters) * (1 + 1e-4)


def value_shifted(f: Function, *inputs: Any, **parameters: Any) -> Any:
    """Every value 2e-6 too large."""
    return f(*inputs, **parameters) + 2e-6


def rounded_to_bfloat16(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """Computed from predictions rounded to bfloat16."""
    return f(y, ops.cast(ops.cast(p, "bfloat16"), p.dtype), **parameters)


def gradient_off(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """Right values, every gradient 0.1 % too large."""
    values = f(y, p, **parameters)
    return values + 1e-3 * (values - ops.stop_gradient(values))


def gradient_killed(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """Right values, the gradient cut near the largest predictions, as a clip does."""
    beyond = ops.abs(p) > 0.9 * ops.max(ops.abs(p))
    return f(y, ops.where(beyond, ops.stop_gradient(p), p), **parameters)


def nan_hidden(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """NaN predictions taken for 0."""
    return f(y, ops.where(ops.isnan(p), ops.zeros_like(p), p), **parameters)


def rounded_twice(f: Function, *inputs: Any, **parameters: Any) -> Any:
    """Some ulps of bfloat16 off, as a result that was rounded on the way."""
    return f(*inputs, **parameters) * (1 + 4 * 2.0**-7)


def last_entry_lower(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """Predictions heard 0.05 lower in the last entry: another constant is the best."""
    flat = ops.reshape(p, (p.shape[0], -1))
    shift = np.zeros(flat.shape[1:], "float32")
    shift[-1] = 0.05
    return f(y, ops.reshape(flat - ops.convert_to_tensor(shift), p.shape), **parameters)


def accepts_anything(f: Function, *inputs: Any, **parameters: Any) -> Any:
    return 0.0


def another_sentence(f: Function, *inputs: Any, **parameters: Any) -> Any:
    raise ValueError("bad input")


def nan_for_nothing(f: Function, *inputs: Any, **parameters: Any) -> Any:
    """The mean of nothing."""
    return f(*inputs, **parameters) * float("nan") if 0 in inputs[0].shape else f(*inputs, **parameters)


def computed_in_half(f: Function, *inputs: Any, **parameters: Any) -> Any:
    return ops.cast(f(*inputs, **parameters), "float16")


def first_row_alone(f: Function, *inputs: Any, **parameters: Any) -> Any:
    """The mean over the first axis's first entry."""
    return f(*(x[:1] for x in inputs), **parameters)


def python_function(case: Case) -> Case:
    """The body without its face: Python's own errors."""
    return with_function(case, lambda f: getattr(declaration(f), "body", f))


def without_words(case: Case) -> Case:
    return with_function(case, lambda f: lambda *inputs, **parameters: f(*inputs, **parameters))


# -- wrong formulas of the field ------------------------------------------------------------------


def swapped_alpha(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    alpha = parameters.pop("alpha", 0.25)
    return f(y, p, alpha=1 - alpha if isinstance(alpha, float) else alpha, **parameters)


def alpha_for_all(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """The sample code of the problem set: alpha multiplies every term alike."""
    return 0.25 * f(y, p, **{**parameters, "alpha": None})


def no_smoothing(f: Function, *inputs: Any, **parameters: Any) -> Any:
    return f(*inputs, **{**parameters, "label_smoothing": 0.0})


def clipped_logits(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    return f(y, ops.clip(p, -15.0, 15.0), **parameters)


def paper_labels(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """1 for different, as in Hadsell's paper."""
    return f(1 - y, p, **parameters)


def keras_focal(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """Keras's own: sigmoid, then clip; the clip kills the gradient of a saturated logit."""
    return keras.losses.binary_focal_crossentropy(
        ops.expand_dims(y, -1), ops.expand_dims(p, -1), apply_class_balancing=True, from_logits=True
    )


def silent_labels(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """Labels out of range taken for the last class."""
    return f(ops.clip(y, 0, p.shape[-1] - 1), p, **parameters)


def labels_through_bfloat16(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    return f(ops.cast(ops.cast(y, "bfloat16"), "int32"), p, **parameters)


def log_of_probabilities(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """The sample code of the problem set: log(D(x)) of a saturated sigmoid is infinite."""
    real, fake = p[:, 0], p[:, 1]
    terms = ops.log(ops.sigmoid(real)), ops.log(1 - ops.sigmoid(fake))
    return -sum(ops.sum(t, -1) / t.shape[-1] for t in terms)


def halved(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    return 0.5 * f(y, p, **parameters)


def upside_down(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    return -f(y, p, **parameters)


def no_margin(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """max(0, -r) + max(0, f)."""
    return f(y, p + ops.convert_to_tensor(np.array([[[1.0], [-1.0]]], "float32")), **parameters)


def other_player(name: str) -> Callable[..., Any]:
    def another_loss(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
        other = getattr(polyloss, name)
        sides = ("real", "fake") if "discriminator" in name else ("fake",)
        rows = [{"real": p[i, 0], "fake": p[i, 1]} for i in range(p.shape[0])]
        return ops.stack([other(*(row[side] for side in sides)) for row in rows])

    return another_loss


def with_corner(fault: Fault, *corners: Corner) -> Fault:
    """The fault, seen at corners of its own, which are right without it."""
    return dataclasses.replace(fault, corners=corners)


FORMULAS = [
    in_function(swapped_alpha, on=["FocalLoss"]),
    in_function(alpha_for_all, on=["FocalLoss"]),
    in_function(no_smoothing, on=["CategoricalCrossentropy", "BinaryCrossentropy", "minimax_discriminator_loss"]),
    in_function(clipped_logits, on=["BinaryCrossentropy"]),
    in_function(paper_labels, on=["ContrastiveLoss"]),
    in_function(log_of_probabilities, on=["minimax_discriminator_loss"]),
    in_function(halved, on=["least_squares_discriminator_loss"]),
    in_function(upside_down, on=["wasserstein_discriminator_loss"]),
    in_function(no_margin, on=["hinge_gan_discriminator_loss"]),
    in_function(other_player("minimax_discriminator_loss"), on=["relativistic_discriminator_loss"]),
    in_function(other_player("minimax_generator_loss"), on=["non_saturating_generator_loss"]),
]

LONG = [0.0] * 300
LONG[257] = 20.0

# -- faults of a class ----------------------------------------------------------------------------


def drops_weights(case: Case) -> dict[str, Any]:
    return {"__call__": lambda self, y, p, sample_weight=None: case.loss.__call__(self, y, p)}


def replaces_nothing(case: Case) -> dict[str, Any]:
    """`where` on the result alone, which lets NaN into the gradient."""
    return {"_replace": lambda self, x, out, domain: x}


def divides_by_the_weights(case: Case) -> dict[str, Any]:
    def reduce(self: Any, values: Any, weight: Any, mask: Any) -> Any:
        if weight is not None and self.reduction == "sum_over_batch_size":
            return ops.sum(values * weight) / ops.sum(weight)
        return case.loss._reduce(self, values, weight, mask)

    return {"_reduce": reduce}


def squares_weights(case: Case) -> dict[str, Any]:
    def reduce(self: Any, values: Any, weight: Any, mask: Any) -> Any:
        return case.loss._reduce(self, values, None if weight is None else weight * weight, mask)

    return {"_reduce": reduce}


def masked_stay_in_the_mean(case: Case) -> dict[str, Any]:
    def reduce(self: Any, values: Any, weight: Any, mask: Any) -> Any:
        if mask is not None:
            values = ops.where(self._line_up(mask, values, "mask"), values, 0.0)
        return case.loss._reduce(self, values, weight, None)

    return {"_reduce": reduce}


def takes_any_weight(case: Case) -> dict[str, Any]:
    return {"_line_up": lambda self, weight, values, what: None}


def forgets_dtype(case: Case) -> dict[str, Any]:
    return {"get_config": lambda self: {**case.loss.get_config(self), "dtype": None}}


def uphill(case: Case) -> dict[str, Any]:
    """A gradient that points the wrong way."""

    def call(self: Any, *inputs: Any, **present: Any) -> Any:
        values = case.loss.call(self, *inputs, **present)
        return 2 * ops.stop_gradient(values) - values

    return {"call": call}


def values_off(case: Case) -> dict[str, Any]:
    """The class gives 0.01 % more than its function."""
    names = ["call"] if supervised(case) else ["call_discriminator", "call_generator"]

    def off(name: str) -> Function:
        return lambda self, *inputs: getattr(case.loss, name)(self, *inputs) * (1 + 1e-4)

    return {name: off(name) for name in names}


def values_in_half(case: Case) -> dict[str, Any]:
    names = ["call"] if supervised(case) else ["call_discriminator", "call_generator"]

    def half(name: str) -> Function:
        return lambda self, *inputs: ops.cast(getattr(case.loss, name)(self, *inputs), "float16")

    return {name: half(name) for name in names}


def another_default(case: Case) -> dict[str, Any]:
    """A field that the function does not have."""
    return {"__annotations__": {"another": float}, "another": 1.0}


def keeps_arrays(case: Case) -> dict[str, Any]:
    names = {name for name, _ in numbers_of(case)}

    def keep(self: Any, name: str) -> Any:
        value = object.__getattribute__(self, name)
        return [*value] if name in names and isinstance(value, tuple) else np.float64(value) if name in names else value

    return {"__getattribute__": keep}


def another_name(case: Case) -> dict[str, Any]:
    return {"name": "another"}


def says_nothing(case: Case) -> dict[str, Any]:
    """Takes whatever it is given."""
    return {"__init__": lambda self, *args, **kwargs: None}


class Anything(Domain):
    def faults(self, x: Any, options: Any, y_pred: Any) -> Any:
        return iter(())


class Nothing(Domain):
    def faults(self, x: Any, options: Any, y_pred: Any) -> Any:
        yield np.ones(np.shape(x), bool), "must not be", x


def with_domain(domain: Domain) -> Callable[[Case], dict[str, Any]]:
    def members(case: Case) -> dict[str, Any]:
        kind = copy.copy(case.kind)
        kind.prediction_domain = lambda options, y_pred: domain  # type: ignore[method-assign]
        return {"inputs": kind}

    return members


def concrete(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """A number in the place of a symbolic tensor."""
    return 0.0


def mean_of_nothing(case: Case) -> dict[str, Any]:
    def call(self: Any, y: Any, p: Any, sample_weight: Any = None) -> Any:
        return case.loss.__call__(self, y, p, sample_weight) / p.shape[0] if p.shape[0] else ops.sum(p) / 0.0

    return {"__call__": call}


# -- faults of what is claimed --------------------------------------------------------------------


def laws_bent(case: Case) -> Case:
    """One side of every law 1 % and 0.01 too large."""

    def bent(law: Law) -> Law:
        def statement(*drawn: Any) -> tuple[Any, Any]:
            left, right = law.statement(*drawn)
            return left * 1.01 + 0.01, right

        return dataclasses.replace(law, statement=statement)

    return dataclasses.replace(case, laws=[bent(law) for law in case.laws])


# -- the registry ---------------------------------------------------------------------------------

LOGITS = {"from_logits": True}

# -- faults of sets -------------------------------------------------------------------------------


def in_call(name: str, wrong: Callable[..., Any], **options: Any) -> Fault:
    """A fault of a set loss: ``wrong(call, y, p, present)`` in the place of its `call`."""

    def members(case: Case) -> dict[str, Any]:
        right = case.loss.call
        return {"call": lambda self, y, p, *there: wrong(lambda *given: right(self, *given), y, p, *there)}

    return in_class(name, members, **options)


def absent_counted(case: Case) -> dict[str, Any]:
    """The mean divides by all rows."""
    return {"_reduce": lambda self, values, weight, mask: polyloss.Loss._reduce(self, values, weight, None)}


def without_anchor_weights(case: Case) -> dict[str, Any]:
    return {"_reduce": lambda self, values, weight, mask: polyloss.Loss._reduce(self, values, None, mask)}


def nothing_over_nothing(call: Function, y: Any, p: Any, *there: Any) -> Any:
    """Values shared out by their own sum: 0 / 0 where there is nothing to learn."""
    values = call(y, p, *there)
    total = ops.sum(values)
    return values * (total / total)


def all_present(f: Function, y: Any, p: Any, **parameters: Any) -> Any:
    """Stand-ins as samples."""
    return f(y, p, **{**parameters, "present": None})


def a_whole_batch(case: Case) -> bool:
    return case.kind.whole_batch


STAND_INS = in_call("stand_ins_as_samples", lambda call, y, p, *there: call(y, p))
COUNTED = in_class("absent_counted", absent_counted, only=a_whole_batch)
FIRST_ROW = in_call("first_row_heard_twice", lambda call, y, p, *there: call(y, p, *there) + ops.sum(p[0]))
NO_UNION = in_call("nothing_over_nothing", nothing_over_nothing, only=a_whole_batch)


PLANTED: dict[str, list[Fault]] = {
    "test_sets.test_absent_rows": [STAND_INS, COUNTED],
    "test_sets.test_absent_rows_compiled": [replace(STAND_INS, every="fault")],
    "test_sets.test_order_of_rows": [FIRST_ROW],
    "test_sets.test_poor_batches": [NO_UNION],
    "test_sets.test_weights_of_anchors": [in_class("without_anchor_weights", without_anchor_weights)],
    "test_sets.test_present": [in_function(all_present)],
    "test_accuracy.test_value": [
        in_function(value_off),
        in_function(value_shifted, only=supervised),
        in_function(rounded_to_bfloat16),
        *FORMULAS,
    ],
    "test_accuracy.test_gradient": [
        in_function(gradient_off),
        in_function(gradient_killed),
    ],
    "test_transforms.test_transform": [in_function(gradient_off, every="fault")],
    "test_transforms.test_gradient_of_each_sample": [in_function(gradient_off, every="kind")],
    "test_compiled.test_compiled": [in_function(value_off, every="fault")],
    "test_corners.test_corner": [
        in_function(nan_hidden),
        with_corner(
            in_function(silent_labels, on=["SparseCategoricalCrossentropy"]),
            Corner(LOGITS, 3, [1.0, 2.0, 3.0], [np.nan], labels="int32"),
        ),
        with_corner(
            in_function(labels_through_bfloat16, on=["SparseCategoricalCrossentropy"]),
            Corner(LOGITS, 257, LONG, [299 * np.exp(-20.0)], labels="int32"),
        ),
        with_corner(
            in_function(keras_focal, on=["FocalLoss"]),
            Corner(LOGITS, [1.0], [20.0], [2.1891276793938085e-27], [-6.567383026901103e-27]),
        ),
    ],
    "test_corners.test_corners_compiled": [in_function(nan_hidden, every="fault")],
    "test_halves.test_halves": [in_function(rounded_twice)],
    "test_laws.test_law": [Fault("laws_bent", laws_bent)],
    "test_minimisers.test_minimiser": [in_function(last_entry_lower)],
    "test_native.test_native": [in_function(value_off)],
    "test_native.test_keras": [in_function(value_off)],
    "test_refusals.test_refusal": [in_function(accepts_anything), in_function(another_sentence, raises=ValueError)],
    "test_refusals.test_wrong_calls": [Fault("python_function", python_function), in_function(accepts_anything)],
    "test_refusals.test_scalars": [in_function(another_sentence)],
    "test_refusals.test_class_refuses": [in_class("says_nothing", says_nothing, every="kind")],
    "test_refusals.test_positions": [in_class("says_nothing", says_nothing, every="kind")],
    "test_refusals.test_validate_accepts": [in_class("refuses_all", with_domain(Nothing()), raises=ValueError)],
    "test_refusals.test_validate_names_the_first_fault": [in_class("accepts_all", with_domain(Anything()))],
    "test_refusals.test_empty_batch": [
        in_function(nan_for_nothing, only=lambda case: not supervised(case)),
        in_class("mean_of_nothing", mean_of_nothing, only=supervised),
    ],
    "test_weights.test_weights": [
        in_class("drops_weights", drops_weights),
        in_class("divides_by_the_weights", divides_by_the_weights),
        in_class("squares_weights", squares_weights),
        in_class(
            "replaces_nothing", replaces_nothing, only=lambda case: case.name != "MeanAbsoluteError", gradients=True
        ),
    ],
    "test_weights.test_bad_target_of_weight_zero": [
        in_class("drops_weights", drops_weights, only=lambda case: case.name != "NTXentLoss"),  # no targets to speak of
    ],
    "test_weights.test_mask": [in_class("masked_stay_in_the_mean", masked_stay_in_the_mean)],
    "test_weights.test_weights_too_fine": [
        in_class("takes_any_weight", takes_any_weight, on=["MeanSquaredError", "FocalLoss", "PolyLoss"]),
    ],
    "test_classes.test_fields_are_the_parameters": [in_class("another_default", another_default)],
    "test_classes.test_function_and_class_agree": [in_class("values_off", values_off)],
    "test_classes.test_copies": [in_class("forgets_dtype", forgets_dtype, every="kind")],
    "test_classes.test_arrays_become_plain": [in_class("keeps_arrays", keeps_arrays)],
    "test_classes.test_name": [in_class("another_name", another_name)],
    "test_classes.test_half_precision_predictions": [in_class("values_in_half", values_in_half)],
    "test_docs.test_loss_has_an_example": [Fault("without_words", without_words)],
    "test_training.test_fit_lowers_the_loss": [in_class("uphill", uphill, every="kind")],
    "test_training.test_fit_eagerly_in_mixed_precision": [in_class("uphill", uphill, every="kind")],
    "test_training.test_symbolic": [in_function(concrete)],
    "test_adversarial.test_many_halves": [in_function(computed_in_half)],
    "test_adversarial.test_maps_of_scores_and_unequal_numbers": [in_function(first_row_alone)],
}
