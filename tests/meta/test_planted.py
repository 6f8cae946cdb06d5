"""The tests of the tests: faults are planted, and the check that should see one must fail."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import polyloss
from tests import draws
from tests.case import Case, Corner, Law
from tests.cases import CASES
from tests.checks.test_accuracy import check_gradient, check_value
from tests.checks.test_classes import check_copies
from tests.checks.test_compiled import check_compiled
from tests.checks.test_corners import check_corner
from tests.checks.test_halves import check_halves
from tests.checks.test_laws import check_law
from tests.checks.test_native import compare
from tests.checks.test_refusals import check_refusal
from tests.checks.test_training import test_fit_lowers_the_loss as check_fit
from tests.checks.test_weights import check_bad_target, check_mask, check_weights
from tests.evidence import Evidence

BY_NAME = {case.name: case for case in CASES}
needs_gradients = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") == "numpy", reason="NumPy has no gradients and compiles nothing"
)


# -- faults of a function -------------------------------------------------------------------------

Fault = Callable[[Any, Any, dict[str, Any], Callable[..., Any]], Any]


def value_off(y: Any, p: Any, parameters: Any, f: Any) -> Any:
    """Every value 0.01 % too large."""
    return f(y, p, **parameters) * (1 + 1e-4)


def value_shifted(y: Any, p: Any, parameters: Any, f: Any) -> Any:
    """Every value 2e-6 too large."""
    return f(y, p, **parameters) + 2e-6


def rounded_to_bfloat16(y: Any, p: Any, parameters: Any, f: Any) -> Any:
    """Computed from predictions rounded to bfloat16."""
    return f(y, ops.cast(ops.cast(p, "bfloat16"), p.dtype), **parameters)


def gradient_off(y: Any, p: Any, parameters: Any, f: Any) -> Any:
    """Right values, every gradient 0.1 % too large."""
    values = f(y, p, **parameters)
    return values + 1e-3 * (values - ops.stop_gradient(values))


def gradient_killed(y: Any, p: Any, parameters: Any, f: Any) -> Any:
    """Right values, the gradient cut where the prediction is beyond 15, as a clip does."""
    beyond = ops.abs(p) > 0.9 * ops.max(ops.abs(p))
    return f(y, ops.where(beyond, ops.stop_gradient(p), p), **parameters)


def nan_hidden(y: Any, p: Any, parameters: Any, f: Any) -> Any:
    """NaN predictions taken for 0."""
    return f(y, ops.where(ops.isnan(p), ops.zeros_like(p), p), **parameters)


def planted(case: Case, fault: Fault) -> Callable[..., Any]:
    def function(y: Any, p: Any, **parameters: Any) -> Any:
        return fault(y, p, parameters, case.function)

    return function


@pytest.mark.parametrize("fault", [value_off, value_shifted, rounded_to_bfloat16])
def test_value_check(case: Case, fault: Fault, backend: Any, caught: Any) -> None:
    caught(lambda: check_value(case, case.variants[0], "float32", backend, Evidence("x"), planted(case, fault)))


@needs_gradients
@pytest.mark.parametrize("fault", [gradient_off, gradient_killed])
def test_gradient_check(case: Case, fault: Fault, backend: Any, caught: Any) -> None:
    caught(lambda: check_gradient(case, case.variants[0], "float32", backend, Evidence("x"), planted(case, fault)))


@needs_gradients
def test_compiled_check(case: Case, backend: Any, caught: Any) -> None:
    caught(lambda: check_compiled(case, backend.COMPILED[0], backend, planted(case, value_off)))


def test_corner_check(case: Case, backend: Any, caught: Any) -> None:
    def check() -> None:
        for corner in case.corners:
            check_corner(case, corner, backend, planted(case, nan_hidden))

    caught(check)


def test_half_check(case: Case, half: str, backend: Any, caught: Any) -> None:
    caught(lambda: check_halves(case, half, backend, Evidence("x"), planted(case, in_half(half))))


def in_half(half: str) -> Fault:
    def fault(y: Any, p: Any, parameters: Any, f: Any) -> Any:
        """The result rounded to half twice, one step off."""
        values = f(y, p, **parameters)
        return values * (1 + 4 * float(2.0**-10 if half == "float16" else 2.0**-7))

    return fault


def swapped_alpha(y: Any, p: Any, **parameters: Any) -> Any:
    alpha = parameters.pop("alpha", 0.25)
    return polyloss.focal_loss(y, p, alpha=1 - alpha, **parameters)


def alpha_for_all(y: Any, p: Any, **parameters: Any) -> Any:
    """The sample code of the problem set: alpha multiplies every term alike."""
    return 0.25 * polyloss.focal_loss(y, p, **{**parameters, "alpha": None})


def no_smoothing(y: Any, p: Any, **parameters: Any) -> Any:
    return polyloss.categorical_crossentropy(y, p, **{**parameters, "label_smoothing": 0.0})


def clipped_logits(y: Any, p: Any, **parameters: Any) -> Any:
    return polyloss.binary_crossentropy(y, ops.clip(p, -15.0, 15.0), **parameters)


def paper_labels(y: Any, p: Any, **parameters: Any) -> Any:
    """1 for different, as in Hadsell's paper."""
    return polyloss.contrastive_loss(1 - y, p, **parameters)


