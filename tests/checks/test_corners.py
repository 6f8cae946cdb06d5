"""Exact points: ties, zeros, infinities, NaN, saturation, labels out of range. Eager and compiled alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.case import Case, Corner
from tests.checks.numbers import AtOnce, close


def test_corner(case: Case, corner: Corner, backend: Any) -> None:
    call = case.at(corner)
    y, p = case.sample(corner)
    target = backend.tensor(y)
    values, gradient = backend.value_and_grad(lambda x: call(target, x), backend.tensor(p))
    close(values.reshape(-1), corner.value, floor=2 * case.floor)
    if corner.gradient is not None and gradient is not None:
        promised = [i for i, g in enumerate(corner.gradient) if g is not None]
        close(gradient.reshape(-1)[promised], [corner.gradient[i] for i in promised], floor=2 * case.floor)


@pytest.mark.gradients
def test_corners_compiled(case: Case, mode: str, backend: Any) -> None:
    """All corners in one compiled call, those of the same parameters and shapes as one batch of it."""
    groups: dict[str, list[Corner]] = {}
    for corner in case.corners:
        y, p = case.sample(corner)
        sides = [np.shape(side) for side in corner.y_pred] if case.player else None
        groups.setdefault(f"{corner.parameters}{y.dtype}{y.shape}{p.shape}{sides}", []).append(corner)
    calls = [case.at(corners[0]) for corners in groups.values()]
    inputs = [
        tuple(np.concatenate(arrays) for arrays in zip(*map(case.sample, corners), strict=True))
        for corners in groups.values()
    ]
    got = AtOnce(calls, inputs, mode, backend).values(inputs)
    want = [np.concatenate([c.value for c in corners]) for corners in groups.values()]
    for corners, values, right in zip(
        groups.values(), np.split(got, np.cumsum([len(w) for w in want])[:-1]), want, strict=True
    ):
        try:
            close(values, right, floor=2 * case.floor)
        except AssertionError as error:
            error.add_note(f"{case.name} {corners[0].parameters} {mode}, at {', '.join(map(str, corners))}")
            raise
