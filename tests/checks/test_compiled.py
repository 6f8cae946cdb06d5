"""Eager equals compiled: the same inputs as for accuracy, value and gradient."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.case import Case
from tests.checks.numbers import measured
from tests.evidence import budget
from tests.oracle import distance

pytestmark = pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == "numpy", reason="NumPy compiles nothing")


def check_compiled(case: Case, mode: str, backend: Any, function: Any = None) -> None:
    """Both are within the budget of the truth, so they are within twice the budget of each other; and the
    compiled value must itself be within the budget."""
    call = function or case.function
    for parameters in case.variants[:2]:
        run = backend.compiled(lambda y, p, parameters=parameters: call(y, p, **parameters), mode)
        _, values, gradient, exact = measured(
            case, parameters, "float32", backend, lambda y, p, run=run, **_: run(y, p)
        )
        for got, want, sensitivity in (
            (values, exact.value, exact.value_sensitivity),
            (gradient, exact.gradient, exact.gradient_sensitivity),
        ):
            error = distance(got, *want, "float32")
            allowed = budget(want[0], sensitivity, "float32", case.floor, case.terms)
            assert (error <= allowed).all(), f"{case.name} {parameters} {mode}: {(error / allowed).max():.3g} x budget"


def test_compiled(case: Case, mode: str, backend: Any) -> None:
    check_compiled(case, mode, backend)
