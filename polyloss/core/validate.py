"""`validate`: values held against what a loss is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polyloss.core import ops
from polyloss.core.kinds.domains import Domain
from polyloss.core.loss import Loss


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
    if not isinstance(loss, Loss):
        raise TypeError(f"validate: loss must be a polyloss.Loss. Got loss={loss!r}.")
    loss(y_true, y_pred, sample_weight)  # faults of shape and dtype
    if isinstance(y_pred, (dict, tuple)) or (isinstance(y_pred, list) and hasattr(y_pred[0], "shape")):
        raise TypeError(
            f"validate: y_pred must be one tensor, not {type(y_pred).__name__}. Validate a loss per output."
        )
    prediction = as_array(y_pred)
    weight = None if sample_weight is None else as_array(sample_weight)
    validate_targets(loss, y_true, prediction, weight)
    domain = loss.inputs.prediction_domain(loss._options(), prediction)
    _report_faults(loss, "y_pred", domain, prediction, prediction, weight)


def validate_targets(loss: Loss, y_true: Any, prediction: np.ndarray, weight: np.ndarray | None) -> None:
    """Check targets and weights alone; `prediction` is there for its shape."""
    if weight is not None:
        wrong = ~(np.isfinite(weight) & (weight >= 0))
        _report(loss._where(), "sample_weight", wrong, "must be finite and at least 0", weight)
    _report_faults(loss, "y_true", loss.inputs.targets, as_array(y_true), prediction, weight)


def _report_faults(
    loss: Loss, name: str, domain: Domain, x: np.ndarray, prediction: np.ndarray, weight: np.ndarray | None
) -> None:
    options = loss._options()
    counts = None if weight is None else weight != 0
    for fault, must, shown in domain.faults(x, options, prediction):
        _report(loss._where(), name, fault & _counting(counts, fault, options), must, shown)


def as_array(x: Any) -> np.ndarray:
    """As NumPy has it, half precision as float32."""
    array = np.asarray(ops.convert_to_numpy(x) if hasattr(x, "shape") else x)
    return array.astype("float32") if array.dtype.name in ("float16", "bfloat16") else array


def _counting(counts: np.ndarray | None, fault: np.ndarray, options: Mapping[str, Any]) -> np.ndarray | bool:
    """Which elements a weight of 0 does not shut out, laid over `fault` from the batch axis."""
    if counts is None:
        return True
    while counts.ndim > fault.ndim and counts.shape[-1] == 1:
        counts = counts[..., 0]
    axis = options.get("axis")
    if isinstance(axis, int) and fault.ndim == counts.ndim + 1 and axis % fault.ndim < counts.ndim:
        counts = np.expand_dims(counts, axis % fault.ndim)
    return counts.reshape(counts.shape + (1,) * (fault.ndim - counts.ndim))


def _report(where: str, name: str, fault: np.ndarray, must: str, shown: np.ndarray) -> None:
    if not fault.any():
        return
    found = first(name, fault, shown)
    raise ValueError(f"{where}: {name} {must}. Got {'the sum of ' if 'rows' in must else ''}{found}.")


def first(name: str, fault: np.ndarray, shown: np.ndarray) -> str:
    """The first value at fault, with its index: ``x[17, 3]=nan``.

    >>> from polyloss.core.validate import first
    >>> x = np.array([[1.0, 2.0], [np.nan, 0.0]])
    >>> first("x", ~np.isfinite(x), x)
    'x[1, 0]=nan'
    """
    index = tuple(int(i) for i in np.argwhere(fault)[0])
    value = shown[index].item()
    what = f"{name}[{', '.join(map(str, index))}]" if index else name
    return f"{what}={value if isinstance(value, int) else f'{value:.7g}'}"
