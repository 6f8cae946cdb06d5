"""The referee itself."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from mpmath import mp, mpf

from tests import oracle
from tests.evidence import budget
from tests.oracle import Dual


@pytest.mark.parametrize(
    ("ours", "theirs", "at"),
    [
        (oracle.exp, mp.exp, 1.7),
        (oracle.log, mp.log, 0.3),
        (oracle.sqrt, mp.sqrt, 2.3),
        (oracle.absolute, abs, -2.0),
        (oracle.sigmoid, lambda x: 1 / (1 + mp.exp(-x)), 0.4),
        (lambda x: x**1.5, lambda x: x ** mpf(1.5), 0.7),
        (lambda x: 1 / (x * x - 3) + x / 7, lambda x: 1 / (x * x - 3) + x / 7, 0.9),
        (
            lambda x: oracle.softmax([x, 2 * x, Dual(1)])[1],
            lambda x: mp.exp(2 * x) / (mp.exp(x) + mp.exp(2 * x) + mp.e),
            0.2,
        ),
    ],
)
def test_derivatives(ours: Any, theirs: Any, at: float) -> None:
    """Against mpmath's numerical differentiation."""
    got = ours(Dual(at, {0: mpf(1)}))
    assert abs(got.value - theirs(mpf(at))) < mpf(10) ** -100
    assert abs(got.slopes[0] - mp.diff(theirs, mpf(at))) < mpf(10) ** -40


def test_clip_passes_the_derivative() -> None:
    clipped = oracle.clip(Dual(-3, {0: mpf(1)}), mpf(0), mpf(1))
    assert (clipped.value, clipped.slopes[0]) == (0, 1)


def test_ulp_is_the_spacing(dtype: str) -> None:
    x = np.abs(np.random.default_rng(0).normal(0, 1e3, 500)).astype(dtype)
    x = np.concatenate([x, np.array([1.0, 2.0, 1 - 2**-20, 4096.0], dtype)])
    np.testing.assert_array_equal(oracle.ulp(x, dtype), np.spacing(x).astype("float64"))


def test_ulp_below_the_smallest_normal() -> None:
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        tiny = float(ml_dtypes.finfo(dtype).smallest_normal)
        assert oracle.ulp(np.array(0.0), dtype) == tiny
        assert oracle.ulp(np.array(tiny / 8), dtype) == tiny


def test_distance() -> None:
    high = np.array([1.0, np.inf, -np.inf, np.nan, 1e39, 1.0, np.nan])
    got = np.array([1.0, np.inf, np.inf, np.nan, np.inf, np.nan, 1.0])
    np.testing.assert_array_equal(
        oracle.distance(got, high, np.zeros(7), "float32"), [0, 0, np.inf, 0, 0, np.inf, np.inf]
    )


def test_budget() -> None:
    assert budget(np.array(1.0), np.array(0.0), "float32") == 32.5 * 2.0**-23
    assert budget(np.array(1.0), np.array(1.0), "float64", floor=1, terms=4) == 67 * 2.0**-52 + 8
