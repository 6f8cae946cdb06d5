"""What the values of one tensor may be: where they are wrong, and what may stand in for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Fault = tuple[np.ndarray, str, np.ndarray]
"""Where values are wrong, the sentence for it, and what to show of them."""


@dataclass(frozen=True)
class Domain:
    """Values of one kind.

    Attributes:
        stand_in: A value in the domain, at which every loss and its gradient is finite. It takes the
            place of what a weight or mask shuts out. Several: one for each place of the last axis.
    """

    stand_in: float | tuple[float, ...] = 0.0

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        """Where `x` is not in the domain: element by element, or row by row."""
        yield ~np.isfinite(x), "must be finite", x


class Logits(Domain):
    """Real numbers, and -inf for a class that is ruled out."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        yield np.isnan(x) | (x == np.inf), "must be finite (or -inf for a class that is ruled out)", x


class Probability(Domain):
    """[0, 1], element by element."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        hint = ""
        if x is y_pred and "from_logits" in options:
            hint = " (if these are logits, say from_logits=True)"
        yield ~((x >= -1e-5) & (x <= 1 + 1e-5)), f"must be a probability in [0, 1]{hint}", x


class Distribution(Probability):
    """[0, 1] with rows that sum to 1 along the class axis."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        yield from super().faults(x, options, y_pred)
        total = x.sum(axis=options.get("axis", -1), dtype=np.float64)
        yield np.abs(total - 1) > 1e-3, "must hold rows of probabilities that sum to 1", total


class Labels(Domain):
    """Integers in [0, classes), or `ignore_class`."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        classes = y_pred.shape[options.get("axis", -1)]
        ignored = options.get("ignore_class")
        known = (x >= 0) & (x < classes) & (x == np.floor(x))
        if ignored is not None:
            known |= x == ignored
        allowed = f"must be a label in [0, {classes})" + ("" if ignored is None else f" or ignore_class={ignored}")
        if classes == 1:
            allowed += (
                " (one output is one class: for yes or no take BinaryCrossentropy, or give the model two outputs)"
            )
        yield ~known, allowed, x


class LabelsOrDistribution(Domain):
    """Integer labels, or one-hot and soft labels with the shape of the predictions."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        dense = x.shape == y_pred.shape and y_pred.shape[options.get("axis", -1)] != 1
        yield from (DISTRIBUTION if dense else LABELS).faults(x, options, y_pred)


class Anything(Domain):
    """Not looked at."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        yield from ()


class NonNegative(Domain):
    """[0, inf)."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        yield ~((x >= 0) & np.isfinite(x)), "must be finite and at least 0", x


REAL = Domain()
LOGITS = Logits()
PROBABILITY = Probability(stand_in=0.5)
DISTRIBUTION = Distribution(stand_in=0.5)
LABELS = Labels()
LABELS_OR_DISTRIBUTION = LabelsOrDistribution()
NON_NEGATIVE = NonNegative()
ANYTHING = Anything()
