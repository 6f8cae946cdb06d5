"""Cases of `polyloss.losses.regression`."""

from __future__ import annotations

import math

import numpy as np

import polyloss
from tests import draws
from tests.case import Arrays, Case, Corner, Law, Minimiser, Refusal, inf, nan, of_reals, range_refusals, zero_for_truth
from tests.oracle import EPSILON, Dual, absolute, clip, exp, log


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


def log_cosh(y: list[float], p: list[Dual]) -> list[Dual]:
    """Logarithm of the hyperbolic cosine, by its definition."""
    return [sum((log((exp(q - t) + exp(t - q)) * 0.5) for t, q in zip(y, p, strict=True)), Dual(0)) / len(p)]


def pinball(u: Dual, tau: float) -> Dual:
    """Koenker and Bassett 1978: u (tau - [u < 0]), with derivative 0 at 0: the subgradient that polyloss fixes."""
    if u.value == 0:
        return Dual(0)
    return u * (Dual(tau) - (1 if u < 0 else 0))


def quantile(y: float | list[float], p: list[Dual], quantiles: float | tuple[float, ...] = 0.5) -> list[Dual]:
    """One quantile of each target, or several of one target."""
    targets = y if isinstance(y, list) else [y] * len(p)
    levels = quantiles if isinstance(quantiles, tuple) else (quantiles,) * len(p)
    return [sum((pinball(t - q, tau) for t, q, tau in zip(targets, p, levels, strict=True)), Dual(0)) / len(p)]


def squared_halves(y: float, x: np.ndarray) -> Arrays:
    return (x - y) ** 2, 2 * (x - y)


def absolute_halves(y: float, x: np.ndarray) -> Arrays:
    return np.abs(x - y), np.sign(x - y)


def huber_halves(y: float, x: np.ndarray) -> Arrays:
    e = x - y
    inside = np.abs(e) <= 1
    return np.where(inside, 0.5 * e * e, np.abs(e) - 0.5), np.where(inside, e, np.sign(e))


def log_cosh_halves(y: float, x: np.ndarray) -> Arrays:
    e = x - y
    size = np.abs(e)
    near = np.minimum(size, 30)
    value = np.where(size < 1, np.log1p(2 * np.sinh(near / 2) ** 2), size + np.log1p(np.exp(-2 * size)) - math.log(2))
    return value, np.tanh(e)


def quantile_halves(y: float, x: np.ndarray, quantiles: float) -> Arrays:
    u = y - x
    slope = np.where(u > 0, quantiles, np.where(u < 0, quantiles - 1, 0.0))
    return u * slope, -slope


def squared_log_halves(y: float, x: np.ndarray) -> Arrays:
    p, t = np.maximum(x, 1e-7), max(y, 1e-7)
    difference = np.where(
        np.abs(p - t) < 0.5 * (1 + t), np.log1p(np.clip((p - t) / (1 + t), -0.6, 0.6)), np.log1p(p) - np.log1p(t)
    )
    return difference**2, 2 * difference / (1 + p)


