"""`validate`: values held against what a loss is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polyloss.core import ops
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
    options = loss._options()
    for name, x, domain in (
        ("y_true", target, loss.inputs.targets),
        ("y_pred", prediction, loss.inputs.prediction_domain(options, prediction)),
    ):
        for fault, must, shown in domain.faults(x, options, prediction):
            _report(where, name, fault & _counting(counts, fault, options), must, shown)


def _array(x: Any) -> np.ndarray:
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
    index = tuple(int(i) for i in np.argwhere(fault)[0])
    value = shown[index].item()
    what = f"{name}[{', '.join(map(str, index))}]" if index else name
    if "rows" in must:
        what = f"the sum of {what}"
    raise ValueError(f"{where}: {name} {must}. Got {what}={value if isinstance(value, int) else f'{value:.7g}'}.")
