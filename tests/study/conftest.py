"""One small study on the session's own backend, and what becomes of it when others are made of it."""

from __future__ import annotations

import copy
import os
import pathlib
from typing import Any

import pytest
from rich.console import Console

from polyloss.study import runner, verdict

SMALL = pathlib.Path(__file__).parent / "small.py"


def settings(**changed: Any) -> runner.Settings:
    """For a study of a few seconds."""
    own = os.environ["KERAS_BACKEND"]
    return runner.Settings(**{"backends": (own,), "modes": ("auto",), "seeds": 2, "moved": 2, **changed})


@pytest.fixture(scope="session")
def measured() -> dict[str, Any]:
    """A study of one backend."""
    if os.environ["KERAS_BACKEND"] == "numpy":
        pytest.skip("Keras's NumPy backend does not train")
    return runner.Study(str(SMALL), settings(), Console(quiet=True)).run()


@pytest.fixture
def three(measured: dict[str, Any]) -> dict[str, Any]:
    """A study of three backends that measured the same."""
    study = copy.deepcopy(measured)
    own = study["runs"][0]["backend"]
    others = [b for b in ("jax", "tensorflow", "torch") if b != own]
    for other in others:
        study["runs"] += [copy.deepcopy(r) | {"backend": other} for r in measured["runs"]]
        study["backends"][other] = copy.deepcopy(measured["backends"][own])
    study["verdict"] = verdict.of_study(study)
    return study