def symmetric(rng: np.random.Generator) -> np.ndarray:
    """Numbers about 2, each with its mirror image."""
    off = rng.normal(0, 3, (101, 1))
    return np.concatenate([2 + off, 2 - off]).astype("float32")


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
            Corner({}, [2.0], [2.0], [0.0], [0.0], edge="prediction = target"),
            Corner({}, [0.0, 0.0], [1e20, 0.0], [inf], [1e20, 0.0], edge="error 1e20, float32"),
            Corner({}, [0.0], [1e30], [inf], [2e30]),
            Corner({}, [0.0], [inf], [inf], [inf], edge="error +-inf"),
            Corner({}, [0.0], [-inf], [inf], [-inf], edge="error +-inf"),
            Corner({}, [0.0], [nan], [nan], [nan], edge="NaN"),
            Corner({}, [nan], [0.0], [nan]),
            Corner({}, [1.0, 2.0], [2.0, 4.0], [2.5], [1.0, 2.0]),
        ],
        minimisers=[of_reals("the mean", lambda y: y.mean(0, dtype="float64"))],
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
            Corner({}, [2.0], [2.0], [0.0], [0.0], edge="prediction = target"),
            Corner({}, [0.0], [-0.0], [0.0], [0.0], edge="prediction = target"),
            Corner({}, [0.0], [1e-30], [1e-30], [1.0]),
            Corner({}, [0.0], [inf], [inf], [1.0], edge="error +-inf"),
            Corner({}, [0.0, 0.0], [-inf, 1.0], [inf], [-0.5, 0.5], edge="error +-inf"),
            Corner({}, [0.0], [nan], [nan], edge="NaN"),
            Corner({}, [1.0, 2.0], [2.0, 4.0], [1.5], [0.5, 0.5]),
        ],
        minimisers=[of_reals("the median", lambda y: np.median(y, 0))],
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
            Corner({}, [0.0], [inf], [inf], [1.0], edge="error +-inf"),
            Corner({}, [0.0], [-inf], [inf], [-1.0], edge="error +-inf"),
            Corner({}, [0.0], [1e30], [1e30], [1.0]),
            Corner({"delta": 2.0}, [inf], [0.0], [inf], [-2.0], edge="error +-inf"),
            Corner({}, [0.0], [nan], [nan], [nan], edge="NaN"),
        ],
        refused=range_refusals("huber", "delta", "be greater than 0", 0, -1.0),
        minimisers=[
            Minimiser("the centre of what is symmetric", symmetric, lambda y: [2.0]),
            of_reals("the mean, where every error is within delta", lambda y: y.mean(0, dtype="float64"), delta=1e3),
        ],
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
        loss=polyloss.LogCosh,
        reference=log_cosh,
        variants=[{}],
        example={},
        halves=log_cosh_halves,
        half_targets=(0.0, 1.5),
        corners=[
            Corner({}, [2.0], [2.0], [0.0], [0.0], edge="prediction = target"),
            Corner({}, [0.0], [1e-3], [4.9999992e-7], [9.9999967e-4], edge="error 1e-3"),
            Corner({}, [0.0], [1e-15], [5e-31], [1e-15]),
            Corner({}, [0.0], [-1e-20], [0.0], [-1e-20]),
            Corner({}, [0.0, 0.0], [1.0, -3.0], [1.3715544], [0.38079708, -0.49752738]),
            Corner({}, [0.0], [100.0], [100 - math.log(2)], [1.0]),
            Corner({}, [0.0], [1e30], [1e30], [1.0], edge="error 1e30"),
            Corner({}, [0.0], [inf], [inf], [1.0], edge="error +-inf"),
            Corner({}, [0.0], [-inf], [inf], [-1.0], edge="error +-inf"),
            Corner({}, [inf, 0.0], [0.0, 0.0], [inf], [-0.5, 0.0], edge="error +-inf"),
            Corner({}, [0.0], [nan], [nan], [nan], edge="NaN"),
        ],
        minimisers=[Minimiser("the centre of what is symmetric", symmetric, lambda y: [2.0])],
        laws=[
            Law("zero at truth", draws.reals, zero_for_truth(polyloss.log_cosh)),
            Law(
                "targets and predictions may change places",
                draws.reals,
                lambda y, p: (polyloss.log_cosh(y, p), polyloss.log_cosh(p, y)),
            ),
            Law(
                "the logarithm of a sum of exponentials, less log 2",
                draws.reals,
                lambda y, p: (polyloss.log_cosh(y, p), (np.logaddexp(p - y, y - p) - math.log(2)).mean(-1)),
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
            Corner({}, [1.0], [-5.0], [BELOW**2], [2 * BELOW / (1 + 1e-7)], edge="prediction below 0"),
            Corner({}, [1.0], [0.0], [BELOW**2], [2 * BELOW / (1 + 1e-7)], edge="prediction below 0"),
            Corner({}, [1.0], [-inf], [BELOW**2], [2 * BELOW / (1 + 1e-7)], edge="prediction below 0"),
            Corner({}, [1.0], [inf], [inf], edge="prediction +inf"),
            Corner({}, [1.0], [nan], [nan], [nan], edge="NaN"),
            Corner({}, [1000.0], [1000.5], [math.log1p(0.5 / 1001) ** 2]),
        ],
        minimisers=[of_reals("the mean of log(1 + y), taken back", lambda y: np.expm1(np.log1p(y).mean(0)))],
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
    Case(
        loss=polyloss.QuantileLoss,
        reference=quantile,
        variants=[{"quantiles": 0.9}, {}, {"quantiles": (0.001, 0.5, 0.95)}],
        example={"quantiles": 0.9},
        halves=quantile_halves,
        half_targets=(0.0, 1.5),
        corners=[
            Corner({"quantiles": 0.9}, [2.0], [2.0], [0.0], [0.0], edge="prediction = target"),
            Corner({"quantiles": 0.9}, [0.0], [-0.0], [0.0], [0.0], edge="prediction = target"),
            Corner({"quantiles": 0.9}, [3.0], [1.0], [1.8], [-0.9]),
            Corner({"quantiles": 0.9}, [3.0], [5.0], [0.2], [0.1]),
            Corner({"quantiles": 0.999}, [0.0], [1.0], [0.001], [0.001]),
            Corner({}, [1.0, 2.0], [2.0, 4.0], [0.75], [0.25, 0.25]),
            Corner({"quantiles": 0.9}, [0.0, 1.0], [-inf, 1.0], [inf], [-0.45, 0.0], edge="prediction -inf"),
            Corner({"quantiles": 0.9}, [0.0], [inf], [inf], [0.1], edge="prediction +inf"),
            Corner({"quantiles": 0.9}, [inf], [0.0], [inf], [-0.9]),
            Corner({"quantiles": 0.9}, [0.0], [nan], [nan], [nan], edge="NaN"),
            Corner({"quantiles": (0.1, 0.5, 0.9)}, 3.0, [1.0, 3.0, 5.0], [0.4 / 3], [-0.1 / 3, 0.0, 0.1 / 3]),
            Corner({"quantiles": (0.1, 0.5, 0.9)}, [3.0], [1.0, 3.0, 5.0], [0.4 / 3], [-0.1 / 3, 0.0, 0.1 / 3]),
            Corner({"quantiles": (0.25,)}, 3.0, [1.0], [0.5], [-0.25]),
            Corner({"quantiles": (0.1, 0.9)}, 0.0, [nan, 1.0], [nan], [nan, 0.05]),
            Corner({"quantiles": (0.1, 0.9)}, 0.0, [inf, -inf], [inf], [0.45, -0.45]),
        ],
        refused=[
            *range_refusals("quantile_loss", "quantiles", "be greater than 0 and less than 1", 0, 1.0, -0.1)[:-2],
            Refusal(
                "quantile_loss: quantiles must be greater than 0 and less than 1. Got quantiles=(0.5, 1.0).",
                {"quantiles": [0.5, 1.0]},
            ),
            *(
                Refusal(
                    f"quantile_loss: quantiles must be a number or a sequence of numbers. Got quantiles={wrong!r}.",
                    {"quantiles": wrong},
                    error=TypeError,
                )
                for wrong in ("much", True, (True, 0.5))
            ),
            Refusal(
                "quantile_loss: quantiles must have 2 entries, one for each place on the last axis of y_pred. "
                "Got quantiles=(0.1, 0.5, 0.9).",
                {"quantiles": (0.1, 0.5, 0.9)},
                np.zeros(4),
                np.zeros((4, 2)),
            ),
            *(
                Refusal(
                    "quantile_loss: y_true must have the shape of y_pred without its last axis. "
                    f"Got y_true.shape={y}, y_pred.shape={p}.",
                    {"quantiles": (0.1, 0.9)},
                    np.zeros(y),
                    np.zeros(p),
                )
                for y, p in (((4, 2), (4, 2)), ((5,), (4, 2)), ((5, 1), (4, 2)), ((4,), (4, 1, 2)), ((), ()))
            ),
        ],
        minimisers=[
            of_reals("the quantile", lambda y: np.quantile(y, 0.9, 0, method="inverted_cdf"), quantiles=0.9),
            Minimiser(
                "each quantile",
                lambda rng: rng.gamma(2.0, 3.0, 301).astype("float32"),
                lambda y: np.quantile(y, (0.1, 0.5, 0.9), method="inverted_cdf"),
                {"quantiles": (0.1, 0.5, 0.9)},
            ),
        ],
        laws=[
            Law("zero at truth", draws.reals, zero_for_truth(polyloss.quantile_loss)),
            Law(
                "one half is half the absolute error",
                draws.reals,
                lambda y, p: (polyloss.quantile_loss(y, p), polyloss.mean_absolute_error(y, p) * 0.5),
            ),
            Law(
                "what is above becomes what is below in a mirror",
                draws.reals,
                lambda y, p: (
                    polyloss.quantile_loss(y, p, quantiles=0.75),
                    polyloss.quantile_loss(-y, -p, quantiles=0.25),
                ),
            ),
            Law(
                "several are the mean of one each",
                draws.reals,
                lambda y, p: (
                    polyloss.quantile_loss(y[:, :1], p, quantiles=(0.2, 0.9)),
                    polyloss.quantile_loss(y[:, :1], p[:, :1], quantiles=0.2) * 0.5
                    + polyloss.quantile_loss(y[:, :1], p[:, 1:], quantiles=0.9) * 0.5,
                ),
            ),
        ],
    ),
]
