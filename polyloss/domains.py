"""What the values of targets and predictions may be, declared by each loss, and `validate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

Fault = tuple[np.ndarray, str, np.ndarray]
"""Where values are wrong, the sentence for it, and what to show of them."""


@dataclass(frozen=True)
class Domain:
    """Values of one kind.

    Attributes:
        stand_in: A value in the domain, at which every loss and its gradient is finite. It takes the
            place of what a weight or mask shuts out.
    """

    stand_in: float = 0.0

    def faults(self, x: np.ndarray, loss: Any, y_pred: np.ndarray) -> Iterator[Fault]:
        """Where `x` is not in the domain: element by element, or row by row."""
        yield ~np.isfinite(x), "must be finite", x


class Logits(Domain):
    """Real numbers, and -inf for a class that is ruled out."""

    def faults(self, x: np.ndarray, loss: Any, y_pred: np.ndarray) -> Iterator[Fault]:
        yield np.isnan(x) | (x == np.inf), "must be finite (or -inf for a class that is ruled out)", x


class Probability(Domain):
    """[0, 1], element by element."""

    def faults(self, x: np.ndarray, loss: Any, y_pred: np.ndarray) -> Iterator[Fault]:
        hint = ""
        if x is y_pred and hasattr(loss, "from_logits"):
            hint = " (if these are logits, say from_logits=True)"
        yield ~((x >= -1e-5) & (x <= 1 + 1e-5)), f"must be a probability in [0, 1]{hint}", x


class Distribution(Probability):
    """[0, 1] with rows that sum to 1 along the class axis."""

    def faults(self, x: np.ndarray, loss: Any, y_pred: np.ndarray) -> Iterator[Fault]:
        yield from super().faults(x, loss, y_pred)
        total = x.sum(axis=getattr(loss, "axis", -1), dtype=np.float64)
        yield np.abs(total - 1) > 1e-3, "must hold rows of probabilities that sum to 1", total


class Labels(Domain):
    """Integers in [0, classes), or `ignore_class`."""

    def faults(self, x: np.ndarray, loss: Any, y_pred: np.ndarray) -> Iterator[Fault]:
        classes = y_pred.shape[getattr(loss, "axis", -1)]
        ignored = getattr(loss, "ignore_class", None)
        known = (x >= 0) & (x < classes) & (x == np.floor(x))
        if ignored is not None:
            known |= x == ignored
        allowed = f"must be a label in [0, {classes})" + ("" if ignored is None else f" or ignore_class={ignored}")
        yield ~known, allowed, x


class LabelsOrDistribution(Domain):
    """Integer labels, or one-hot and soft labels with the shape of the predictions."""

    def faults(self, x: np.ndarray, loss: Any, y_pred: np.ndarray) -> Iterator[Fault]:
        dense = x.shape == y_pred.shape and y_pred.shape[getattr(loss, "axis", -1)] != 1
        yield from (DISTRIBUTION if dense else LABELS).faults(x, loss, y_pred)


class NonNegative(Domain):
    """[0, inf)."""

    def faults(self, x: np.ndarray, loss: Any, y_pred: np.ndarray) -> Iterator[Fault]:
        yield ~((x >= 0) & np.isfinite(x)), "must be finite and at least 0", x


REAL = Domain()
LOGITS = Logits()
PROBABILITY = Probability(stand_in=0.5)
DISTRIBUTION = Distribution(stand_in=0.5)
LABELS = Labels()
LABELS_OR_DISTRIBUTION = LabelsOrDistribution()
NON_NEGATIVE = NonNegative()


def validate(loss: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
    """Check targets, predictions and weights against what `loss` is for; say nothing where all is well.

    A loss call never raises for a value (on a device it could not), so wrong data shows as NaN or as a
    model that does not learn. `validate` runs eagerly, looks at every value, and names the first that is
    wrong. What a weight of 0 shuts out may hold anything.

    Args:
        loss: A `polyloss.Loss`, or a class of that kind (its defaults are taken).
        y_true: Targets, as for the loss.
        y_pred: Predictions, as for the loss.
        sample_weight: Weights, as for the loss.

    Raises:
        ValueError: for the first value outside the loss's domain, with its index; and for faults of shape.
        TypeError: for faults of dtype, and for a `loss` that is not a `polyloss.Loss`.

    >>> polyloss.validate(polyloss.FocalLoss(), [[0.0], [1.0]], [[0.2], [1.7]])
    Traceback (most recent call last):
    ...
    ValueError: focal_loss: y_pred must be a probability in [0, 1] (if these are logits, say from_logits=True). Got y_pred[1, 0]=1.7.
    """
    if isinstance(loss, type):
        loss = loss()
    if not hasattr(loss, "prediction_domain"):
        raise TypeError(f"validate: loss must be a polyloss.Loss. Got loss={loss!r}.")
    where = loss._where()
    loss(y_true, y_pred, sample_weight)  # faults of shape and dtype
    if isinstance(y_pred, (dict, tuple)) or (isinstance(y_pred, list) and hasattr(y_pred[0], "shape")):
        raise TypeError(
            f"validate: y_pred must be one tensor, not {type(y_pred).__name__}. Validate a loss per output."
        )
    prediction, target = _array(y_pred), _array(y_true)
    weight = None if sample_weight is None else _array(sample_weight)
    if weight is not None:
        _report(where, "sample_weight", ~(np.isfinite(weight) & (weight >= 0)), "must be finite and at least 0", weight)
    counts = None if weight is None else weight != 0
    for name, x, domain in (
        ("y_true", target, loss.targets),
        ("y_pred", prediction, loss.prediction_domain(prediction)),
    ):
        for fault, must, shown in domain.faults(x, loss, prediction):
            _report(where, name, fault & _counting(counts, fault, loss), must, shown)


def _array(x: Any) -> np.ndarray:
    array = np.asarray(ops.convert_to_numpy(x) if hasattr(x, "shape") else x)
    return array.astype("float32") if array.dtype.name in ("float16", "bfloat16") else array


def _counting(counts: np.ndarray | None, fault: np.ndarray, loss: Any) -> np.ndarray | bool:
    """Which elements a weight of 0 does not shut out, laid over `fault` from the batch axis."""
    if counts is None:
        return True
    while counts.ndim > fault.ndim and counts.shape[-1] == 1:
        counts = counts[..., 0]
    axis = getattr(loss, "axis", None)
    if isinstance(axis, int) and fault.ndim == counts.ndim + 1 and axis % fault.ndim < counts.ndim:
        counts = np.expand_dims(counts, axis % fault.ndim)
    return counts.reshape(counts.shape + (1,) * (fault.ndim - counts.ndim))


def _report(where: str, name: str, fault: np.ndarray, must: str, shown: np.ndarray) -> None:
    if not fault.any():
        return
    index = tuple(int(i) for i in np.argwhere(fault)[0])
    value = shown[index].item()
    what = f"{name}[{', '.join(map(str, index))}]" if index else name
    if "rows" in must:
        what = f"the sum of {what}"
    raise ValueError(f"{where}: {name} {must}. Got {what}={value if isinstance(value, int) else f'{value:.7g}'}.")
