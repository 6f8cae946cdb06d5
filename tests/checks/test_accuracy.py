"""Values and gradients against the referee, in float32 and float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.case import Case, Parameters
from tests.checks.numbers import measured_once
from tests.evidence import Evidence, budget
from tests.oracle import distance


def verify(entry: dict[str, Any]) -> None:
    assert entry["ratio"] <= 1, f"{entry['ratio']:.3g} times the budget, {entry['ulp']:.3g} ulp: {entry}"


def test_value(case: Case, parameters: Parameters, dtype: str, backend: Any, evidence: Evidence) -> None:
    inputs, values, _, exact = measured_once(case, parameters, dtype, backend)
    error = distance(values, *exact.value, dtype)
    allowed = budget(exact.value[0], exact.value_sensitivity, dtype, case.floors(parameters)[0], case.terms)
    verify(evidence.error(case, parameters, dtype, "value", error, exact.value[0], allowed, inputs))


@pytest.mark.gradients
def test_gradient(case: Case, parameters: Parameters, dtype: str, backend: Any, evidence: Evidence) -> None:
    inputs, values, gradient, exact = measured_once(case, parameters, dtype, backend)
    error = distance(gradient, *exact.gradient, dtype)
    allowed = budget(exact.gradient[0], exact.gradient_sensitivity, dtype, case.floors(parameters)[1], case.terms)
    verify(evidence.error(case, parameters, dtype, "gradient", error, exact.gradient[0], allowed, inputs))
    if dtype == "float32":  # what `agreement` compares between backends
        name = f"{case.name}|{parameters}"
        evidence.results |= {f"{name}|value": values, f"{name}|gradient": gradient}
        y, p = inputs
        evidence.results |= {f"{name}|y_true": np.asarray(y), f"{name}|y_pred": np.asarray(p)}
