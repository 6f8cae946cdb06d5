"""The `keras.ops` that polyloss uses, with float64 in: float64 out, to the last digits."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from polyloss.core import ops

A = np.random.default_rng(0).uniform(0.2, 0.9, (4, 5))
B = np.random.default_rng(1).uniform(0.2, 0.9, (4, 5))
LABELS = np.array([[0], [1], [4], [2]])
NEITHER: Any = None
"""For ops on integers, booleans and shapes: float64 does not pass through them."""

PROBES: dict[str, Any] = {
    "abs": (lambda a, b: ops.abs(a - b), np.abs(A - B)),
    "amax": (lambda a, b: ops.amax(a, axis=-1, keepdims=True), A.max(-1, keepdims=True)),
    "amin": (lambda a, b: ops.amin(a, axis=-1, keepdims=True), A.min(-1, keepdims=True)),
    "any": NEITHER,
    "arange": NEITHER,
    "argmax": NEITHER,
    "broadcast_to": (lambda a, b: ops.broadcast_to(a, (2, 4, 5)), np.broadcast_to(A, (2, 4, 5))),
    "cast": (lambda a, b: ops.cast(a, "float64"), A),
    "concatenate": (lambda a, b: ops.concatenate([a, b], axis=-1), np.concatenate([A, B], -1)),
    "convert_to_numpy": NEITHER,
    "convert_to_tensor": (lambda a, b: ops.convert_to_tensor((0.1, 0.2), dtype="float64"), np.array([0.1, 0.2])),
    "copy": (lambda a, b: keras.ops.copy(a), A),
    "cumsum": NEITHER,  # used for integers only: `losses._pairs.diagonal`
    "equal": NEITHER,
    "exp": (lambda a, b: ops.exp(a), np.exp(A)),
    "expand_dims": (lambda a, b: ops.expand_dims(a, 1), A[:, None]),
    "expm1": (lambda a, b: ops.expm1(a), np.expm1(A)),
    "full_like": (lambda a, b: ops.full_like(a, 0.1), np.full_like(A, 0.1)),
    "is_tensor": NEITHER,
    "isfinite": NEITHER,
    "isinf": NEITHER,
    "isnan": NEITHER,
    "log": (lambda a, b: ops.log(a), np.log(A)),
    "log1p": (lambda a, b: ops.log1p(a), np.log1p(A)),
    "log_softmax": (lambda a, b: ops.log_softmax(a, axis=-1), A - np.log(np.exp(A).sum(-1, keepdims=True))),
    "logical_and": NEITHER,
    "logical_not": NEITHER,
    "logical_or": NEITHER,
    "logsumexp": (lambda a, b: ops.logsumexp(a, axis=-1), np.log(np.exp(A).sum(-1))),
    "map": (lambda a, b: ops.map(lambda row: row * row, a), A * A),
    "max": (lambda a, b: ops.max(a, axis=-1, keepdims=True, initial=0.0), A.max(-1, keepdims=True)),
    "minimum": NEITHER,  # used for float32 only: `numerics.smaller`
    "moveaxis": (lambda a, b: ops.moveaxis(a, 0, 1), A.T),
    "not_equal": NEITHER,
    "one_hot": (lambda a, b: ops.one_hot(LABELS[:, 0], 5, dtype="float64"), np.eye(5)[LABELS[:, 0]]),
    "ones_like": (lambda a, b: ops.ones_like(a), np.ones_like(A)),
    "reshape": (lambda a, b: ops.reshape(a, (20,)), A.reshape(20)),
    "shape": NEITHER,
    "sign": (lambda a, b: ops.sign(a - b), np.sign(A - B)),
    "size": NEITHER,
    "slice": (lambda a, b: ops.slice(a, (1, 0), (2, 5)), A[1:3]),
    "sqrt": (lambda a, b: ops.sqrt(a), np.sqrt(A)),
    "square": (lambda a, b: ops.square(a), A * A),
    "squeeze": (lambda a, b: ops.squeeze(ops.expand_dims(a, 1), 1), A),
    "stack": (lambda a, b: ops.stack([a, b]), np.stack([A, B])),
    "stop_gradient": (lambda a, b: ops.stop_gradient(a), A),
    "sum": (lambda a, b: ops.sum(a, axis=-1), A.sum(-1)),
    "take": (lambda a, b: ops.take(a, LABELS[:, 0], axis=1), A[:, LABELS[:, 0]]),
    "take_along_axis": (lambda a, b: ops.take_along_axis(a, LABELS, axis=-1), np.take_along_axis(A, LABELS, -1)),
    "transpose": (lambda a, b: ops.transpose(a), A.T),
    "where": (lambda a, b: ops.where(a > b, a, b), np.maximum(A, B)),
    "zeros": (lambda a, b: ops.zeros((4, 5), dtype="float64"), np.zeros((4, 5))),
    "zeros_like": (lambda a, b: ops.zeros_like(a), np.zeros_like(A)),
}
SWEPT = {name: probe for name, probe in PROBES.items() if probe is not NEITHER}


@pytest.mark.parametrize("name", SWEPT)
def test_float64_survives(name: str, backend: Any) -> None:
    if "float64" not in backend.DTYPES:
        pytest.skip("this backend has no float64")
    probe, want = SWEPT[name]
    with backend.precision("float64"):
        got = backend.array(probe(backend.tensor(A), backend.tensor(B)))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, want, rtol=1e-14)
