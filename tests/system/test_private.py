"""What polyloss does without the names that it takes from Keras's inside: told, or done another way."""

from __future__ import annotations

import importlib
import importlib.util
import types
from typing import Any

import keras
import numpy as np
import pytest

from polyloss.framework import private
from polyloss.framework.private import _DRAWS, _MASKS, _SEEDS

NAMES = {"get_keras_mask": _MASKS, "set_keras_mask": _MASKS, "draw_seed": _SEEDS, "random": _DRAWS}


def module_without(monkeypatch: pytest.MonkeyPatch, *names: str) -> types.ModuleType:
    """`polyloss.framework.private` as it is in a Keras that has lost these names, in all their homes."""
    for name in names:
        for home in NAMES[name]:
            monkeypatch.delattr(importlib.import_module(home), name, raising=False)
    spec = importlib.util.spec_from_file_location("private_of_a_later_keras", private.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def masked() -> tuple[Any, Any]:
    """What an Embedding layer gives, with its mask."""
    layer = keras.layers.Embedding(3, 2, mask_zero=True)
    found = layer(np.array([[1, 0]]))
    return found, layer.compute_mask(np.array([[1, 0]]))


def test_every_name_is_found_in_this_keras() -> None:
    for name, homes in NAMES.items():
        assert private._first(homes, name) is not None, name


@pytest.mark.parametrize("gone", [("get_keras_mask",), ("set_keras_mask",), ("get_keras_mask", "set_keras_mask")])
def test_without_masks_a_warning(monkeypatch: pytest.MonkeyPatch, gone: tuple[str, ...]) -> None:
    hidden, mask = masked()
    with pytest.warns(RuntimeWarning, match="Keras must have .*get_keras_mask"):
        without = module_without(monkeypatch, *gone)
    if not hasattr(hidden, "_keras_mask"):  # an array that takes no attribute, of NumPy
        assert without.get_keras_mask(hidden) is None
        return
    assert without.get_keras_mask(hidden) is private.get_keras_mask(hidden) is not None
    without.set_keras_mask(hidden, mask)
    assert private.get_keras_mask(hidden) is without.get_keras_mask(hidden) is mask


@pytest.mark.parametrize(("name", "call"), [("draw_seed", "draw_seed(0)"), ("random", "random_module()")])
def test_without_draws_an_error(monkeypatch: pytest.MonkeyPatch, name: str, call: str) -> None:
    without = module_without(monkeypatch, name)
    with pytest.raises(ImportError, match=rf"polyloss.study: Keras must have .*\.{name}\. Got Keras"):
        eval(f"private.{call}", {"private": without})


class Holder(keras.Model):
    """A layer inside a layer, kept for itself and shown by nothing public but `layers`."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.Dropout(0.5, seed=1)])

    def call(self, x: Any) -> Any:
        return self.inner(x)


def test_layers_inside_layers() -> None:
    model = Holder()
    model(np.ones((1, 2)))
    kinds = (keras.layers.Dense, keras.layers.Dropout)
    walked = [layer for layer in private.flat_layers(model) if isinstance(layer, kinds)]
    assert {type(layer): len(private.seed_generators(layer)) for layer in walked} == dict(
        zip(kinds, (0, 1), strict=True)
    )


def test_layers_without_the_walk_of_keras() -> None:
    leaf, other = types.SimpleNamespace(), types.SimpleNamespace(layers=[])
    inner = types.SimpleNamespace(layers=[leaf])
    model = types.SimpleNamespace(layers=[inner, other])
    assert private.flat_layers(model) == [model, inner, leaf, other]
    assert private.seed_generators(leaf) == ()


def test_losses_of_a_call_are_forgotten() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.ActivityRegularization(l2=1.0)])
    model(np.ones((1, 2)))
    assert len(model.losses) == 1
    private.clear_losses(model)
    assert model.losses == []
    private.clear_losses(types.SimpleNamespace())  # where the name is gone
