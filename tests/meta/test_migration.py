"""The migration tables: names that exist, all of them, and numbers that are the same where a table says so."""

from __future__ import annotations

import importlib
import importlib.util
import math
import pathlib
import tomllib
from typing import Any

import keras
import numpy as np
import pytest

import polyloss

TABLES = tomllib.loads((pathlib.Path(__file__).parents[2] / "docs" / "data" / "migration.toml").read_text("utf-8"))
LIBRARIES = TABLES["library"]
ALIASES = {"segmentation_models_pytorch": "smp", "pytorch_metric_learning.losses": "pml"}
FRAMEWORK = {"torch.nn": "torch", "optax": "jax"}
"""Whose tensors a library takes; keras takes those of any backend, the others torch's."""


def data(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets."""
    draws = np.random.default_rng(7)
    x = draws.normal(0, 3, (6, 4)).astype("float32")
    classes = np.array([0, 1, 2, 3, 1, 0])
    image = draws.normal(0, 3, (2, 4, 5, 3)).astype("float32")
    corners = draws.uniform(0, 1, (2, 2, 6, 2)).astype("float32") + np.float32(0.1)
    return {
        "logits": (x, (draws.uniform(size=x.shape) < 0.4).astype("float32")),
        "probabilities": (1 / (1 + np.exp(-x)), (draws.uniform(size=x.shape) < 0.4).astype("float32")),
        "labels": (x, classes),
        "one-hot": (x, np.eye(4, dtype="float32")[classes]),
        "numbers": (x, draws.normal(0, 1, x.shape).astype("float32")),
        "positive": (np.abs(x), np.abs(draws.normal(0, 9, x.shape)).astype("float32")),
        "masks": (image, (draws.uniform(size=image.shape) < 0.4).astype("float32")),
        "boxes": tuple(np.concatenate([low, low + sides], 1) for low, sides in corners),
        "maps": (image, draws.integers(0, 4, (2, 5, 3))),
    }[kind]


def library(entry: dict[str, Any]) -> dict[str, Any]:
    """What its expressions may name; skips where it is not installed or does not run on this backend."""
    package = entry["module"].partition(".")[0]
    framework = FRAMEWORK.get(entry["name"], "torch")
    backend = keras.backend.backend()
    if backend == "numpy" or (package != "keras" and backend != framework):
        pytest.skip(f"{entry['name']} does not run on {backend}")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{entry['name']} is not installed")
    importlib.import_module(entry["module"])
    names: dict[str, Any] = {"keras": keras, "polyloss": polyloss, package: importlib.import_module(package)}
    for module, alias in ALIASES.items():
        if entry["module"].startswith(module):
            names[alias] = importlib.import_module(module)
    return names


@pytest.mark.parametrize("entry", LIBRARIES, ids=[entry["name"] for entry in LIBRARIES])
def test_every_name_of_the_library_is_there(entry: dict[str, Any]) -> None:
    listed = [loss["name"] for loss in entry["loss"]]
    assert len(set(listed)) == len(listed)
    assert set(listed) == set(eval(entry["names"], library(entry)))


@pytest.mark.parametrize(
    ("entry", "theirs", "ours", "kind"),
    [(entry, *same) for entry in LIBRARIES for loss in entry["loss"] for same in loss.get("same", [])],
    ids=lambda x: x if isinstance(x, str) else x["name"],
)
def test_the_same_numbers(entry: dict[str, Any], theirs: str, ours: str, kind: str, backend: Any) -> None:
    names = library(entry)
    x, y = (backend.tensor(a) for a in data(kind))
    one, other = (float(eval(code, {**names, "x": x, "y": y})) for code in (theirs, ours))
    assert math.isclose(one, other, rel_tol=2e-5), f"{theirs} is {one}, {ours} is {other}"


def test_what_is_here_is_public() -> None:
    for entry in LIBRARIES:
        for loss in entry["loss"]:
            assert loss.get("here", "Loss") in polyloss.__all__
            assert not (same := loss.get("same")) or any(f"polyloss.{loss['here']}(" in ours for _, ours, _ in same)


def test_every_loss_appears() -> None:
    """A loss that some library has is in a table, and one of a table says so; what nobody else has is in none."""
    here = {loss.get("here") for entry in LIBRARIES for loss in entry["loss"]}
    assert {name for name, cls in polyloss.catalogue().items() if cls.elsewhere} == here & set(polyloss.catalogue())
