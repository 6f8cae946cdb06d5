"""Exact points: ties, zeros, infinities, NaN, saturation, labels out of range. Eager and compiled alike."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from tests.case import Case, Corner
from tests.checks.numbers import close


def sample(corner: Corner) -> tuple[np.ndarray, np.ndarray]:
    """A batch of one."""
    return np.array([corner.y_true], corner.labels), np.array([corner.y_pred], "float32")


def check_corner(case: Case, corner: Corner, backend: Any, function: Any = None) -> None:
    call = function or case.function
    y, p = sample(corner)
    target = backend.tensor(y)
    values, gradient = backend.value_and_grad(lambda x: call(target, x, **corner.parameters), backend.tensor(p))
    close(values.reshape(-1), corner.value, floor=2 * case.floor)
    if corner.gradient is not None and gradient is not None:
        promised = [i for i, g in enumerate(corner.gradient) if g is not None]
        close(gradient.reshape(-1)[promised], [corner.gradient[i] for i in promised], floor=2 * case.floor)


def test_corner(case: Case, corner: Corner, backend: Any) -> None:
    check_corner(case, corner, backend)


@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == "numpy", reason="NumPy compiles nothing")
def test_corners_compiled(case: Case, mode: str, backend: Any) -> None:
    """All corners with the same parameters and shapes, through one compiled call each."""
    groups: dict[str, list[Corner]] = {}
    for corner in case.corners:
        y, p = sample(corner)
        groups.setdefault(f"{corner.parameters}{y.dtype}{y.shape}{p.shape}", []).append(corner)
    for corners in groups.values():
        parameters = corners[0].parameters

        def call(y: Any, p: Any, parameters: Any = parameters) -> Any:
            return case.function(y, p, **parameters)

        run = backend.compiled(call, mode)
        y, p = (np.concatenate(arrays) for arrays in zip(*map(sample, corners), strict=True))
        got = backend.array(run(backend.tensor(y), backend.tensor(p)))
        close(got.reshape(-1), np.concatenate([c.value for c in corners]), floor=2 * case.floor)
