"""The small study, once a session."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.study import made


@pytest.fixture(scope="session")
def measured() -> dict[str, Any]:
    """A study of one backend."""
    if os.environ["KERAS_BACKEND"] == "numpy":
        pytest.skip("Keras's NumPy backend does not train")
    return made.measure()


@pytest.fixture
def three(measured: dict[str, Any]) -> dict[str, Any]:
    """A study of three backends that measured the same."""
    return made.three_of(measured)
