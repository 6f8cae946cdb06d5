"""What a framework makes of a loss beside its gradient: forward mode, second derivatives, checkpoints, one sample at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import ops

from tests.case import Case
from tests.oracle import exact

pytestmark = pytest.mark.gradients
STEP = 1e-5


def given(case: Case, backend: Any) -> tuple[np.ndarray, np.ndarray, Callable[[Any, Any], Any]]:
    """Targets, predictions in float64, and the sum of the loss over a batch of both."""
    y, p = case.batch(case.example)
    if case.player is not None:  # a row is a batch of scores, and each is a call of its own
        y, p = y[:2], p[:2]
    parameters = case.example
    return y, p.astype("float64"), lambda y, x: ops.sum(case.function(y, x, **parameters))


def gradient_of(case: Case, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """By the formula of the paper."""
    rows = (y[None], p[None]) if case.kind.whole_batch else (y, p)
    return exact(case.reference, *rows, case.example).gradient[0].reshape(p.shape)


def close(got: Any, want: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * max(1.0, np.abs(want).max()))


def test_transform(case: Case, transform: str, backend: Any) -> None:
    """Its value and gradient are those of the paper; its second derivative is how the gradient changes."""
    what, transformed = backend.transforms.TRANSFORMS[transform]
    with backend.precision("float64"):
        y, p, total = given(case, backend)
        target, x = backend.tensor(y), backend.tensor(p)
        v = np.random.default_rng(7).normal(size=p.shape)

        def f(x: Any) -> Any:
            return total(target, x)

        if case.name in backend.transforms.NOT.get(transform, ()):
            with pytest.raises(TypeError):
                transformed(f, x, backend.tensor(v))
            pytest.skip(f"{backend.transforms.__name__.split('.')[1]} refuses {transform} of {case.name}")
        got = backend.array(transformed(f, x, backend.tensor(v)))
        if what == "value":
            close(got, backend.array(f(x)), 1e-12)
        elif what == "curvature":
            ahead, behind = (backend.value_and_grad(f, backend.tensor(p + s * STEP * v))[1] for s in (1, -1))
            close(got, (ahead - behind) / (2 * STEP), 1e-6)
        else:
            gradient = gradient_of(case, y, p)
            close(got, gradient if what == "gradient" else np.sum(gradient * v), 1e-9)


@pytest.mark.cases(only=lambda case: not case.kind.whole_batch and case.player is None)
def test_gradient_of_each_sample(case: Case, backend: Any) -> None:
    """By the framework's vmap over the samples of a batch."""
    with backend.precision("float64"):
        y, p, total = given(case, backend)
        got = backend.transforms.each_sample(lambda y, x: total(y[None], x[None]), backend.tensor(y), backend.tensor(p))
        close(backend.array(got), gradient_of(case, y, p), 1e-9)
