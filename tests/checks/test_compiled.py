"""Eager equals compiled: the same inputs as for accuracy, value and gradient; two variants of a loss in one program."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.case import Case
from tests.checks.numbers import AtOnce, alone
from tests.evidence import budget
from tests.oracle import distance, exact

pytestmark = pytest.mark.gradients


def test_compiled(case: Case, mode: str, backend: Any) -> None:
    """Both are within the budget of the truth, so they are within twice the budget of each other; and the
    compiled value must itself be within the budget."""
    variants = case.variants[:2]  # each more is traced as well: six of TripletLoss are 15 seconds on torch
    inputs = [case.inputs(parameters, "float32") for parameters in variants]
    truths = [exact(case.reference, y, p, v) for v, (y, p) in zip(variants, inputs, strict=True)]
    calls = [partial(case.function, **parameters) for parameters in variants]
    rounds = rows_of(inputs) if alone(case) else [inputs]
    program = AtOnce(calls, rounds[0], mode, backend)
    found = [program.values_and_gradients(some) for some in rounds]
    for i, (quantity, of) in enumerate((("value", lambda t: t.value), ("gradient", lambda t: t.gradient))):
        parts = [np.split(answer[i], ends(of, truths, len(rounds))) for answer in found]
        for k, (parameters, truth) in enumerate(zip(variants, truths, strict=True)):
            want = of(truth)
            got = np.concatenate([part[k] for part in parts]).reshape(want[0].shape)
            error = distance(got, *want, "float32")
            allowed = budget(
                want[0], getattr(truth, f"{quantity}_sensitivity"), "float32", case.floors(parameters)[i], case.terms
            )
            assert (error <= allowed).all(), (
                f"{case.name} {parameters} {mode}, {quantity}: {(error / allowed).max():.3g} x budget"
            )


def rows_of(inputs: list[Any]) -> list[list[Any]]:
    """For each row number, the batches of one row."""
    (count,) = {len(p) for _, p in inputs}
    return [[(y[i : i + 1], p[i : i + 1]) for y, p in inputs] for i in range(count)]


def ends(of: Any, truths: list[Any], rounds: int) -> list[int]:
    """Where the numbers of one variant end and those of the next begin."""
    return np.cumsum([of(truth)[0].size // rounds for truth in truths])[:-1].tolist()
