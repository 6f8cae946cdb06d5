"""Bad input: static faults raise one exact sentence, from the function, the class, and under compilation."""

from __future__ import annotations

import inspect
import re
from typing import Any

import keras
import numpy as np
import pytest

import polyloss
from tests.case import Case, Parameters, Refusal, supervised
from tests.evidence import Evidence


def test_refusal(case: Case, refusal: Refusal, backend: Any, evidence: Evidence) -> None:
    given, parameters = refusal.given, {**case.loss.example, **refusal.parameters}
    if given is None:  # a fault of parameters: any inputs, and the class form refuses it too
        given = case.ordinary(backend)
        with pytest.raises(refusal.error) as caught:
            case.loss(**parameters)
        speaks = case.loss.function.__name__  # of two players the discriminator's function speaks for the class
        assert str(caught.value) == refusal.message.replace(case.plain_name, speaks, 1)
    with pytest.raises(refusal.error) as caught:
        case.plain(*given, **parameters)
    assert str(caught.value) == refusal.message
    evidence.refused += 1


def without(parameters: Parameters, name: str) -> Parameters:
    return {other: value for other, value in parameters.items() if other != name}


def test_wrong_calls(case: Case, backend: Any) -> None:
    """Too much by position, a name given twice or unknown, an input left out: Python's own rules, in our sentences."""
    inputs = case.ordinary(backend)
    last = case.takes[-1]
    positional = case.declared.positional
    more = [1.0] * (len(positional) - len(inputs))
    wrong = [
        ((*inputs, *more, 99), {}, "takes only .* by position"),
        ((*inputs, *more, 99, "x"), {}, "takes only .* by position"),
        (inputs, {last: inputs[-1]}, f"{last} was given twice"),
        (inputs, {"gama": 1}, r"unknown parameter\. Got gama=1; it takes"),
        (inputs[:-1], {}, rf"{last} is required\. Got no {last}\."),
        *((inputs, without(case.example, name), f"{name} is required") for name in case.loss.example),
        *((inputs, {}, rf"{name} is required\. Got no {name}\.") for name in [*case.loss.example][:1]),
        *(((*inputs, *more), {name: 1.0}, f"{name} was given twice") for name in positional[len(inputs) :][-1:]),
    ]
    for given, options, sentence in wrong:
        with pytest.raises(TypeError, match=f"^{case.plain_name}: {sentence}"):
            case.plain(*given, **options)


def test_scalars(case: Case, backend: Any) -> None:
    """Numbers in the place of tensors give a number, or one sentence of the function."""
    given = (1.0, 0.3)[-len(case.takes) :]
    value, refused = None, ""
    try:
        value = backend.array(case.plain(*given, **case.example))
    except (ValueError, TypeError) as error:
        refused = str(error)
    if value is None:
        assert re.match(rf"{case.plain_name}: [^\n]+ must [^\n]+\. Got [^\n]+\.$", refused)
    else:
        assert value.shape == ()
        assert np.isfinite(value)


def test_class_refuses(case: Case) -> None:
    """What every class refuses."""
    name, function = case.loss.__name__, case.loss.function.__name__
    calls = [
        ({"gama": 1}, TypeError, f"{name}: unknown parameter. Got gama=1; it takes"),
        ({"dtype": "int32"}, ValueError, f"{function}: dtype must be a float dtype. Got dtype='int32'."),
        ({"dtype": "half"}, ValueError, f"{function}: dtype must be a float dtype"),
        ({"reduction": "auto"}, ValueError, f"{function}: reduction must be one of 'sum_over_batch_size',")
        if supervised(case)
        else ({"reduction": "sum"}, TypeError, f"{name}: unknown parameter. Got reduction='sum'; it takes"),
    ]
    for wrong, error, message in calls:
        with pytest.raises(error) as caught:
            case.loss(**case.example, **wrong)
        assert str(caught.value).startswith(message)
    for required in [*case.loss.example][:1]:
        with pytest.raises(TypeError, match=rf"^{function}: {required} is required\. Got no {required}\.$"):
            case.loss()


def test_positions(case: Case) -> None:
    """By position only what Keras has by position."""
    theirs = getattr(keras.losses, case.loss.__name__, None)
    mine = [p.name for p in inspect.signature(case.loss).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if theirs is None:
        assert mine == []
        with pytest.raises(TypeError, match="takes no parameter by position"):
            case.loss(1.0)
        return
    parameters = dict(inspect.signature(theirs).parameters)
    named = list(parameters)
    assert mine == named[: min((named.index(name) for name in case.without), default=None)]
    for name in case.without:
        del parameters[name]
    defaults = {name: p.default for name, p in inspect.signature(case.loss).parameters.items() if name in parameters}
    assert defaults == {name: p.default for name, p in parameters.items()}


@pytest.mark.cases(only=supervised)
def test_validate_accepts(case: Case) -> None:
    """Ordinary data pass, weights and all."""
    y, p = case.batch(case.example)
    polyloss.validate(case.loss(**case.example), y, p)
    polyloss.validate(case.loss(**case.example), y, p, np.ones(len(y), "float32"))


@pytest.mark.cases(only=supervised)
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
    y, p = (a[:0] for a in case.batch(case.example))
    if not supervised(case):
        empty = case.sides(None, [backend.tensor(np.zeros((0, 1), "float32"))] * 2)
        assert float(backend.array(case.plain(*empty))) == 0.0
        return
    y, p = backend.tensor(y), backend.tensor(p)
    assert backend.array(case.function(y, p, **case.example)).shape[:1] == (0,)
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        for weight in (None, np.zeros((0,), "float32")):
            loss = case.loss(**case.example, reduction=reduction)(y, p, weight)
            assert tuple(loss.shape) == ()
            assert float(backend.array(loss)) == 0.0