def keras_focal(y: Any, p: Any, **parameters: Any) -> Any:
    """Keras's own: sigmoid, then clip."""
    return keras.losses.binary_focal_crossentropy(
        ops.expand_dims(y, -1), ops.expand_dims(p, -1), apply_class_balancing=True, from_logits=True
    )


@pytest.mark.parametrize(
    ("name", "variant", "function"),
    [
        ("FocalLoss", 0, swapped_alpha),
        ("FocalLoss", 0, alpha_for_all),
        ("CategoricalCrossentropy", 2, no_smoothing),
        ("BinaryCrossentropy", 0, clipped_logits),
        ("ContrastiveLoss", 0, paper_labels),
    ],
)
def test_wrong_formula(name: str, variant: int, function: Any, backend: Any, caught: Any) -> None:
    case = BY_NAME[name]
    caught(lambda: check_value(case, case.variants[variant], "float32", backend, Evidence("x"), function))


@needs_gradients
def test_keras_focal_gradient(backend: Any, caught: Any) -> None:
    """The clip in Keras's focal loss kills the gradient of a saturated logit (TensorFlow unwraps the sigmoid)."""
    case = BY_NAME["FocalLoss"]
    if os.environ["KERAS_BACKEND"] == "tensorflow":
        corner = Corner({"from_logits": True}, [1.0], [20.0], [6.6e-27], [-1e-26])
        caught(lambda: check_corner(case, corner, backend, keras_focal))
        return
    caught(lambda: check_gradient(case, case.variants[0], "float32", backend, Evidence("x"), keras_focal))


def silent_labels(y: Any, p: Any, **parameters: Any) -> Any:
    """Labels out of range taken for the last class."""
    return polyloss.sparse_categorical_crossentropy(ops.clip(y, 0, p.shape[-1] - 1), p, **parameters)


def labels_through_bfloat16(y: Any, p: Any, **parameters: Any) -> Any:
    return polyloss.sparse_categorical_crossentropy(ops.cast(ops.cast(y, "bfloat16"), "int32"), p, **parameters)


def test_silent_labels(backend: Any, caught: Any) -> None:
    case = BY_NAME["SparseCategoricalCrossentropy"]
    out_of_range = Corner({"from_logits": True}, 3, [1.0, 2.0, 3.0], [np.nan], labels="int32")
    caught(lambda: check_corner(case, out_of_range, backend, silent_labels))


def test_labels_through_a_float(backend: Any, caught: Any) -> None:
    case = BY_NAME["SparseCategoricalCrossentropy"]
    row = [0.0] * 300
    row[257] = 20.0
    corner = Corner({"from_logits": True}, 257, row, [299 * np.exp(-20.0)], labels="int32")
    caught(lambda: check_corner(case, corner, backend, labels_through_bfloat16))


# -- faults of refusals, laws, baselines ----------------------------------------------------------


def accepts_anything(y: Any, p: Any, **parameters: Any) -> Any:
    return 0.0


def another_sentence(y: Any, p: Any, **parameters: Any) -> Any:
    raise ValueError("bad input")


@pytest.mark.parametrize("function", [accepts_anything, another_sentence])
def test_refusal_check(case: Case, function: Any, backend: Any, caught: Any) -> None:
    for refusal in (r for r in case.refusals if r.error is ValueError):
        caught(lambda refusal=refusal: check_refusal(case, refusal, backend, function))


