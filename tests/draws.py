"""What the laws are tried on: hypothesis strategies for targets and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps


def _floats(low: float, high: float) -> Any:
    low, high = float(np.float32(low)), float(np.float32(high))
    return st.floats(low, high, width=32, allow_subnormal=False)


def _array(shape: tuple[int, ...], low: float, high: float) -> Any:
    return nps.arrays("float32", shape, elements=_floats(low, high))


def yes_no_logits() -> Any:
    """0/1 targets and logits, (4, 2)."""
    return st.tuples(nps.arrays("float32", (4, 2), elements=st.sampled_from([0.0, 1.0])), _array((4, 2), -60, 60))


def labels_and_logits() -> Any:
    """Integer labels and logits of three classes, (4,) and (4, 3)."""
    return st.tuples(nps.arrays("int32", (4,), elements=st.integers(0, 2)), _array((4, 3), -60, 60))


def reals() -> Any:
    """Targets and predictions, (4, 2)."""
    return st.tuples(_array((4, 2), -1e3, 1e3), _array((4, 2), -1e3, 1e3))


def amounts() -> Any:
    """Targets and predictions that are not negative, (4, 2)."""
    return st.tuples(_array((4, 2), 0.0, 1e6), _array((4, 2), 0.0, 1e6))


def parameters() -> Any:
    """Targets, and a location and a logarithm for each, (4,) and (4, 2)."""
    return st.tuples(_array((4,), -10, 10), _array((4, 2), -10, 10))


def pairs() -> Any:
    """Pair labels and pairs of embeddings, (4,) and (4, 2, 3)."""
    return st.tuples(nps.arrays("float32", (4,), elements=st.sampled_from([0.0, 1.0])), _array((4, 2, 3), -2, 2))


def embeddings() -> Any:
    """Ids and embeddings of a batch, (6,) and (6, 3)."""
    return st.tuples(nps.arrays("int32", (6,), elements=st.integers(0, 2)), _array((6, 3), -2, 2))


def scores() -> Any:
    """A critic's scores of real and of generated samples, (4, 2) each."""
    return st.tuples(_array((4, 2), -60, 60), _array((4, 2), -60, 60))


def two_rows() -> Any:
    """Logits of a teacher and of a student, (4, 3) each."""
    return st.tuples(_array((4, 3), -60, 60), _array((4, 3), -60, 60))


def maps() -> Any:
    """Integer labels of four pixels and logits of three classes, (2, 4) and (2, 4, 3)."""
    return st.tuples(nps.arrays("int32", (2, 4), elements=st.integers(0, 2)), _array((2, 4, 3), -30, 30))


def boxes() -> Any:
    """Boxes and predicted boxes, (4, 4) each: whole numbers, so that all formats say the same."""
    sides = nps.arrays("float32", (4, 4), elements=st.integers(-8, 8).map(float))
    return st.tuples(sides, sides)
