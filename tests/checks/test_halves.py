"""Half precision: elementwise losses over every finite float16 and bfloat16, the others over their batch.

The result is computed in float32; rounded to half it is within one ulp of the exact result rounded to half.
The referee is a float64 formula, held to the 150-digit one at 1e-12 by `tests/meta/test_oracle.py`.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

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


def test_halves(case: Case, half: str, backend: Any, evidence: Evidence) -> None:
    if case.halves is None:
        batches = [(*case.batch(case.example), case.example, None)]
    else:
        x = all_finite(half)
        batches = [(np.full(x.shape, y, "float32"), x, case.example, y) for y in case.half_targets]
    for y, p, parameters, target in batches:
        p = p.astype(half)
        y_native = backend.tensor(y)
        run = backend.as_used(lambda x, y, parameters=parameters: case.function(y, x, **parameters))
        values, gradient = run(backend.tensor(p), y_native)
        wide = p.astype("float64")
        tiny = float(ml_dtypes.finfo(half).smallest_normal) if half == "bfloat16" else 0.0
        if target is None:
            rows = (y[None], p[None]) if case.kind.whole_batch else (y, p)
            referee = exact(case.reference, rows[0], rows[1].astype("float32"), parameters)
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