def test_law_check(backend: Any, caught: Any) -> None:
    def statement(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
        return polyloss.focal_loss(y, x, alpha=0.1, from_logits=True), polyloss.focal_loss(
            y, x, alpha=0.9, from_logits=True
        )

    law = Law("alpha does not matter", draws.yes_no_logits, statement)
    caught(lambda: check_law(BY_NAME["FocalLoss"], law, backend))


def test_native_check(case: Case, backend: Any, caught: Any) -> None:
    caught(lambda: compare(case, planted(case, value_off), backend))


# -- faults of a class ----------------------------------------------------------------------------


def faulty(case: Case, **members: Any) -> Any:
    """The class of the case with members replaced."""
    Faulty = type("Faulty", (case.loss,), {"__module__": __name__, "__qualname__": "Faulty", **members})
    globals()["Faulty"] = Faulty  # so that it can be pickled
    return Faulty


def drops_weights(case: Case) -> Any:
    return faulty(case, __call__=lambda self, y, p, sample_weight=None: case.loss.__call__(self, y, p))


def where_on_the_result_alone(case: Case) -> Any:
    return faulty(case, _replace=lambda self, x, out, domain: x)


def divides_by_the_weights(case: Case) -> Any:
    def reduce(self: Any, values: Any, weight: Any, mask: Any) -> Any:
        if weight is not None and self.reduction == "sum_over_batch_size":
            return ops.sum(values * weight) / ops.sum(weight)
        return case.loss._reduce(self, values, weight, mask)

    return faulty(case, _reduce=reduce)


def squares_weights(case: Case) -> Any:
    def reduce(self: Any, values: Any, weight: Any, mask: Any) -> Any:
        return case.loss._reduce(self, values, None if weight is None else weight * weight, mask)

    return faulty(case, _reduce=reduce)


def masked_stay_in_the_mean(case: Case) -> Any:
    def reduce(self: Any, values: Any, weight: Any, mask: Any) -> Any:
        if mask is not None:
            values = ops.where(self._line_up(mask, values, "mask"), values, 0.0)
        return case.loss._reduce(self, values, weight, None)

    return faulty(case, _reduce=reduce)


@pytest.mark.parametrize("fault", [drops_weights, divides_by_the_weights, squares_weights])
def test_weights_check(case: Case, fault: Any, backend: Any, caught: Any) -> None:
    caught(lambda: check_weights(case, backend, fault(case)))


@needs_gradients
def test_shut_out_check(case: Case, backend: Any, caught: Any) -> None:
    if case.name == "MeanAbsoluteError":
        pytest.skip("its gradient is a sign, which torch makes 0 of NaN: the fault does no harm there")
    caught(lambda: check_weights(case, backend, where_on_the_result_alone(case)))


@needs_gradients
def test_bad_target_check(case: Case, backend: Any, caught: Any) -> None:
    if np.issubdtype(case.batch(case.example)[0].dtype, np.integer) and case.name != "ContrastiveLoss":
        keeps = faulty(case, __call__=lambda self, y, p, sample_weight=None: case.loss.__call__(self, y, p))
        caught(lambda: check_bad_target(case, backend, keeps))
        return
    caught(lambda: check_bad_target(case, backend, drops_weights(case)))


@needs_gradients
def test_mask_check(case: Case, backend: Any, caught: Any) -> None:
    caught(lambda: check_mask(case, backend, masked_stay_in_the_mean(case)))


def test_copies_check(case: Case, caught: Any, tmp_path: pathlib.Path) -> None:
    def forgets_dtype(self: Any) -> dict[str, Any]:
        config = case.loss.get_config(self)
        config["dtype"] = None
        return config

    broken = dataclasses.replace(case, loss=faulty(case, get_config=forgets_dtype))
    caught(lambda: check_copies(broken, case.example, tmp_path))


@needs_gradients
def test_fit_check(case: Case, caught: Any) -> None:
    """A loss whose gradient points the wrong way."""

    def call(self: Any, y: Any, p: Any) -> Any:
        values = case.loss.call(self, y, p)
        return 2 * ops.stop_gradient(values) - values

    caught(lambda: check_fit(dataclasses.replace(case, loss=faulty(case, call=call))))
