"""Every name that polyloss takes from Keras's inside: why, and what is done where a Keras no longer has it.

Nothing else in polyloss imports ``keras.src`` or reads an attribute of Keras that begins with an underscore.
`nox -s nightly` runs the checks with the newest Keras, so that a name that moves is known before it is released.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable
from typing import Any

import keras

_MASKS = ("keras.src.backend.common.masking", "keras.src.backend")
_SEEDS = ("keras.src.random.seed_generator", "keras.src.random")
_DRAWS = ("keras.src.backend",)


def _first(homes: tuple[str, ...], name: str) -> Any:
    """`name` from the first of its homes that has it; None: none has it."""
    for home in homes:
        try:
            found = getattr(importlib.import_module(home), name, None)
        except ModuleNotFoundError:
            continue
        if found is not None:
            return found
    return None


def _attribute() -> tuple[Callable[[Any], Any], Callable[[Any, Any], None]]:
    """Reads and sets the mask in the attribute in which tensors carry it, with a warning: some arrays take none."""
    warnings.warn(
        f"polyloss: Keras must have {' or '.join(f'{home}.get_keras_mask' for home in _MASKS)}. Got Keras "
        f"{keras.__version__}, which has none: losses do not see the mask of an array that takes no attribute. Install an older one.",
        RuntimeWarning,
        stacklevel=2,
    )
    return lambda x: getattr(x, "_keras_mask", None), lambda x, mask: setattr(x, "_keras_mask", mask)


get_keras_mask: Callable[[Any], Any]
"""The mask that layers gave a tensor, or None. Keras has no public name for it, and its own losses read it so."""

set_keras_mask: Callable[[Any, Any], Any]
"""Gives a tensor its mask: a study calls a layer once more with other tensors in the same places."""

get_keras_mask, set_keras_mask = _first(_MASKS, "get_keras_mask"), _first(_MASKS, "set_keras_mask")
if get_keras_mask is None or set_keras_mask is None:
    get_keras_mask, set_keras_mask = _attribute()


def draw_seed(seed: Any) -> Any:
    """The two words of a seed's next draw: a study draws the same numbers on every backend from them.

    Raises:
        ImportError: where it is gone, since a study cannot do without.
    """
    return _needed(_SEEDS, "draw_seed")(seed)


def random_module() -> Any:
    """The module through which every draw of Keras goes, for a study that draws the same on every backend.

    Raises:
        ImportError: where it is gone, since a study cannot do without.
    """
    return _needed(_DRAWS, "random")


@functools.cache
def _needed(homes: tuple[str, ...], name: str) -> Any:
    found = _first(homes, name)
    if found is None:
        raise ImportError(
            f"polyloss.study: Keras must have {' or '.join(f'{home}.{name}' for home in homes)}. Got Keras "
            f"{keras.__version__}, which has none; install an older one."
        )
    return found


def flat_layers(model: Any) -> list[Any]:
    """A model and all layers inside it, those inside layers too. Public names stop at the layers of a model.

    Where it is gone: a walk down ``layers``, which misses what a layer keeps for itself.
    """
    if hasattr(model, "_flatten_layers"):
        return list(model._flatten_layers())
    return [model, *(inner for layer in getattr(model, "layers", ()) for inner in flat_layers(layer))]


def seed_generators(layer: Any) -> tuple[Any, ...]:
    """The `keras.random.SeedGenerator` objects of a layer itself, which Keras tracks and shows nowhere. Gone: none."""
    return tuple(getattr(layer, "_seed_generators", ()))


def clear_losses(model: Any) -> None:
    """Forget what `add_loss` gathered in a call; `fit` does so by itself between steps. Gone: nothing to forget."""
    getattr(model, "_clear_losses", lambda: None)()
