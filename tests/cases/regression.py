"""Cases of `polyloss.losses.regression`."""

from __future__ import annotations

import math

import numpy as np

import polyloss
from tests import draws
from tests.case import Arrays, Case, Corner, Law, inf, nan, range_refusals, zero_for_truth
from tests.oracle import EPSILON, Dual, absolute, clip, log


def squared(y: list[float], p: list[Dual]) -> list[Dual]:
    """Mean of squares."""
    return [sum(((q - t) * (q - t) for t, q in zip(y, p, strict=True)), Dual(0)) / len(p)]


def absolutes(y: list[float], p: list[Dual]) -> list[Dual]:
    """Mean of absolute values."""
    return [sum((absolute(q - t) for t, q in zip(y, p, strict=True)), Dual(0)) / len(p)]


def huber(y: list[float], p: list[Dual], delta: float = 1.0) -> list[Dual]:
    """Huber 1964: squares inside delta, lines outside."""
    total = Dual(0)
    for t, q in zip(y, p, strict=True):
        e = absolute(q - t)
        total = total + (e * e * 0.5 if e <= delta else Dual(delta) * e - Dual(delta) * Dual(delta) * 0.5)
    return [total / len(p)]


def squared_log(y: list[float], p: list[Dual]) -> list[Dual]:
    """Mean of squared differences of log(1 + x), x clipped at epsilon."""
    total = Dual(0)
    for t, q in zip(y, p, strict=True):
        e = log(1 + clip(q, EPSILON)) - log(1 + clip(Dual(t), EPSILON))
        total = total + e * e
    return [total / len(p)]


def squared_halves(y: float, x: np.ndarray) -> Arrays:
    return (x - y) ** 2, 2 * (x - y)


def absolute_halves(y: float, x: np.ndarray) -> Arrays:
    return np.abs(x - y), np.sign(x - y)


def huber_halves(y: float, x: np.ndarray) -> Arrays:
    e = x - y
    inside = np.abs(e) <= 1
    return np.where(inside, 0.5 * e * e, np.abs(e) - 0.5), np.where(inside, e, np.sign(e))


def squared_log_halves(y: float, x: np.ndarray) -> Arrays:
    p, t = np.maximum(x, 1e-7), max(y, 1e-7)
    difference = np.where(
        np.abs(p - t) < 0.5 * (1 + t), np.log1p(np.clip((p - t) / (1 + t), -0.6, 0.6)), np.log1p(p) - np.log1p(t)
    )
    return difference**2, 2 * difference / (1 + p)


BELOW = math.log1p(1e-7) - math.log(2)
"""What a prediction below 0 is short of a target of 1."""

CASES = [
    Case(
        loss=polyloss.MeanSquaredError,
        reference=squared,
        variants=[{}],
        example={},
        halves=squared_halves,
        half_targets=(0.0, 1.5),
        corners=[
            Corner({}, [2.0], [2.0], [0.0], [0.0]),
            Corner({}, [0.0], [1e30], [inf], [2e30]),
            Corner({}, [0.0], [inf], [inf], [inf]),
            Corner({}, [0.0], [nan], [nan], [nan]),
            Corner({}, [nan], [0.0], [nan]),
            Corner({}, [1.0, 2.0], [2.0, 4.0], [2.5], [1.0, 2.0]),
        ],
        laws=[
            Law("zero at truth", draws.reals, zero_for_truth(polyloss.mean_squared_error)),
            Law(
                "targets and predictions may change places",
                draws.reals,
                lambda y, p: (polyloss.mean_squared_error(y, p), polyloss.mean_squared_error(p, y)),
            ),
        ],
    ),
    Case(
        loss=polyloss.MeanAbsoluteError,
        reference=absolutes,
        variants=[{}],
        example={},
        halves=absolute_halves,
        half_targets=(0.0, 1.5),
        corners=[
            Corner({}, [2.0], [2.0], [0.0], [0.0]),
            Corner({}, [0.0], [-0.0], [0.0], [0.0]),
            Corner({}, [0.0], [1e-30], [1e-30], [1.0]),
            Corner({}, [0.0], [inf], [inf], [1.0]),
            Corner({}, [0.0], [-inf], [inf], [-1.0]),
            Corner({}, [0.0], [nan], [nan]),
            Corner({}, [1.0, 2.0], [2.0, 4.0], [1.5], [0.5, 0.5]),
        ],
        laws=[
            Law("zero at truth", draws.reals, zero_for_truth(polyloss.mean_absolute_error)),
            Law(
                "twice the error is twice the loss",
                draws.reals,
                lambda y, p: (polyloss.mean_absolute_error(2 * y, 2 * p), 2 * polyloss.mean_absolute_error(y, p)),
            ),
        ],
    ),
    Case(
        loss=polyloss.Huber,
        reference=huber,
        variants=[{}, {"delta": 0.1}, {"delta": 30.0}],
        example={},
        halves=huber_halves,
        half_targets=(0.0, 1.5),
        corners=[
            Corner({}, [2.0], [2.0], [0.0], [0.0]),
            Corner({}, [0.0], [1.0], [0.5], [1.0]),
            Corner({}, [0.0], [-3.0], [2.5], [-1.0]),
            Corner({}, [0.0], [inf], [inf], [1.0]),
            Corner({}, [0.0], [-inf], [inf], [-1.0]),
            Corner({}, [0.0], [1e30], [1e30], [1.0]),
            Corner({"delta": 2.0}, [inf], [0.0], [inf], [-2.0]),
            Corner({}, [0.0], [nan], [nan], [nan]),
        ],
        refused=range_refusals("huber", "delta", "be greater than 0", 0, -1.0),
        laws=[
            Law("zero at truth", draws.reals, zero_for_truth(polyloss.huber)),
            Law(
                "a large delta gives half the squared error",
                draws.reals,
                lambda y, p: (polyloss.huber(y, p, 1e4), polyloss.mean_squared_error(y, p) * 0.5),
            ),
        ],
    ),
    Case(
        loss=polyloss.MeanSquaredLogarithmicError,
        reference=squared_log,
        variants=[{}],
        example={},
        halves=squared_log_halves,
        half_targets=(0.0, 1.5, 300.0),
        corners=[
            Corner({}, [2.0], [2.0], [0.0], [0.0]),
            Corner({}, [9.0], [99.0], [5.301898110478399]),
            Corner({}, [0.0], [0.0], [0.0], [0.0]),
            Corner({}, [1.0], [-5.0], [BELOW**2], [2 * BELOW / (1 + 1e-7)]),
            Corner({}, [1.0], [inf], [inf]),
            Corner({}, [1.0], [nan], [nan]),
            Corner({}, [1000.0], [1000.5], [math.log1p(0.5 / 1001) ** 2]),
        ],
        laws=[
            Law("zero at truth", draws.amounts, zero_for_truth(polyloss.mean_squared_logarithmic_error)),
            Law(
                "targets and predictions may change places",
                draws.amounts,
                lambda y, p: (
                    polyloss.mean_squared_logarithmic_error(y, p),
                    polyloss.mean_squared_logarithmic_error(p, y),
                ),
            ),
        ],
    ),
]
