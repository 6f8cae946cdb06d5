"""Identities that must hold for any input, tried by hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from keras import ops

from tests.case import Case, Law
from tests.checks.numbers import close


def test_law(case: Case, law: Law, backend: Any) -> None:
    @given(law.draw())
    def holds(drawn: tuple[np.ndarray, np.ndarray]) -> None:
        left, right = (backend.array(x) if ops.is_tensor(x) else np.asarray(x) for x in law.statement(*drawn))
        close(left, right, ulps=256, floor=8 * max(case.floor, 1.0))

    holds()
