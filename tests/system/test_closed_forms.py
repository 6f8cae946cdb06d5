"""Closed forms: each slope is the derivative of its value, in float64, wherever a loss uses it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import numpy as np
import pytest

import polyloss.losses
from polyloss.core.closed_form import ClosedForm, closed_form
from polyloss.core.function import declaration
from tests.case import supervised
from tests.cases import CASES

pytestmark = pytest.mark.gradients


def forms() -> dict[str, ClosedForm]:
    """Every closed form of the losses."""
    found = {}
    for info in pkgutil.walk_packages(polyloss.losses.__path__, "polyloss.losses."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            parts = [value, *(cell.cell_contents for cell in getattr(value, "__closure__", None) or ())]
            for part in parts:  # `closed_terms` keeps the form in a function of its own
                if isinstance(part, ClosedForm) and value.__module__ == info.name:
                    found[f"{info.name.removeprefix('polyloss.losses.')}.{name}"] = part
    return found


FORMS = forms()
Call = tuple[ClosedForm, Any, tuple[Any, ...], dict[str, Any]]


@pytest.fixture(scope="module")
def calls(backend: Any) -> list[Call]:
    """The calls of closed forms that the losses make, every variant of every case on its batch, in float64."""
    made: list[Call] = []
    run = ClosedForm.__call__

    def recorded(self: ClosedForm, x: Any, *others: Any, **parameters: Any) -> Any:
        made.append((self, x, others, parameters))
        return run(self, x, *others, **parameters)

    with pytest.MonkeyPatch.context() as patch, backend.precision("float64"):
        patch.setattr(ClosedForm, "__call__", recorded)
        for case in filter(supervised, CASES):
            formula = declaration(case.plain).formula
            for parameters in case.variants:
                if any(isinstance(v, tuple) and len(v) == 2 for v in parameters.values()):
                    continue  # two classes; the batch has three
                y, p = case.batch(parameters)
                formula(y_true=backend.tensor(y), y_pred=backend.tensor(np.asarray(p, "float64")), **parameters)
    return made


def slope_is_the_derivative(form: ClosedForm, x: Any, others: tuple[Any, ...], parameters: Any, backend: Any) -> None:
    _, want = backend.as_used(lambda x: form.body(x, *others, **parameters)[0])(x)
    slope = backend.array(form.body(x, *others, **parameters)[1]())
    np.testing.assert_allclose(slope, want, rtol=1e-9, atol=1e-12 * np.abs(want).max())


@pytest.mark.parametrize("name", FORMS)
def test_slopes(name: str, calls: list[Call], backend: Any) -> None:
    own = [(x, others, parameters) for form, x, others, parameters in calls if form is FORMS[name]]
    assert own, "no case comes here"
    with backend.precision("float64"):
        for x, others, parameters in own:
            slope_is_the_derivative(FORMS[name], x, others, parameters, backend)


def test_a_wrong_slope_is_caught(backend: Any) -> None:
    @closed_form()
    def squared(x: Any) -> Any:
        return x * x, lambda: 2.001 * x

    with backend.precision("float64"), pytest.raises(AssertionError):
        slope_is_the_derivative(squared, backend.tensor(np.ones((2, 3))), (), {}, backend)
