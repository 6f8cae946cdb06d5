"""Sets: the value of one sample depends on the others of its batch.

A sample of these kinds, where one is tried out, is a whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polyloss.core import numerics, ops, shapes
from polyloss.core.kinds.base import BROKEN, Arrays, Kind, Misfit, Options, View, rng, spread
from polyloss.core.kinds.domains import ANYTHING
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import refuse

_EMBEDDINGS = "y_pred must be embeddings (B, D)"
_IDS = "y_true must have one id a sample, (B,) or (B, 1)"
_VIEWS = "y_pred must be two views of every sample (B, 2, D)"
_ROWS = "y_true must have as many rows as y_pred"


def without_absent(where: str, y_pred: Tensor, options: dict[str, Any]) -> Tensor:
    """`y_pred` with zeros for the samples that `present`, an option, leaves out; `present` as a tensor."""
    if options.get("present") is None:
        return y_pred
    options["present"] = present = shapes.tensor(where, "present", options["present"])
    dtype = numerics.dtype_of(present)  # no := here, which TensorFlow's AutoGraph cannot read
    if dtype != "bool":
        refuse(where, "present.dtype", "be bool", dtype, TypeError)
    if not shapes.agree(present.shape, y_pred.shape[:1]):
        refuse(where, "present.shape", f"be {tuple(y_pred.shape[:1])}, one a sample", tuple(present.shape))
    there = ops.reshape(present, (-1, *[1] * (len(y_pred.shape) - 1)))
    return ops.where(there, y_pred, 0.0)


class Sets(Kind):
    """Embeddings (B, D) of a batch, and the id of each: same id, alike."""

    title = "embeddings of a batch, with the id of what each one shows"
    whole_batch = True
    misfits = (
        *(Misfit(_EMBEDDINGS, (4,), p, "int32") for p in [(4,), (4, 2, 3), (4, 1, 1), ()]),
        *(Misfit(_IDS, y, (4, 3), "int32") for y in [(5,), (4, 2), (4, 3), (), (1,), (4, 1, 1)]),
    )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Ids (B,) in their own dtype, compared and never computed with; embeddings (B, D)."""
        y_pred, y_true = shapes.real(where, "y_pred", y_pred), shapes.tensor(where, "y_true", y_true)
        if len(y_pred.shape) != 2:
            shapes.refuse_shapes(where, _EMBEDDINGS, y_true, y_pred)
        ids = ops.squeeze(y_true, 1) if len(y_true.shape) == 2 and y_true.shape[1] == 1 else y_true
        if not shapes.agree(ids.shape, y_pred.shape[:1]):
            shapes.refuse_shapes(where, _IDS, y_true, y_pred)
        return ids, without_absent(where, y_pred, options)

    def special(self, options: Options) -> np.ndarray:
        """Ties, duplicates beside zeros, near points, tiny and huge ones; every one meets two of the `IDS`."""
        near = 1 + np.array([[0, 0], [1, 0], [0, -2], [9, 4], [-7, 5]]) * 1e-6
        chosen = [
            [[0.5, 0.25], [0.875, 0.75], [1.0, -0.125], [0.125, 0.75], [1.5, 0.5]],
            [[0.0, 0.0], [0.0, 0.0], [0.5, 0.25], [0.5, 0.25], [0.0, 0.0]],
            near.tolist(),
            [[1e-15, 0.0], [0.0, 3e-15], [-2.3e-15, 1.1e-15], [5e-15, 5.7e-15], [0.0, -1.6e-15]],
            [[1e10, 0.0], [0.0, 3e10], [-2.3e10, 1.1e10], [5e10, 4.7e10], [0.0, -1.6e10]],
        ]
        return np.array(chosen * 2, "float64")

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.normal(0, 1, (count, 5, 2)) * np.resize([0.1, 0.5, 3.0, 30.0], count)[:, None, None]

    def broken(self, options: Options) -> np.ndarray:
        return spread(BROKEN, (5, 2))

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        return IDS[np.arange(len(x)) % len(IDS)], x

    def inputs(self, options: Options, dtype: str, count: int = 6) -> Arrays:
        return super().inputs(options, dtype, count)

    def batch(self, options: Options) -> Arrays:
        return np.array([4, 9, 4, 9, 4, 9], "int32"), rng().normal(0, 0.5, (6, 3)).astype("float32")

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        return [View("", "distance of the negative, less that of the positive (1)", (-0.5, 1), _mean_of(_three))]


