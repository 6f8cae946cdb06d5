"""What the documentation says of Keras's backends is what they do."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
from typing import Any

import pytest

from polyloss.framework import process

PATH = pathlib.Path(__file__).parents[2] / "docs" / "examples" / "known_disagreements.py"
spec = importlib.util.spec_from_file_location("known_disagreements", PATH)
assert spec is not None
assert spec.loader is not None
known = importlib.util.module_from_spec(spec)
spec.loader.exec_module(known)
STORED = json.loads(known.STORED.read_text())


@pytest.mark.gradients
@pytest.mark.parametrize("name", known.CASES)
def test_it_is_so_on_this_backend(name: str, backend: Any) -> None:
    if name.startswith("auto_compile") and process.device_name() != "cpu":
        pytest.skip("said of a machine without a GPU")
    assert known.shown(name) == STORED[os.environ["KERAS_BACKEND"]][name]


def test_the_table_is_that_of_the_numbers() -> None:
    assert known.TABLE.read_text() == known.table(STORED)
    text = (PATH.parents[1] / "disagreements.md").read_text()
    assert [name for name in known.CASES if f"`{name}`" not in text and not name.startswith("slope_")] == []
