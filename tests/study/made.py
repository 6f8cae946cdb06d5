"""One small study on the session's own backend, and what becomes of it when others are made of it."""

from __future__ import annotations

import copy
import os
import pathlib
from typing import Any

from rich.console import Console

from polyloss import framework
from polyloss.study import runner, verdict

HERE = pathlib.Path(__file__).parent


def settings(**changed: Any) -> runner.Settings:
    """For a study of a few seconds."""
    own = os.environ["KERAS_BACKEND"]
    return runner.Settings(**{"backends": (own,), "modes": ("auto", "loop"), "seeds": 2, "moved": 2, **changed})


def measure(file: str = "small.py", **changed: Any) -> dict[str, Any]:
    """A study of one backend."""
    return runner.Study(str(HERE / file), settings(**changed), Console(quiet=True)).run()


def three_of(measured: dict[str, Any]) -> dict[str, Any]:
    """A study of three backends that measured the same."""
    study = copy.deepcopy(measured)
    own = study["runs"][0]["backend"]
    for other in framework.names():
        if other != own:
            study["runs"] += [copy.deepcopy(r) | {"backend": other} for r in measured["runs"]]
            study["backends"][other] = copy.deepcopy(measured["backends"][own])
    study["verdict"] = verdict.of_study(study)
    return study
