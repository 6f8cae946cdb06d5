"""Losses over a set: absent rows are not there, the order of rows does not matter, poor batches do no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from keras.src.backend.common.masking import set_keras_mask

from tests.case import Case, Parameters, as_sets, of_sets
from tests.checks.numbers import close

pytestmark = pytest.mark.cases(only=of_sets)
REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none")
WEIGHTS = np.array([1.0, 4.0, 2.0, 0.5, 0.25, 3.0], "float32")
OUT, THERE = [1, 4], [0, 2, 3, 5]
ABSENT = np.array([i in OUT for i in range(6)])
Call = Callable[..., Any]


def poisoned(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows 1 and 4 hold NaN and infinity; the target of one is out of any range, that of the other another row's."""
    y, p = y.copy(), p.copy()
    y[1], y[4] = (np.iinfo(y.dtype).min if np.issubdtype(y.dtype, np.integer) else np.nan), y[0]
    p[1], p[4] = np.nan, np.inf
    return y, p


def ways(backend: Any) -> Iterator[tuple[str, np.ndarray | None, np.ndarray | None]]:
    """How rows 1 and 4 are left out: weights, and a mask where arrays can carry one."""
    yield "weight 0", np.where(ABSENT, 0, WEIGHTS), None
    if backend.GRADIENTS:  # NumPy's arrays cannot carry a Keras mask
        yield "mask", None, ~ABSENT
        yield "mask beside weights", WEIGHTS, ~ABSENT
        yield "one of each", np.where(np.arange(6) == 1, 0, WEIGHTS), np.arange(6) != 4


def masked(call: Call, mask: Any) -> Call:
    """`call` on predictions that carry a mask."""
    if mask is None:
        return call

    def with_mask(y: Any, p: Any, weight: Any) -> Any:
        p = p * 1  # a tensor of its own to carry the mask
        set_keras_mask(p, mask)
        return call(y, p, weight)

    return with_mask


def measured(call: Call, backend: Any, y: np.ndarray, p: np.ndarray, weight: Any = None) -> tuple[Any, Any]:
    target, w = backend.tensor(y), None if weight is None else backend.tensor(weight)
    return backend.value_and_grad(lambda x: call(target, x, w), backend.tensor(p))


def same(case: Case, parameters: Parameters, got: Any, want: Any) -> None:
    """Sums over another number of rows: to within rounding of what is summed."""
    close(got, want, ulps=128, floor=16 * max(1.0, case.floors(parameters)[1]))


def compare(case: Case, parameters: Parameters, backend: Any, call: Call, way: Any, to_call: Call) -> None:
    """`to_call` with rows 1 and 4 absent against `call` without them."""
    _, weight, mask = way
    y, p = case.batch(parameters)
    given = masked(to_call, None if mask is None else backend.tensor(mask))
    value, gradient = measured(given, backend, *poisoned(y, p), weight)
    want, slope = measured(call, backend, y[THERE], p[THERE], None if weight is None else weight[THERE])
    if value.ndim:
        assert (value[OUT] == 0).all()
        value = value[THERE]
    same(case, parameters, value, want)
    if gradient is not None:
        assert (gradient[OUT] == 0).all(), "an absent row has a gradient"
        same(case, parameters, gradient[THERE], slope)


def test_absent_rows(case: Case, backend: Any) -> None:
    """Poisoned rows of weight 0, or masked, or both: value and gradient of the batch without them, in any reduction.

    What reduces is the same for all parameters: one of them sees every reduction, the others the first.
    """
    for i, parameters in enumerate(as_sets(case)):
        for way in ways(backend):
            for reduction in REDUCTIONS if i == 0 else REDUCTIONS[:1]:
                loss = case.loss(**parameters, reduction=reduction)
                compare(case, parameters, backend, loss, way, loss)


@pytest.mark.gradients
def test_absent_rows_compiled(case: Case, mode: str, backend: Any) -> None:
    """The same in one compiled call: weights and a mask."""
    *_, way = ways(backend)
    for parameters in as_sets(case):
        loss = case.loss(**parameters)
        mask = backend.tensor(way[2])
        run = backend.compiled(masked(loss, mask), mode)
        compare(case, parameters, backend, loss, (way[0], way[1], None), run)


