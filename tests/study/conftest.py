"""The small study, once a session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.study import made


@pytest.fixture(scope="session")
def measured(backend: Any) -> dict[str, Any]:
    """A study of one backend."""
    if not backend.GRADIENTS:
        pytest.skip("this backend has no gradients")
    return made.measure()


@pytest.fixture
def three(measured: dict[str, Any]) -> dict[str, Any]:
    """A study of three backends that measured the same."""
    return made.three_of(measured)
