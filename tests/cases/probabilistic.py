"""Cases of `polyloss.losses.probabilistic`."""

from __future__ import annotations

import math

import numpy as np
from mpmath import mp

import polyloss
from tests import draws
from tests.case import Case, Corner, Law, Minimiser, inf, nan
from tests.oracle import Dual, exp, log, sqrt


def gaussian(y: float, p: list[Dual]) -> list[Dual]:
    """Minus the logarithm of the normal density."""
    mean, variance = p[0], exp(p[1])
    density = exp(-((y - mean) ** 2) / (2 * variance)) / sqrt(2 * mp.pi * variance)
    return [-log(density)]


CONSTANT = 0.5 * math.log(2 * math.pi)
SQUARE = float(np.float32(1e-15)) ** 2 * math.exp(100)
"""Of an error of 1e-15 over the deviation at a log variance of -100."""

CASES = [
    Case(
        loss=polyloss.GaussianNLLLoss,
        reference=gaussian,
        variants=[{}],
        example={},
        corners=[
            Corner({}, 2.0, [2.0, 3.0], [CONSTANT + 1.5], [0.0, 0.5], edge="mean = target"),
            Corner({}, 0.0, [0.0, 0.0], [CONSTANT], [0.0, 0.5], edge="mean = target"),
            Corner({}, 1.0, [0.0, 0.0], [CONSTANT + 0.5], [-1.0, 0.0]),
            Corner({}, [3.0], [1.0, 0.0], [CONSTANT + 2], [-2.0, -1.5]),
            Corner({}, 0.0, [1.0, 100.0], [CONSTANT + 50], [0.0, 0.5], edge="s = 100"),
            Corner({}, 0.0, [1.0, -100.0], [inf], [inf, -inf], edge="s = -100, an error of 1, float32"),
            Corner({}, 0.0, [-1.0, -100.0], [inf], [-inf, -inf], edge="s = -100, an error of 1, float32"),
            Corner(
                {},
                0.0,
                [1e-15, -100.0],
                [CONSTANT - 50 + SQUARE / 2],
                [SQUARE / float(np.float32(1e-15)), 0.5 - SQUARE / 2],
            ),
            Corner({}, 0.5, [0.5, -100.0], [CONSTANT - 50], [0.0, 0.5], edge="s = -100, mean = target"),
            Corner({}, 0.5, [0.5, -1e30], [-5e29], [0.0, 0.5]),
            Corner({}, 0.0, [1.0, inf], [inf], [0.0, 0.5], edge="s = inf"),
            Corner({}, 0.0, [1.0, -inf], [inf], [inf, -inf], edge="s = -inf"),
            Corner({}, 0.5, [0.5, -inf], [-inf], [0.0, 0.5], edge="s = -inf, mean = target"),
            Corner({}, 0.0, [inf, 0.0], [inf], [inf, -inf], edge="error +-inf"),
            Corner({}, inf, [0.0, 0.0], [inf], [-inf, -inf], edge="error +-inf"),
            Corner({}, 0.0, [nan, 0.0], [nan], [nan, nan], edge="NaN"),
            Corner({}, 0.0, [0.0, nan], [nan], [nan, nan], edge="NaN"),
            Corner({}, nan, [0.0, 0.0], [nan], [nan, nan], edge="NaN"),
        ],
        minimisers=[
            Minimiser(
                "the mean and the logarithm of the variance",
                lambda rng: rng.gamma(2.0, 3.0, 301).astype("float32"),
                lambda y: np.array([y.mean(dtype="float64"), np.log(y.var(dtype="float64"))]),
            )
        ],
        laws=[
            Law(
                "variance 1 is half the squared error and a constant",
                draws.parameters,
                lambda y, p: (
                    polyloss.gaussian_nll_loss(y, p * np.float32([1, 0])),
                    polyloss.mean_squared_error(y[:, None], p[:, :1]) * 0.5 + CONSTANT,
                ),
            ),
            Law(
                "another unit adds its logarithm",
                draws.parameters,
                lambda y, p: (
                    polyloss.gaussian_nll_loss(8 * y, p * np.float32([8, 1]) + np.float32([0, 2 * math.log(8)])),
                    polyloss.gaussian_nll_loss(y, p) + math.log(8),
                ),
            ),
            Law(
                "any axes in front, and one of length 1 behind",
                draws.parameters,
                lambda y, p: (
                    polyloss.gaussian_nll_loss(y.reshape(2, 2, 1), p.reshape(2, 2, 2))[1],
                    polyloss.gaussian_nll_loss(y[2:], p[2:]),
                ),
            ),
        ],
    ),
]
