"""Bad input: static faults raise one exact sentence, from the function, the class, and under compilation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import polyloss
from tests.case import Case, Refusal
from tests.evidence import Evidence


def check_refusal(case: Case, refusal: Refusal, backend: Any, function: Any = None) -> None:
    call = function or case.function
    if refusal.y_pred is None:  # a fault of parameters: any inputs, and the class form refuses it too
        y, p = (backend.tensor(a) for a in case.batch(case.example))
        with pytest.raises(refusal.error) as caught:
            case.loss(**refusal.parameters)
        assert str(caught.value) == refusal.message
    else:
        y, p = refusal.y_true, refusal.y_pred
    with pytest.raises(refusal.error) as caught:
        call(y, p, **refusal.parameters)
    assert str(caught.value) == refusal.message


def test_refusal(case: Case, refusal: Refusal, backend: Any, evidence: Evidence) -> None:
    check_refusal(case, refusal, backend)
    evidence.refused += 1


def test_class_refuses(case: Case, backend: Any) -> None:
    """What every class refuses."""
    name, function = case.name, case.function.__name__
    for call, error, message in [
        (lambda: case.loss(gama=1), TypeError, f"{name}: unknown parameter. Got gama=1; it takes"),
        (
            lambda: case.loss(reduction="auto"),
            ValueError,
            f"{function}: reduction must be one of 'sum_over_batch_size',",
        ),
        (lambda: case.loss(dtype="int32"), ValueError, f"{function}: dtype must be a float dtype. Got dtype='int32'."),
        (lambda: case.loss(dtype="half"), ValueError, f"{function}: dtype must be a float dtype. Got dtype='half'."),
    ]:
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value).startswith(message)


def test_positions(case: Case) -> None:
    """By position only what Keras has by position."""
    import inspect

    import keras

    theirs = getattr(keras.losses, case.name, None)
    mine = [p.name for p in inspect.signature(case.loss).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if theirs is None:
        assert mine == []
        with pytest.raises(TypeError, match="takes no parameter by position"):
            case.loss(1.0)
        return
    parameters = inspect.signature(theirs).parameters
    assert mine == list(parameters)
    defaults = {name: p.default for name, p in inspect.signature(case.loss).parameters.items() if name in parameters}
    assert defaults == {name: p.default for name, p in parameters.items()}


def test_validate_accepts(case: Case) -> None:
    """Ordinary data pass, weights and all."""
    y, p = case.batch(case.example)
    polyloss.validate(case.loss(**case.example), y, p)
    polyloss.validate(case.loss(**case.example), y, p, np.ones(len(y), "float32"))


def test_validate_names_the_first_fault(case: Case) -> None:
    """NaN and infinity are named with their index; what a weight of 0 shuts out may hold anything."""
    y, p = case.batch(case.example)
    loss = case.loss(**case.example)
    for bad in (np.nan, np.inf):
        broken = p.copy()
        broken[(2, *[1] * (p.ndim - 1))] = bad
        index = ", ".join(["2", *["1"] * (p.ndim - 1)])
        with pytest.raises(ValueError, match="y_pred must be finite") as caught:
            polyloss.validate(loss, y, broken)
        assert str(caught.value).endswith(f"Got y_pred[{index}]={bad}.")
        polyloss.validate(loss, y, broken, [1, 1, 0, 1, 1, 1])
        with pytest.raises(ValueError, match=r"sample_weight must be finite and at least 0. Got sample_weight\[1\]=-1"):
            polyloss.validate(loss, y, p, [1, -1, 0, 1, 1, 1])


def test_empty_batch(case: Case, backend: Any) -> None:
    """No samples: no values, and a loss of 0."""
    y, p = (backend.tensor(a[:0]) for a in case.batch(case.example))
    assert backend.array(case.function(y, p, **case.example)).shape[:1] == (0,)
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        for weight in (None, np.zeros((0,), "float32")):
            loss = case.loss(**case.example, reduction=reduction)(y, p, weight)
            assert tuple(loss.shape) == ()
            assert float(backend.array(loss)) == 0.0
