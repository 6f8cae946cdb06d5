"""Weights and masks: aligned from the batch axis, shutting out NaN in value and gradient, right denominators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras.src.backend.common.masking import set_keras_mask

from tests.case import Case, supervised
from tests.checks.numbers import close

pytestmark = pytest.mark.cases(only=supervised)
of_rows = pytest.mark.cases(only=lambda case: not case.kind.whole_batch)
"""A row's value is its own. In a set a row of weight 0 is absent: `test_sets`."""
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5, 0.0, 3.0], "float32")
REDUCTIONS = ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight")


def per_sample(values: np.ndarray) -> np.ndarray:
    """The part of each sample in the sum of all values."""
    return values.reshape(len(values), -1).sum(1)


def poisoned(p: np.ndarray, rows: list[int]) -> np.ndarray:
    p = p.copy()
    p[rows[0]], p[rows[1]] = np.nan, np.inf
    return p


@of_rows
def test_weights(case: Case, backend: Any) -> None:
    """Weights multiply samples; weight 0 shuts out NaN and infinity; the mean divides by all elements."""
    y, p = case.batch(case.example)
    target = backend.tensor(y)
    values = backend.array(case.loss(**case.example, reduction="none")(target, backend.tensor(p)))
    parts, elements = per_sample(values), values.size
    out = [1, 4]
    shapes = (WEIGHTS.astype("float64"), WEIGHTS.reshape(-1, *[1] * (values.ndim - 1)), list(WEIGHTS))
    rows = [(WEIGHTS, reduction, predictions) for reduction in REDUCTIONS for predictions in (p, poisoned(p, out))]
    total = (parts * WEIGHTS).sum()
    wanted = {
        "sum": total,
        "sum_over_batch_size": total / elements,
        "mean": total / elements,
        "mean_with_sample_weight": total / (WEIGHTS.sum() * elements / len(y)),
    }
    for weight, reduction, predictions in (*rows, *((shape, "mean", poisoned(p, out)) for shape in shapes)):
        call = case.loss(**case.example, reduction=reduction)
        got, gradient = backend.value_and_grad(
            lambda x, call=call, weight=weight: call(target, x, weight), backend.tensor(predictions)
        )
        close(got, np.float32(wanted[reduction]), ulps=64)
        if gradient is not None:
            assert np.isfinite(gradient).all(), "a weight of 0 let NaN into the gradient"
            assert (gradient[out] == 0).all(), "a weight of 0 let its sample into the gradient"
            kept = [i for i in range(len(y)) if i not in out]
            assert (np.abs(gradient[kept]).reshape(len(kept), -1).sum(1) > 0).any()
    before = WEIGHTS.copy()
    case.loss(**case.example)(target, backend.tensor(p), before)
    assert (before == WEIGHTS).all(), "the weights were changed in place"


def test_bad_target_of_weight_zero(case: Case, backend: Any) -> None:
    """A NaN target (or a label out of range) of weight 0 does not count."""
    y, p = case.batch(case.example)
    broken = y.copy()
    broken[[1, 4]] = 77 if np.issubdtype(y.dtype, np.integer) else np.nan
    call = case.loss(**case.example)
    want = backend.array(call(backend.tensor(y), backend.tensor(p), WEIGHTS))
    got, gradient = backend.value_and_grad(lambda x: call(backend.tensor(broken), x, WEIGHTS), backend.tensor(p))
    close(got, want, ulps=4)
    assert gradient is None or np.isfinite(gradient).all()


@of_rows
@pytest.mark.gradients  # NumPy's arrays cannot carry a Keras mask
def test_mask(case: Case, backend: Any) -> None:
    """Masked elements leave the denominator; weights and masks go together; all masked is 0."""
    y, p = case.batch(case.example)
    target = backend.tensor(y)
    values = backend.array(case.loss(**case.example, reduction="none")(target, backend.tensor(p)))
    parts, each = per_sample(values), values.size / len(y)
    keep = np.array([True, False, True, True, False, True])
    for mask in (keep, np.zeros(6, bool)):
        for weight in (None, WEIGHTS):
            w = np.ones(6, "float32") if weight is None else weight
            for reduction, want in (
                ("sum", (parts * w * mask).sum()),
                ("sum_over_batch_size", (parts * w * mask).sum() / max(mask.sum() * each, 1)),
                ("mean_with_sample_weight", (parts * w * mask).sum() / max((w * mask).sum() * each, 1e-9)),
            ):
                if weight is None and reduction == "mean_with_sample_weight":
                    want = (parts * mask).sum() / max(mask.sum() * each, 1)
                call = case.loss(**case.example, reduction=reduction)

                def masked(x: Any, call: Any = call, mask: Any = mask, weight: Any = weight) -> Any:
                    x = x * 1  # a tensor of its own to carry the mask
                    set_keras_mask(x, backend.tensor(mask))
                    return call(target, x, weight)

                got, gradient = backend.value_and_grad(masked, backend.tensor(p))
                close(got, np.float32(want), ulps=64)
                if gradient is not None:
                    assert (gradient[~mask] == 0).all()


def test_weights_too_fine(case: Case, backend: Any) -> None:
    """Weights finer than the values are refused by name."""
    y, p = case.batch(case.example)
    values = case.function(backend.tensor(y), backend.tensor(p), **case.example)
    shape = (*values.shape, 2)
    with pytest.raises(ValueError, match=r"sample_weight must line up with the .* from the batch axis") as caught:
        case.loss(**case.example)(backend.tensor(y), backend.tensor(p), np.ones(shape, "float32"))
    assert f"sample_weight.shape={tuple(map(int, shape))}" in str(caught.value)
    with pytest.raises(ValueError, match="sample_weight must line up"):
        case.loss(**case.example)(backend.tensor(y), backend.tensor(p), np.ones(5, "float32"))