def test_order_of_rows(case: Case, backend: Any) -> None:
    """Rows in another order: the same loss, values and gradients in that order."""
    order = np.array([3, 5, 0, 4, 2, 1])
    for parameters in as_sets(case):
        y, p = case.batch(parameters)
        for reduction in ("sum_over_batch_size", "none"):
            loss = case.loss(**parameters, reduction=reduction)
            value, gradient = measured(loss, backend, y, p, WEIGHTS)
            other, slope = measured(loss, backend, y[order], p[order], WEIGHTS[order])
            same(case, parameters, other, value[order] if value.ndim else value)
            if gradient is not None:
                same(case, parameters, slope, gradient[order])


def poor_batches(y: np.ndarray, p: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Batches with little or nothing to learn from."""
    yield "one row", y[:1], p[:1]
    yield "one row, and its copy", y[[0, 0]], p[[0, 0]]
    yield "one target", np.repeat(y[:1], 6, 0), p
    yield "every row twice", np.concatenate([y, y]), np.concatenate([p, p])
    yield "all rows equal", y, np.repeat(p[:1], 6, 0)
    yield "zeros", y, np.zeros_like(p)
    yield "some zeros", y, np.where(np.arange(6).reshape(-1, *[1] * (p.ndim - 1)) % 2 == 0, 0, p)


def test_poor_batches(case: Case, backend: Any) -> None:
    """Finite values and gradients whatever is missing; with nobody there the loss is 0 and so is its gradient."""
    for parameters in as_sets(case):
        loss = case.loss(**parameters)
        ordinary = case.batch(parameters)
        for name, y, p in poor_batches(*ordinary):
            for weight in (None, (np.arange(len(y)) != 1).astype("float32")):
                value, gradient = measured(loss, backend, y, p, weight)
                assert np.isfinite(value), f"{parameters}, {name}: {value}"
                assert gradient is None or np.isfinite(gradient).all(), f"{parameters}, {name}: {gradient}"
                if case.kind.whole_batch and name == "one row":
                    assert value == 0
                    assert gradient is None or (gradient == 0).all()
        value, gradient = measured(loss, backend, *poisoned(*ordinary), np.zeros(6, "float32"))
        assert np.isfinite(value)
        assert gradient is None or (gradient == 0).all()


@pytest.mark.cases(only=lambda case: case.kind.whole_batch)
def test_weights_of_anchors(case: Case, backend: Any) -> None:
    """Weights multiply anchors. The mean of the values is the loss, and divides by the rows that are present."""
    for parameters in as_sets(case):
        y, p = case.batch(parameters)
        values, _ = measured(case.loss(**parameters, reduction="none"), backend, y, p)
        total = (values * WEIGHTS).sum(dtype="float64")
        for weight, reduction, want in (
            (None, "mean", values.mean(dtype="float64")),
            (WEIGHTS, "sum", total),
            (WEIGHTS, "mean", total / 6),
            (WEIGHTS[:, None], "sum_over_batch_size", total / 6),
            (WEIGHTS, "mean_with_sample_weight", total / WEIGHTS.sum(dtype="float64")),
        ):
            got, gradient = measured(case.loss(**parameters, reduction=reduction), backend, y, p, weight)
            close(got, np.float32(want), ulps=64)
            assert gradient is None or (gradient != 0).any()


@pytest.mark.cases(only=lambda case: case.kind.whole_batch)
def test_present(case: Case, backend: Any) -> None:
    """The function takes who is present, and says what that must be."""
    y, p = case.batch(case.example)
    wanted = backend.array(case.plain(y[THERE], p[THERE], **case.example))
    got = backend.array(case.plain(*poisoned(y, p), **case.example, present=backend.tensor(~ABSENT)))
    assert (got[OUT] == 0).all()
    same(case, case.example, got[THERE], wanted)
    for wrong, error, sentence in (
        (np.ones(6, "float32"), TypeError, "present.dtype must be bool. Got present.dtype='float32'."),
        (np.ones(5, bool), ValueError, "present.shape must be (6,), one a sample. Got present.shape=(5,)."),
    ):
        with pytest.raises(error) as caught:
            case.plain(y, p, **case.example, present=wrong)
        assert str(caught.value) == f"{case.plain_name}: {sentence}"