class Views(Kind):
    """Two views (B, 2, D) of every sample of a batch."""

    title = "two views of every sample of a batch"
    targets = ANYTHING
    whole_batch = True
    output = (2, 3)
    misfits = (
        *(Misfit(_VIEWS, (4,), p) for p in [(4,), (4, 2), (4, 3, 2), (4, 2, 3, 1), ()]),
        *(Misfit(_ROWS, y, (4, 2, 3)) for y in [(5,), (), (1,), (5, 2, 3)]),
    )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        y_pred, y_true = shapes.real(where, "y_pred", y_pred), shapes.tensor(where, "y_true", y_true)
        if len(y_pred.shape) != 3 or y_pred.shape[1] != 2:
            shapes.refuse_shapes(where, _VIEWS, y_true, y_pred)
        if not shapes.agree(y_true.shape[:1], y_pred.shape[:1]):
            shapes.refuse_shapes(where, _ROWS, y_true, y_pred)
        return y_true, without_absent(where, y_pred, options)

    def special(self, options: Options) -> np.ndarray:
        """The views of a sample alike and opposite, all alike, zeros, near ones, tiny and huge ones."""
        apart = [[[1, 0], [1, 0]], [[0, 1], [0, 1]], [[-1, -1], [-1, -1]]]
        turned = [[[1, 0], [-1, 0]], [[0, 1], [0, -1]], [[0.6, 0.8], [-0.6, -0.8]]]
        zeros = [[[0, 0], [0, 0]], [[0, 0], [1, 2]], [[3, 1], [0, 0]]]
        near = [[[1, 1], [1 + 1e-6, 1]], [[1, 1 - 2e-6], [1, 1]], [[1 + 3e-6, 1], [1, 1 + 5e-6]]]
        sizes = [[[1e-20, 2e-20], [1e15, 3e15]], [[-5, 1], [1e-3, 2e-3]], [[1e10, -1e10], [2, -3]]]
        return np.array([apart, turned, np.ones((3, 2, 2)), zeros, near, sizes], "float64")

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        first = rng.normal(0, 1, (count, 3, 1, 2))
        second = first + rng.normal(0, 1, first.shape) * np.resize([0.01, 0.3, 3.0], count)[:, None, None, None]
        return np.concatenate([first, second], 2)

    def broken(self, options: Options) -> np.ndarray:
        return spread(BROKEN, (3, 2, 2))

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        return np.zeros(x.shape[:2], "int32"), x

    def inputs(self, options: Options, dtype: str, count: int = 8) -> Arrays:
        return super().inputs(options, dtype, count)

    def batch(self, options: Options) -> Arrays:
        return np.arange(6, dtype="int32"), rng().normal(0, 1, (6, 2, 3)).astype("float32")

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        return [View("", "cosine of the two views; another sample stands at right angles", (-1, 1), _mean_of(_two))]


IDS = np.array([[0, 0, 1, 1, 0], [7, 7, 7, 7, 7], [0, 1, 2, 3, 4], [2, -5, 2, -5, -5]], "int32")
"""Two of each or more, one class alone, no two alike, and another two."""


def _mean_of(batch: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Callable[[Any, Tensor], Tensor]:
    """Every point the loss of a whole batch."""

    def call(loss: Any, x: Tensor) -> Tensor:
        def at(point: Tensor) -> Tensor:
            y_true, y_pred = batch(point)
            return ops.sum(loss.call(y_true, y_pred)) / y_pred.shape[0]

        return ops.map(at, x)

    return call


def _three(x: Tensor) -> tuple[Tensor, Tensor]:
    """A positive 1 away from its anchor, and a negative 1 + x from both."""
    side, half = 1 + x, 0.5 * ops.ones_like(x)
    height = ops.where(side > half, ops.sqrt(ops.where(side > half, side * side - half * half, half)), 0.0)
    points = [[-half, 0 * half], [half, 0 * half], [0 * half, height]]
    return ops.convert_to_tensor([0, 0, 1]), ops.stack([ops.stack(point) for point in points])


def _two(x: Tensor) -> tuple[Tensor, Tensor]:
    """Two samples in four dimensions, at right angles to each other; the views of each x apart in cosine."""
    zero, one = ops.zeros_like(x), ops.ones_like(x)
    beside = ops.sqrt(ops.where(x * x < 1, 1 - x * x, zero))
    views = [[one, zero, zero, zero], [x, beside, zero, zero], [zero, zero, one, zero], [zero, zero, x, beside]]
    rows = ops.stack([ops.stack(view) for view in views])
    return ops.convert_to_tensor([0, 1]), ops.reshape(rows, (2, 2, 4))
