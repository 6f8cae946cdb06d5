"""What the checks measure with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from tests.case import Arrays, Case, Parameters
from tests.oracle import Exact, distance, exact, ulp

ROWS = 768
"""Batches are filled up to a multiple of it, so that what a backend compiles for a shape serves all losses."""


_last: tuple[Any, ...] = (None, None, None, None)
"""A case, its parameters, a dtype, and what was measured of them: a value and its gradient are two tests in a row."""


def measured_once(case: Case, parameters: Parameters, dtype: str, backend: Any) -> tuple[Any, ...]:
    """The same as `measured`, which is not computed again when the same is asked for twice in a row."""
    global _last
    if not (_last[0] is case and _last[1] is parameters and _last[2] == dtype):
        _last = (case, parameters, dtype, measured(case, parameters, dtype, backend))
    return _last[3]


def measured(case: Case, parameters: Parameters, dtype: str, backend: Any, function: Any = None) -> tuple[Any, ...]:
    """Inputs, the backend's values and gradients for them, and the exact ones."""
    y, p = case.inputs(parameters, dtype)
    call = function or case.function
    with backend.precision(dtype):
        run = backend.as_used(lambda x, target: call(target, x, **parameters))
        found = [run(backend.tensor(some_p), backend.tensor(some_y)) for some_y, some_p in batches(case, y, p)]
    values, gradient = (
        None if parts[0] is None else np.concatenate(parts)[: len(p)] for parts in zip(*found, strict=True)
    )
    referee: Exact = exact(case.reference, y, p, parameters)
    assert values.dtype == dtype, f"computed in {values.dtype}, not {dtype}"
    values = values.reshape(referee.value[0].shape)
    if gradient is not None:
        assert gradient.dtype == dtype, f"gradient in {gradient.dtype}, not {dtype}"
        gradient = gradient.reshape(referee.gradient[0].shape)
    return (y, p), values, gradient, referee


def alone(case: Case) -> bool:
    """Whether a row of the inputs is a whole batch, which is computed by itself."""
    return case.player is not None or case.kind.whole_batch


def batches(case: Case, y: np.ndarray, p: np.ndarray) -> list[Arrays]:
    """What is computed in one call: all rows, repeated until the batch is full, or one row where that is a batch."""
    if alone(case):
        return [(y[i : i + 1], p[i : i + 1]) for i in range(len(p))]
    rows = np.arange(-(-len(p) // ROWS) * ROWS) % len(p)
    return [(y[rows], p[rows])]


class AtOnce:
    """Several calls, traced and compiled as one function of one vector that holds the predictions of all."""

    def __init__(self, calls: Sequence[Callable[[Any, Any], Any]], inputs: Sequence[Arrays], mode: str, backend: Any):
        self.calls, self.backend = calls, backend
        self.shapes = [p.shape for _, p in inputs]
        self.ends = np.cumsum([0, *(p.size for _, p in inputs)]).tolist()
        self.run = backend.compiled(self._flat, mode)
        self.run_with_gradients = backend.as_used(lambda x, targets: self.run(targets, x))

    def _flat(self, targets: tuple[Any, ...], x: Any) -> Any:
        parts = [x[start:end] for start, end in itertools.pairwise(self.ends)]
        values = [
            call(y, ops.reshape(part, shape))
            for call, y, part, shape in zip(self.calls, targets, parts, self.shapes, strict=True)
        ]
        return ops.concatenate([ops.reshape(v, (-1,)) for v in values])

    def _given(self, inputs: Sequence[Arrays]) -> tuple[tuple[Any, ...], Any]:
        flat = np.concatenate([p.reshape(-1) for _, p in inputs])
        return tuple(self.backend.tensor(y) for y, _ in inputs), self.backend.tensor(flat)

    def values(self, inputs: Sequence[Arrays]) -> np.ndarray:
        """Of all calls, one after the other."""
        return self.backend.array(self.run(*self._given(inputs)))

    def values_and_gradients(self, inputs: Sequence[Arrays]) -> tuple[np.ndarray, np.ndarray]:
        """Of all calls, one after the other."""
        targets, x = self._given(inputs)
        return self.run_with_gradients(x, targets)


def close(got: Any, want: Any, ulps: float = 16, dtype: str = "float32", floor: float = 0.0) -> None:
    """Equal to within a few ulp, infinities and NaN exactly."""
    got, want = np.asarray(got, "float64"), np.asarray(want, "float64")
    assert got.shape == want.shape, f"shape {got.shape}, want {want.shape}"
    error = distance(got, want, np.zeros_like(want), dtype)
    allowed = ulps * ulp(want, dtype) + floor * ulp(np.ones(()), dtype)
    assert (error <= allowed).all(), f"got {got.tolist()}, want {want.tolist()}"
