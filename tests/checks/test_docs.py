"""The examples in docstrings run and give what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from typing import Any

import keras
import numpy as np
import pytest

import polyloss

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(polyloss.__path__, "polyloss.")
    if not name.startswith("polyloss.framework.")
]
GRADIENTS = ("polyloss.framework", "polyloss.adversarial.penalties", "polyloss.training.gan", "polyloss.training.step")
"""Modules whose examples take gradients."""


def test_loss_has_an_example(case: Any) -> None:
    """Every public loss function shows itself."""
    assert ">>>" in case.function.__doc__
    assert "References:" in case.function.__doc__
    assert "When to choose it" in case.function.__doc__


@pytest.mark.parametrize("name", ["polyloss", *MODULES])
def test_docstrings(name: str) -> None:
    if name in GRADIENTS and keras.backend.backend() == "numpy":
        pytest.skip("NumPy has no gradients")
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in finder.find(module, globs={"polyloss": polyloss, "keras": keras, "np": np}):
        runner.run(test)
    assert runner.failures == 0
