"""What the checks measure with."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.case import Case, Parameters
from tests.oracle import Exact, exact


def measured(case: Case, parameters: Parameters, dtype: str, backend: Any, function: Any = None) -> tuple[Any, ...]:
    """Inputs, the backend's values and gradients for them, and the exact ones."""
    y, p = case.inputs(parameters, dtype)
    call = function or case.function
    with backend.precision(dtype):
        target = backend.tensor(y)
        values, gradient = backend.value_and_grad(lambda x: call(target, x, **parameters), backend.tensor(p))
    referee: Exact = exact(case.reference, y, p, parameters)
    assert values.dtype == dtype, f"computed in {values.dtype}, not {dtype}"
    values = values.reshape(referee.value[0].shape)
    if gradient is not None:
        assert gradient.dtype == dtype, f"gradient in {gradient.dtype}, not {dtype}"
        gradient = gradient.reshape(referee.gradient[0].shape)
    return (y, p), values, gradient, referee


def close(got: Any, want: Any, ulps: float = 16, dtype: str = "float32", floor: float = 0.0) -> None:
    """Equal to within a few ulp, infinities and NaN exactly."""
    from tests.oracle import distance, ulp

    got, want = np.asarray(got, "float64"), np.asarray(want, "float64")
    assert got.shape == want.shape, f"shape {got.shape}, want {want.shape}"
    error = distance(got, want, np.zeros_like(want), dtype)
    allowed = ulps * ulp(want, dtype) + floor * ulp(np.ones(()), dtype)
    assert (error <= allowed).all(), f"got {got.tolist()}, want {want.tolist()}"
