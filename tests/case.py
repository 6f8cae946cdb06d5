"""A `Case`: all that the evidence machinery needs to know of one loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from polyloss.core.declared import REQUIRED
from polyloss.core.kinds import Kind
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """One loss: its reference, corners, refusals and laws. Its kind supplies inputs, batch, output and refused shapes.

    Attributes:
        loss: The class; its function is `loss.function`.
        reference: The formula for one sample, on `tests.oracle.Dual` numbers: (y, p, **parameters) to a
            list of values.
        variants: Parameters to try.
        example: Parameters for checks that need only one set (training, weights, saving).
        corners: Exact points.
        refused: Calls that raise, beyond what the kind refuses.
        laws: Identities.
        halves: For elementwise losses: (y, x, **parameters) to value and gradient in float64 NumPy, over
            all finite half-precision x.
        half_targets: The targets tried with all halves.
        floor: Absolute allowance in units of the ulp of 1.0 (softmax losses: 1, as every framework has).
        terms: How many terms the loss sums over.
        own_inputs: (parameters, dtype) to a batch of samples, where those of the kind do not do.
    """

    loss: Any
    reference: Reference
    variants: Sequence[Parameters] = ({},)
    example: Parameters = field(default_factory=dict)
    corners: Sequence[Corner] = ()
    refused: Sequence[Refusal] = ()
    laws: Sequence[Law] = ()
    halves: Callable[..., tuple[np.ndarray, np.ndarray]] | None = None
    half_targets: Sequence[float] = (0.0, 1.0)
    floor: float = 0.0
    terms: int = 1
    own_inputs: Callable[[Parameters, str], Arrays] | None = None

    @property
    def function(self) -> Callable[..., Any]:
        return self.loss.function

    @property
    def name(self) -> str:
        return self.loss.__name__

    @property
    def kind(self) -> Kind:
        return self.loss.inputs

    @property
    def output(self) -> tuple[int, ...]:
        """The shape of one sample's prediction in a model."""
        return self.kind.output

    @property
    def refusals(self) -> list[Refusal]:
        """What the kind refuses, and what the loss does."""
        return [*of_kind(self.kind, self.function.__name__, self.options({}), self.example), *self.refused]

    def options(self, parameters: Parameters) -> Parameters:
        """All parameters, the defaults among them."""
        return self.loss(**{**self.example, **parameters} if self._requires else parameters)._options()

    @property
    def _requires(self) -> bool:
        return any(default is REQUIRED for default in self.loss._fields.values())

    def inputs(self, parameters: Parameters, dtype: str) -> Arrays:
        """Samples for value and gradient."""
        if self.own_inputs is not None:
            return self.own_inputs(parameters, dtype)
        return self.kind.inputs(self.options(parameters), dtype)

    def batch(self, parameters: Parameters) -> Arrays:
        """Six ordinary samples in float32; labels in their own dtype."""
        return self.kind.batch(self.options(parameters))


nan, inf = math.nan, math.inf


# -- what every loss of a kind refuses ------------------------------------------------------------


def shape_sentence(function: str, must: str, y: tuple[int, ...], p: tuple[int, ...]) -> str:
    return f"{function}: {must}. Got y_true.shape={y}, y_pred.shape={p}."


def of_kind(kind: Kind, function: str, options: Parameters, given: Parameters) -> list[Refusal]:
    """Shapes that do not fit, what is no tensor or not real, and a class axis that is none."""
    if not kind.has_targets:
        return []
    y, p = kind.batch(options)
    found = [
        Refusal(
            shape_sentence(function, m.must, m.y_true, m.y_pred),
            given,
            np.zeros(m.y_true, m.labels),
            np.zeros(m.y_pred),
        )
        for m in kind.misfits
    ]
    found += [
        Refusal(f"{function}: y_true must be a tensor. Got y_true=None.", given, None, p, TypeError),
        Refusal(f"{function}: y_pred must be a tensor. Got y_pred='no'.", given, y, "no", TypeError),
        Refusal(
            f"{function}: y_pred.dtype must be real. Got y_pred.dtype='complex64'.",
            given,
            y,
            p.astype("complex64"),
            TypeError,
        ),
    ]
    if "axis" in options:
        rank, shape = p.ndim, p.shape
        must = f"axis must be between -{rank} and {rank - 1} for y_pred.shape={shape}"
        found += [
            Refusal(f"{function}: {must}. Got axis={rank}.", {**given, "axis": rank}, y, p),
            Refusal(f"{function}: axis must be an integer. Got axis=1.0.", {**given, "axis": 1.0}, y, p, TypeError),
        ]
    return found


# -- refusals of parameters -----------------------------------------------------------------------


def flag_refusals(function: str, name: str = "from_logits") -> list[Refusal]:
    return [
        Refusal(f"{function}: {name} must be True or False. Got {name}='yes'.", {name: "yes"}, error=TypeError),
        Refusal(f"{function}: {name} must be True or False. Got {name}=1.", {name: 1}, error=TypeError),
    ]


def range_refusals(function: str, name: str, must: str, *wrong: Any) -> list[Refusal]:
    """Numbers out of range, NaN, infinity, and what is not a number."""
    return [
        *(
            Refusal(f"{function}: {name} must {must}. Got {name}={value!r}.", {name: value})
            for value in (*wrong, nan, inf)
        ),
        Refusal(f"{function}: {name} must be a number. Got {name}='much'.", {name: "much"}, error=TypeError),
        Refusal(f"{function}: {name} must be a number. Got {name}=True.", {name: True}, error=TypeError),
    ]


SMOOTHING = ("label_smoothing", "be between 0 and 1", -0.1, 1.1)


# -- laws that families share ---------------------------------------------------------------------


def zero_for_truth(function: Any) -> Any:
    def statement(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
        return function(y, y), np.zeros(len(y), "float32")

    return statement
