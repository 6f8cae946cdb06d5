"""Which framework Keras takes where nothing says so."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from polyloss.framework.announced import names
from polyloss.framework.selection import select_backend

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("asked", "configured", "installed", "after"),
    [
        (None, None, "tensorflow jax torch", None),
        (None, "tensorflow", "jax torch", "jax"),
        (None, None, "torch", "torch"),
        (None, "torch", "torch", None),
        (None, "jax", "tensorflow", "tensorflow"),
        (None, "not json", "torch", "torch"),
        ("torch", None, "torch", "torch"),
        ("numpy", None, "", "numpy"),
        ("", None, "jax", "jax"),
    ],
)
def test_select_backend(
    asked: str | None, configured: str | None, installed: str, after: str | None, tmp_path: pathlib.Path
) -> None:
    environ = {"KERAS_HOME": str(tmp_path)} | ({} if asked is None else {"KERAS_BACKEND": asked})
    if configured is not None:
        text = "{" if configured == "not json" else json.dumps({"backend": configured})
        (tmp_path / "keras.json").write_text(text)
    select_backend(environ, installed.split().__contains__, loaded=False)
    assert environ.get("KERAS_BACKEND") == after


def test_too_late() -> None:
    environ: dict[str, str] = {}
    select_backend(environ, lambda name: False, loaded=True)
    assert environ == {}


@pytest.mark.parametrize(
    ("asked", "installed", "sentence"),
    [
        ("jax", "torch tensorflow", r"^polyloss: KERAS_BACKEND must name a framework that is installed, here tensorflow or "
         r"torch\. Got KERAS_BACKEND=jax: set another, or python -m pip install jax$"),
        ("torch", "", r"^polyloss: needs JAX, TensorFlow or PyTorch\. Got none .*: python -m pip install torch$"),
        ("", "", r"^polyloss: needs JAX, TensorFlow or PyTorch\. Got none that is installed: python -m pip install jax$"),
    ],
)  # fmt: skip
def test_nothing_there(asked: str, installed: str, sentence: str, tmp_path: pathlib.Path) -> None:
    environ = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": asked}
    with pytest.raises(ModuleNotFoundError, match=sentence):
        select_backend(environ, installed.split().__contains__, loaded=False)


def test_import_without_a_word(tmp_path: pathlib.Path) -> None:
    """`import polyloss` works here whichever framework this environment has."""
    environ = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import polyloss, keras; print(keras.backend.backend())"],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**environ, "KERAS_HOME": str(tmp_path)},
    )  # fmt: skip
    assert out.stdout.strip() in names()
