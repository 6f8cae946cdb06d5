"""Masks: which class each pixel of an image (voxel of a volume, step of a sequence) belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyloss.core import numerics, ops, reduce, shapes
from polyloss.core.kinds.base import BROKEN, MOVE, Arrays, Kind, Misfit, Options, View, rng, spread
from polyloss.core.kinds.domains import LABELS, PROBABILITY, Domain, Fault
from polyloss.core.numerics import Tensor

_PREDICTIONS = "y_pred must be (B, ..., classes)"
_BINARY = "y_true must be a binary mask, the shape of y_pred with or without the class axis of length 1"
_SEVERAL = "y_true must be integer labels (the shape of y_pred without the class axis) or have the shape of y_pred"


@dataclass(frozen=True)
class _LabelsOrMasks(Domain):
    """Integer labels where there are several classes and no class axis; otherwise a mask in [0, 1] a class."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        labels = x.shape != y_pred.shape and y_pred.shape[-1] != 1
        yield from (LABELS if labels else PROBABILITY).faults(x, options, y_pred)


class Masks(Kind):
    """Masks of one class (binary) or several, class axis last."""

    title = "masks: integer labels, one-hot or binary"
    targets = _LabelsOrMasks()
    predictions = PROBABILITY
    output = (4, 3)
    misfits = (
        *(Misfit(_PREDICTIONS, p, p) for p in [(), (4,)]),
        *(Misfit(_BINARY, y, (4, 5, 1)) for y in [(4, 4), (4, 5, 2), (4, 1), (4,), (5, 5, 1)]),
        *(Misfit(_SEVERAL, y, (4, 5, 3), "int32") for y in [(4, 4), (4, 5, 2), (4,), (1, 5)]),
        Misfit(_SEVERAL, (4, 5, 3, 1), (4, 5, 3), "int32", shapes.SWAPPED),
        Misfit(_SEVERAL, (4, 3), (4, 5, 3), "int32", MOVE),
    )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Labels, or masks with the shape of the predictions; what a weight of 0 leaves out is replaced."""
        y_pred, y_true = shapes.real(where, "y_pred", y_pred), shapes.tensor(where, "y_true", y_true)
        if len(y_pred.shape) < 2:
            shapes.refuse_shapes(where, _PREDICTIONS, y_true, y_pred)
        if y_pred.shape[-1] == 1:
            if shapes.agree(y_true.shape, y_pred.shape[:-1]):
                y_true = ops.expand_dims(y_true, -1)
            if not shapes.agree(y_true.shape, y_pred.shape):
                shapes.refuse_shapes(where, _BINARY, y_true, y_pred)
            y_true, y_pred = shapes.same_shape(where, y_true, y_pred)
        else:
            y_true, y_pred, _ = shapes.labels_or_rows(where, y_true, y_pred, -1, has_axis=False)
        if options.get("weight") is None:
            return y_true, y_pred
        weight = reduce.line_up(
            where, "weight", shapes.tensor(where, "weight", options["weight"]), y_pred[..., 0], "pixels"
        )
        options["weight"] = ops.expand_dims(ops.cast(weight, numerics.dtype_of(y_pred)), -1)
        out, stand_in = ops.equal(weight, 0), self.prediction_domain(options, y_pred).stand_in
        nothing = ops.zeros_like(y_true)
        return reduce.replaced(y_true, out, nothing, None), reduce.replaced(y_pred, out, stand_in, None)

    def special(self, options: Options) -> np.ndarray:
        """Four pixels, three classes: sure, torn, saturated, and a mixture of all."""
        rows: list[list[float]]
        if options.get("from_logits"):
            rows = [[0, 0, 0], [2, 5, 5], [20, 0, 0], [0, 20, -20], [100, -100, 0], [-100, 100, 100], [50, 49, 48]]
        else:
            rows = [[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [1e-8, 1, 1e-30], [0.2, 0.3, 0.5]]
        everywhere = np.tile(np.array(rows, "float64")[:, None], (1, 4, 1))
        mixed = np.array([np.roll(rows, i, axis=0)[:4] for i in range(len(rows))], "float64")
        return np.concatenate([everywhere, mixed])

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        if options.get("from_logits"):
            return rng.normal(0, 1, (count, 4, 3)) * np.resize([0.5, 3.0, 20.0], count)[:, None, None]
        return rng.dirichlet([0.5, 0.5, 0.5], (count, 4))

    def broken(self, options: Options) -> np.ndarray:
        return spread(BROKEN, (4, 3))

    def inputs(self, options: Options, dtype: str, count: int = 24) -> Arrays:
        return super().inputs(options, dtype, count)

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        """Labels with logits, masks with probabilities: empty, full, hard and soft ones."""
        if x.shape[-1] != 1 and options.get("from_logits"):
            return np.resize(_LABELS, (len(x), 4)), x
        masks = np.eye(3)[_LABELS]
        masks[3] = 0.0
        masks[4] = np.array([0.125, 0.5, 0.375])
        return np.resize(masks[..., : x.shape[-1]], x.shape).astype(x.dtype), x

    def batch(self, options: Options) -> Arrays:
        x = rng().normal(0, 2, (6, 4, 3)).astype("float32")
        p = x if options.get("from_logits") else np.exp(x) / np.exp(x).sum(-1, keepdims=True)
        return np.resize(_LABELS, (6, 4)), p

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        """A mask of one class, two pixels of the object and two around it."""
        from_logits = losses[0]._options().get("from_logits", False)
        what, span = ("logit", (-6.0, 6.0)) if from_logits else ("probability", (0.0, 1.0))
        yes, no = (20.0, -20.0) if from_logits else (1.0, 0.0)
        return [
            View("the background is right", f"{what} at the object's pixels", span, _half_right(0.0, no)),
            View("the object is found", f"{what} at the pixels around it", span, _half_right(1.0, yes)),
        ]


def _half_right(target: float, right: float) -> Callable[[Any, Tensor], Tensor]:
    """Every point a sample whose pixels of one side are right, and those of the other all have that prediction."""

    def call(loss: Any, x: Tensor) -> Tensor:
        one = type(loss)(**{**loss._options(), "per": "sample"})  # a point is a batch of its own
        x = ops.reshape(x, (-1, 1, 1))
        known, tried = ops.ones_like(x), ops.ones_like(x)
        y = ops.concatenate([target * known, (1 - target) * tried], axis=1)
        return one.call(y, ops.concatenate([right * known, x * tried], axis=1))

    return call


_LABELS = np.array([[0, 1, 2, 0], [1, 1, 1, 1], [2, 2, 0, 0], [0, 0, 0, 0], [0, 1, 2, 1], [2, 1, 0, 2]], "int32")
"""What the pixels are: all classes, one alone, two of three."""
