"""Against the losses of Keras and of the framework on ordinary inputs; their errors on the inputs of `test_accuracy`."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import keras
import numpy as np
import pytest

from backends import keras_baselines
from tests.case import Case, Parameters
from tests.checks.numbers import measured
from tests.evidence import Evidence, budget
from tests.oracle import distance

pytestmark = pytest.mark.gradients
HERE = f"backends.{keras.backend.backend()}"
NATIVE: Any = importlib.import_module(f"{HERE}.native") if importlib.util.find_spec(f"{HERE}.native") else None
BASELINES: dict[str, Any] = NATIVE.BASELINES if NATIVE else {}
"""Of the framework's own losses; what computes on arrays alone has none."""


def compare(case: Case, baseline: Any, backend: Any) -> int:
    """How many parameter sets the baseline could express; all must agree."""
    agreed = 0
    for parameters in case.variants:
        if any(isinstance(v, tuple) and len(v) == 2 for v in parameters.values()):
            continue  # two classes; the batch has three
        y, p = (backend.tensor(a) for a in case.batch(parameters))
        try:
            theirs = backend.as_used(lambda x, y=y, p=parameters: baseline(y, x, **p))(p)
        except NotImplementedError:
            continue  # it says which parameter it lacks
        ours = backend.as_used(lambda x, y=y, p=parameters: case.function(y, x, **p))(p)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine.reshape(-1), other.reshape(-1), rtol=2e-5, atol=1e-6)
        agreed += 1
    return agreed


@pytest.mark.cases(only=lambda case: case.name in BASELINES)
def test_native(case: Case, backend: Any) -> None:
    """optax, tf.nn, torch.nn.functional."""
    assert compare(case, BASELINES[case.name], backend) > 0


@pytest.mark.cases(only=lambda case: case.name in keras_baselines.BASELINES)
def test_keras(case: Case, backend: Any) -> None:
    """Keras's own loss of the same name or nearest to it."""
    assert compare(case, keras_baselines.BASELINES[case.name], backend) > 0


@pytest.mark.recording
@pytest.mark.cases(only=lambda case: case.name in keras_baselines.BASELINES)
def test_keras_accuracy(case: Case, parameters: Parameters, backend: Any, evidence: Evidence) -> None:
    """Keras's worst error on the same inputs goes into the table beside ours."""
    measure_other("keras", keras_baselines, case, parameters, backend, evidence)


@pytest.mark.recording
@pytest.mark.cases(only=lambda case: case.name in BASELINES)
def test_native_accuracy(case: Case, parameters: Parameters, backend: Any, evidence: Evidence) -> None:
    """So does that of the framework's own library."""
    measure_other(NATIVE.LIBRARY, NATIVE, case, parameters, backend, evidence)


def measure_other(
    provider: str, baselines: Any, case: Case, parameters: Parameters, backend: Any, evidence: Evidence
) -> None:
    """Measured as ours is, and held to nothing."""
    baseline = case.over(baselines.BASELINES[case.name])
    try:
        inputs, values, gradient, exact = measured(case, parameters, "float32", backend, baseline)
    except NotImplementedError:
        return  # it says which parameter it lacks; counted in the tests above
    by_value, by_gradient = case.floors(parameters)
    for quantity, got, truth, sensitivity, floor in (
        ("value", values, exact.value, exact.value_sensitivity, by_value),
        ("gradient", gradient, exact.gradient, exact.gradient_sensitivity, by_gradient),
    ):
        error = distance(got, *truth, "float32")
        allowed = budget(truth[0], sensitivity, "float32", floor, case.terms)
        evidence.error(case, parameters, "float32", quantity, error, truth[0], allowed, inputs, provider=provider)
