"""The referee itself."""

from __future__ import annotations

import importlib.util
import pathlib
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from mpmath import mp, mpf

from tests import oracle
from tests.case import Case
from tests.cases import CASES
from tests.checks.test_halves import all_finite
from tests.evidence import budget
from tests.oracle import Dual, exact, formula


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


WITH_HALVES = [case for case in CASES if case.halves is not None]


@pytest.mark.parametrize("checked", WITH_HALVES, ids=lambda case: case.name)
def test_half_referee(checked: Case) -> None:
    """The float64 referee of the halves against the 150-digit one."""
    assert checked.halves is not None
    x = np.concatenate([all_finite(half)[::211].astype("float64") for half in ("float16", "bfloat16")])
    if checked.example.get("from_logits"):
        x = x[np.abs(x[:, 0]) <= 300]  # beyond, 1 - p cancels more than 100 digits
    for y in checked.half_targets:
        referee = exact(checked.reference, np.full(x.shape, y), x, checked.example)
        with np.errstate(all="ignore"):
            value, gradient = checked.halves(y, x, **checked.example)
        np.testing.assert_allclose(value, referee.value[0], rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(gradient, referee.gradient[0], rtol=1e-12, atol=1e-300)


FORMULAS = """
from tests import oracle
from tests.oracle import Dual

SCALE = 2.0
UNRELATED = 1.0


def helper(x):
    return x * SCALE


def made(factor):
    def times(x):
        return x * factor

    return times


three = made(3.0)


def reference(y, p):
    return [sum((three(helper(oracle.exp(q))) for q in p), Dual(0))]


def unrelated(y, p):
    return [Dual(UNRELATED)]
"""


def key_of(source: str, path: pathlib.Path) -> str:
    """The key of `reference` in a module of this source."""
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(f"tests.{path.stem}", path)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return formula(module.reference)


@pytest.mark.parametrize(
    ("old", "new", "renews"),
    [
        ("UNRELATED = 1.0", "UNRELATED = 4.0", False),
        ("return [Dual(UNRELATED)]", "return [Dual(UNRELATED) * 2]", False),
        ("helper(oracle", "helper(2 * oracle", True),
        ("return x * SCALE", "return x / SCALE", True),
        ("SCALE = 2.0", "SCALE = 3.0", True),
        ("return x * factor", "return x - factor", True),
        ("made(3.0)", "made(5.0)", True),
    ],
)
def test_results_are_kept_by_the_formula_alone(old: str, new: str, renews: bool, tmp_path: pathlib.Path) -> None:
    assert FORMULAS.count(old) == 1
    before = key_of(FORMULAS, tmp_path / "before.py")
    assert before == key_of(FORMULAS, tmp_path / "again.py")
    after = key_of(FORMULAS.replace(old, new), tmp_path / "after.py")
    assert (after != before) is renews
    assert "def exp" in before, "what oracle.py computes with is a part"
    assert "def sqrt" not in before
    assert " at 0x" not in before, "an address differs in the next run"
