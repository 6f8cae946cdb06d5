"""The examples in docstrings run and give what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest

import polyloss
from tests.case import Case

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(polyloss.__path__, "polyloss.")
    if not name.startswith("polyloss.framework.")
]
GRADIENTS = ("polyloss.framework", "polyloss.adversarial.penalties", "polyloss.training.gan", "polyloss.training.step")
"""Modules whose examples take gradients."""


def test_loss_has_an_example(case: Case) -> None:
    """Every public loss function shows itself."""
    text = case.plain.__doc__ or ""
    assert ">>>" in text
    assert "References:" in text
    assert "When to choose it" in text


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.gradients] if name in GRADIENTS else []) for name in ["polyloss", *MODULES]],
)
def test_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in finder.find(module, globs={"polyloss": polyloss, "keras": keras, "np": np}):
        runner.run(test)
    assert runner.failures == 0
