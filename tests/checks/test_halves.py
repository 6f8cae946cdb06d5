"""Half precision: elementwise losses over every finite float16 and bfloat16, the others over their batch.

The result is computed in float32; rounded to half it is within one ulp of the exact result rounded to half.
The referee is a float64 formula, held to the 150-digit one at 1e-12 by `test_half_referee`.
"""

from __future__ import annotations

import os
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.case import Case
from tests.evidence import Evidence
from tests.oracle import distance, exact, ulp


def all_finite(half: str) -> np.ndarray:
    """Every finite number of the format."""
    every = np.arange(2**16, dtype="uint32").astype("uint16").view(np.dtype(half))
    return every[np.isfinite(every.astype("float32"))][:, None]


def rounded(x: np.ndarray, half: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        return x.astype(half).astype("float64")


def check_halves(case: Case, half: str, backend: Any, evidence: Evidence, function: Any = None) -> None:
    call = function or case.function
    if case.halves is None:
        batches = [(*case.batch(case.example), case.example, None)]
    else:
        x = all_finite(half)
        batches = [(np.full(x.shape, y, "float32"), x, case.example, y) for y in case.half_targets]
    for y, p, parameters, target in batches:
        p = p.astype(half)
        y_native = backend.tensor(y)
        values, gradient = backend.value_and_grad(
            lambda x, y_native=y_native, parameters=parameters: call(y_native, x, **parameters), backend.tensor(p)
        )
        wide = p.astype("float64")
        tiny = float(ml_dtypes.finfo(half).smallest_normal) if half == "bfloat16" else 0.0
        if target is None:
            referee = exact(case.reference, y, p.astype("float32"), parameters)
            want, slope = referee.value[0].reshape(values.shape), referee.gradient[0].reshape(p.shape)
        else:
            with np.errstate(all="ignore"):
                want, slope = (
                    a.reshape(shape)
                    for a, shape in zip(case.halves(target, wide, **parameters), (values.shape, p.shape), strict=True)
                )  # type: ignore[misc]
        assert values.dtype == np.float32, f"computed in {values.dtype}"
        for quantity, got, truth in (("value", values, want), ("gradient", gradient, slope)):
            if got is None:
                continue
            truth = rounded(truth, half)
            error = distance(rounded(got, half), truth, np.zeros_like(truth), half)
            if target is not None:  # a subnormal input may be taken for 0, as XLA and TensorFlow take it
                x = wide.reshape(truth.shape)
                flushed = np.abs(x) < tiny
                at_zero = truth[x == 0][:1].reshape(-1, *[1] * (truth.ndim - 1))
                other = distance(rounded(got, half), np.broadcast_to(at_zero, truth.shape), np.zeros_like(truth), half)
                error = np.where(flushed, np.minimum(error, other), error)
            # Intermediates below the smallest normal are flushed as well, and multiplied afterwards.
            floor = case.floor * float(ml_dtypes.finfo("float32").eps) + 256 * tiny
            ulps = np.maximum(error - floor, 0) / ulp(truth, half)
            worst = float(np.max(ulps))
            where = wide.reshape(-1)[int(np.argmax(ulps))] if target is not None else None
            evidence.halves.append(
                {"loss": case.name, "dtype": half, "quantity": quantity, "target": target, "inputs": int(p.size), "ulp": worst}
            )  # fmt: skip
            assert worst <= 1, f"{case.name} {half} {quantity}: {worst} ulp at y={target}, x={where}"


def test_halves(case: Case, half: str, backend: Any, evidence: Evidence) -> None:
    check_halves(case, half, backend, evidence)


@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") != "numpy", reason="once is enough: it runs with the NumPy backend")
def test_half_referee(case: Case) -> None:
    """The float64 referee of the halves against the 150-digit one."""
    if case.halves is None:
        assert case.reference is not None
        return
    x = np.concatenate([all_finite(half)[::211].astype("float64") for half in ("float16", "bfloat16")])
    if case.example.get("from_logits"):
        x = x[np.abs(x[:, 0]) <= 300]  # beyond, 1 - p cancels more than 100 digits
    for y in case.half_targets:
        referee = exact(case.reference, np.full(x.shape, y), x, case.example)
        with np.errstate(all="ignore"):
            value, gradient = case.halves(y, x, **case.example)
        np.testing.assert_allclose(value, referee.value[0], rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(gradient, referee.gradient[0], rtol=1e-12, atol=1e-300)
