"""Values and gradients against the referee, in float32 and float64."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from tests.case import Case, Parameters
from tests.checks.numbers import measured
from tests.evidence import Evidence, budget
from tests.oracle import distance

needs_gradients = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") == "numpy", reason="NumPy has no gradients: values only"
)


def verify(entry: dict[str, Any]) -> None:
    assert entry["ratio"] <= 1, f"{entry['ratio']:.3g} times the budget, {entry['ulp']:.3g} ulp: {entry}"


def check_value(
    case: Case, parameters: Parameters, dtype: str, backend: Any, evidence: Evidence, function: Any = None
) -> None:
    inputs, values, _, exact = measured(case, parameters, dtype, backend, function)
    error = distance(values, *exact.value, dtype)
    allowed = budget(exact.value[0], exact.value_sensitivity, dtype, case.floor, case.terms)
    verify(evidence.error(case, parameters, dtype, "value", error, exact.value[0], allowed, inputs))


def check_gradient(
    case: Case, parameters: Parameters, dtype: str, backend: Any, evidence: Evidence, function: Any = None
) -> None:
    inputs, values, gradient, exact = measured(case, parameters, dtype, backend, function)
    error = distance(gradient, *exact.gradient, dtype)
    allowed = budget(exact.gradient[0], exact.gradient_sensitivity, dtype, case.floor, case.terms)
    verify(evidence.error(case, parameters, dtype, "gradient", error, exact.gradient[0], allowed, inputs))
    if dtype == "float32":  # what `agreement` compares between backends
        name = f"{case.name}|{parameters}"
        evidence.results |= {f"{name}|value": values, f"{name}|gradient": gradient}
        y, p = inputs
        evidence.results |= {f"{name}|y_true": np.asarray(y), f"{name}|y_pred": np.asarray(p)}


def test_value(case: Case, parameters: Parameters, dtype: str, backend: Any, evidence: Evidence) -> None:
    check_value(case, parameters, dtype, backend, evidence)


@needs_gradients
def test_gradient(case: Case, parameters: Parameters, dtype: str, backend: Any, evidence: Evidence) -> None:
    check_gradient(case, parameters, dtype, backend, evidence)
