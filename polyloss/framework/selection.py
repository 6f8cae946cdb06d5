"""Which framework Keras takes where `KERAS_BACKEND` names none: TensorFlow, or else the first that is installed.

Keras alone takes TensorFlow (or what its configuration file says) and cannot be imported where that is not
installed. `import polyloss` before `import keras` then sets `KERAS_BACKEND` to a framework that is there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import sys
from collections.abc import Callable, MutableMapping

from polyloss.framework.announced import in_words, names


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _configured(environ: MutableMapping[str, str]) -> str:
    """What Keras's configuration file says; Keras writes one itself, with TensorFlow in it."""
    home = pathlib.Path(environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras")
    try:
        return str(json.loads((home / "keras.json").read_text())["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"


def select_backend(
    environ: MutableMapping[str, str] = os.environ,
    installed: Callable[[str], bool] = _installed,
    loaded: bool | None = None,
) -> None:
    """Set `KERAS_BACKEND` where Keras would look for a framework that is not there.

    Args:
        environ: The environment.
        installed: Whether a package is there.
        loaded: Whether Keras is imported already, and its choice made.

    Raises:
        ModuleNotFoundError: where `KERAS_BACKEND` names a framework that is not installed, or none is.

    >>> from polyloss.framework.selection import select_backend
    >>> environ = {"KERAS_HOME": "/nowhere"}
    >>> select_backend(environ, lambda name: name == "torch", loaded=False)
    >>> environ["KERAS_BACKEND"]
    'torch'
    """
    if "keras" in sys.modules if loaded is None else loaded:
        return
    asked = environ.get("KERAS_BACKEND")
    wanted = asked or _configured(environ)
    if wanted not in names() or installed(wanted):
        return
    here = [name for name in names() if installed(name)]
    if not here:
        raise ModuleNotFoundError(
            f"polyloss: needs {in_words()}. Got none that is installed: python -m pip install {asked or names()[0]}",
            name=wanted,
        )
    if asked:
        raise ModuleNotFoundError(
            f"polyloss: KERAS_BACKEND must name a framework that is installed, here {' or '.join(here)}. Got "
            f"KERAS_BACKEND={asked}: set another, or python -m pip install {asked}",
            name=wanted,
        )
    environ["KERAS_BACKEND"] = here[0]
