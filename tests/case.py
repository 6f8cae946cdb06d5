"""A `Case`: all that the evidence machinery needs to know of one loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.oracle import Reference

Arrays = tuple[np.ndarray, np.ndarray]
Parameters = dict[str, Any]


@dataclass(frozen=True)
class Corner:
    """One sample whose value (and gradient) is known exactly; what bad values give is a corner too.

    `gradient` None: it is not promised. An entry None: that entry is not promised.
    """

    parameters: Parameters
    y_true: Any
    y_pred: Any
    value: Sequence[float]
    gradient: Sequence[float | None] | None = None
    labels: str = "float32"

    def __str__(self) -> str:
        given = ",".join(f"{k}={v}" for k, v in self.parameters.items())
        return f"{self.y_true}~{self.y_pred}~{given}".replace(" ", "")


@dataclass(frozen=True)
class Refusal:
    """A call that must raise exactly this sentence."""

    message: str
    parameters: Parameters = field(default_factory=dict)
    y_true: Any = None
    y_pred: Any = None
    error: type[Exception] = ValueError


@dataclass(frozen=True)
class Law:
    """An identity: `statement(y_true, y_pred)` gives two arrays that must agree for any drawn input."""

    name: str
    draw: Callable[[], Any]
    statement: Callable[[np.ndarray, np.ndarray], tuple[Any, Any]]


@dataclass(frozen=True, eq=False)
class Case:
    """One loss: its reference, inputs, corners, refusals and laws.

    Attributes:
        loss: The class; its function is `loss.function`.
        reference: The formula for one sample, on `tests.oracle.Dual` numbers: (y, p, **parameters) to a
            list of values.
        variants: Parameters to try.
        inputs: (parameters, dtype) to a batch of samples for value and gradient.
        batch: (parameters) to six ordinary samples in float32; labels in their own dtype.
        example: Parameters for checks that need only one set (training, weights, saving).
        output: Shape of one sample's prediction in a model.
        halves: For elementwise losses: (y, x, **parameters) to value and gradient in float64 NumPy, over
            all finite half-precision x.
        half_targets: The targets tried with all halves.
        floor: Absolute allowance in units of the ulp of 1.0 (softmax losses: 1, as every framework has).
        terms: How many terms the loss sums over.
    """

    loss: Any
    reference: Reference
    variants: Sequence[Parameters]
    inputs: Callable[[Parameters, str], Arrays]
    batch: Callable[[Parameters], Arrays]
    example: Parameters
    output: tuple[int, ...]
    corners: Sequence[Corner]
    refusals: Sequence[Refusal]
    laws: Sequence[Law]
    halves: Callable[..., tuple[np.ndarray, np.ndarray]] | None = None
    half_targets: Sequence[float] = (0.0, 1.0)
    floor: float = 0.0
    terms: int = 1

    @property
    def function(self) -> Callable[..., Any]:
        return self.loss.function

    @property
    def name(self) -> str:
        return self.loss.__name__


nan, inf = math.nan, math.inf


# -- domains of inputs ----------------------------------------------------------------------------


def rng() -> np.random.Generator:
    """The same numbers on every backend and every day."""
    return np.random.default_rng(20170807)


def saturating(dtype: str) -> np.ndarray:
    """Numbers over [-100, 100]: a grid, the neighbourhood of 0, where exponentials saturate, and random ones."""
    tiny = np.array([0.0, 1e-30, 1e-12, 1e-7, 1e-3, 0.1, 0.5, 1.0, 15.5, 16.7, 20.0, 37.0, 40.0, 87.0, 88.7, 100.0])
    return np.concatenate([tiny, -tiny, np.linspace(-100, 100, 81), rng().normal(0, 4, 60)]).astype(dtype)


def probabilities(dtype: str) -> np.ndarray:
    """[0, 1] with both ends, what lies around the clip, and random ones."""
    small = np.array([0.0, 1e-9, 5e-8, 1e-7, 2e-7, 1e-6, 1e-3, 0.1, 0.25, 0.5])
    return np.concatenate([small, 1 - small, rng().uniform(0, 1, 60)]).astype(dtype)


def against(targets: Sequence[float], x: np.ndarray) -> Arrays:
    """Every target with every prediction, one element a sample."""
    y = np.repeat(np.array(targets, x.dtype), len(x))
    return y[:, None], np.tile(x, len(targets))[:, None]


def logit_rows(dtype: str, count: int = 60) -> np.ndarray:
    """Rows of three logits: ties, confident rows, rows at every scale."""
    special = [
        [0, 0, 0],
        [1, 1, 0],
        [2, 5, 5],
        [20, 0, 0],
        [0, 20, -20],
        [100, -100, 0],
        [-100, 100, 100],
        [50, 49, 48],
        [1e-4, 0, -1e-4],
        [88, -88, 0],
        [-40, -41, -100],
    ]
    scales = np.resize([0.5, 3.0, 20.0], count)[:, None]
    return np.concatenate([np.array(special, "float64"), rng().normal(0, 1, (count, 3)) * scales]).astype(dtype)


def probability_rows(dtype: str, count: int = 40) -> np.ndarray:
    """Rows of three probabilities, some at the ends, some that do not quite sum to 1."""
    special = [[1, 0, 0], [0.5, 0.5, 0], [1e-8, 1 - 1e-8, 0], [0.2, 0.3, 0.5], [0.2, 0.2, 0.2], [1e-3, 0.5, 0.499]]
    drawn = rng().dirichlet([0.5, 0.5, 0.5], count)
    return np.concatenate([np.array(special, "float64"), drawn]).astype(dtype)


def labelled(rows: np.ndarray) -> Arrays:
    """Rows with every label in turn."""
    return (np.arange(len(rows)) % rows.shape[1]).astype("int32"), rows


def soft_labelled(rows: np.ndarray) -> Arrays:
    """Rows with one-hot and, every third, soft labels."""
    hot = np.eye(rows.shape[1])[np.arange(len(rows)) % rows.shape[1]]
    soft = np.array([0.125, 0.5, 0.375])
    return np.where((np.arange(len(rows)) % 3 == 2)[:, None], soft, hot).astype(rows.dtype), rows


def rows_for(parameters: Parameters, dtype: str) -> np.ndarray:
    """Logits or probabilities, as the parameters ask."""
    return logit_rows(dtype) if parameters.get("from_logits") else probability_rows(dtype)


def elements_for(parameters: Parameters, dtype: str) -> np.ndarray:
    """Logits or probabilities, as the parameters ask."""
    return saturating(dtype) if parameters.get("from_logits") else probabilities(dtype)
