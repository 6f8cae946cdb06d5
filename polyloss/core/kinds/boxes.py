"""Boxes: four numbers each, of what is there and of what is predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyloss.core import numerics, ops, shapes
from polyloss.core.kinds.base import BROKEN, Arrays, Kind, Misfit, Options, View, rng, spread
from polyloss.core.kinds.domains import Domain, Fault
from polyloss.core.numerics import Tensor

_MUST = "y_true and y_pred must be boxes of one shape, (..., 4)"


@dataclass(frozen=True)
class _Boxes(Domain):
    """Finite numbers."""

    stand_in: float | tuple[float, ...] = (0.0, 0.0, 1.0, 1.0)  # side 1 in every format


@dataclass(frozen=True)
class _TrueBoxes(_Boxes):
    """Boxes whose sides are not negative: what is not is most often in another format."""

    def faults(self, x: np.ndarray, options: Mapping[str, Any], y_pred: np.ndarray) -> Iterator[Fault]:
        yield from super().faults(x, options, y_pred)
        box_format = options.get("box_format", "xyxy")
        sides = x[..., 2:] - x[..., :2] if box_format in ("xyxy", "yxyx") else x[..., 2:]
        negative = np.concatenate([np.zeros_like(sides, bool), sides < 0], -1)
        yield negative, f"must have no negative side as box_format={box_format!r} reads it", x


class Boxes(Kind):
    """Boxes against boxes, one to one."""

    title = "boxes against boxes, one to one"
    targets = _TrueBoxes()
    predictions = _Boxes()
    output = (4,)
    misfits = tuple(
        Misfit(_MUST, y, p)
        for y, p in (
            ((5, 4), (6, 4)),
            ((4,), (6, 4)),
            ((1, 4), (6, 4)),
            ((6, 4, 1), (6, 4)),
            ((6, 3), (6, 3)),
            ((4, 6), (4, 6)),
            ((), ()),
        )
    )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        y_pred, y_true = shapes.real(where, "y_pred", y_pred), shapes.tensor(where, "y_true", y_true)
        if not (len(y_pred.shape) and y_pred.shape[-1] == 4 and shapes.agree(y_true.shape, y_pred.shape)):
            shapes.refuse_shapes(where, _MUST, y_true, y_pred)
        return ops.cast(y_true, numerics.dtype_of(y_pred)), y_pred

    def special(self, options: Options) -> np.ndarray:
        """Read as corners: equal, within, around, touching, apart; without a side, inverted; far out."""
        return np.array(
            [
                [0, 0, 1, 1],
                [0.25, 0.25, 0.75, 0.5],
                [-1, -2, 3, 4],
                [0.5, 0.5, 1.5, 2],
                [1, 0, 2, 1],
                [1, 1, 2, 2],
                [7, -9, 8, -3],
                [3, 3, 3, 3],
                [0.5, 0.5, 0.5, 0.5],
                [0.5, 0, 0.5, 1],
                [0, 2, 4, 2],
                [1, 1, 0, 0],
                [0.75, 0.25, 0.25, 0.5],
                [1000, 1000, 1001, 1002],
            ],
            "float64",
        )

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        boxes = rng.normal(0.5, 1, (count, 4)) * np.resize([1.0, 1.0, 4.0, 0.03], count)[:, None]
        return np.concatenate([boxes[:, :2], boxes[:, 2:] + 1], 1)

    def broken(self, options: Options) -> np.ndarray:
        return spread(BROKEN, (4,))

    def inputs(self, options: Options, dtype: str, count: int = 40) -> Arrays:
        return super().inputs(options, dtype, count)

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        """In ordinary units, and in those whose squares leave the range of float32."""
        targets = np.array([[0, 0, 1, 1], [0.25, -1, 2, 3], [-1.5, 0, 2, 3], [0, 0, 1, 1]], x.dtype)
        units = np.repeat(np.array([1, 1, 2.0**63, 2.0**-53], x.dtype), len(x))[:, None]
        return units * np.repeat(targets, len(x), axis=0), units * np.tile(x, (len(targets), 1))

    def batch(self, options: Options) -> Arrays:
        """In the format of the loss, sides positive."""
        draws = rng()
        low, y_low = draws.uniform(0, 1, (2, 6, 2))
        high, y_high = low + draws.uniform(0.5, 1.5, (6, 2)), y_low + draws.uniform(0.5, 1.5, (6, 2))
        box_format = options.get("box_format", "xyxy")
        return _written(y_low, y_high, box_format), _written(low, high, box_format)

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        """A square that is moved away, and smaller and larger ones around the same centre: between the kinks."""
        times = "times as wide and high"
        return [
            View("as large, beside it", "shift to the right, in widths", (0.01, 3.0), _square(moved=True)),
            View("at the same place, smaller", times, (0.01, 0.99), _square(moved=False)),
            View("at the same place, larger", times, (1.01, 10.0), _square(moved=False), "log"),
        ]


def _written(low: np.ndarray, high: np.ndarray, box_format: str) -> np.ndarray:
    """Corners in a format, float32."""
    first, second = {
        "xyxy": (low, high),
        "xywh": (low, high - low),
        "cxcywh": ((low + high) / 2, high - low),
        "yxyx": (low[:, ::-1], high[:, ::-1]),
    }[box_format]
    return np.concatenate([first, second], 1).astype("float32")


def _square(*, moved: bool) -> Callable[[Any, Tensor], Tensor]:
    """Every point a box against the square of side 1 around the origin: moved by it, or with sides of it."""

    def call(loss: Any, x: Tensor) -> Tensor:
        box_format = loss._options()["box_format"]
        still = ops.zeros_like(x)
        side = still + 1 if moved else x
        place = {"x": x if moved else still, "y": still}

        def box(place: Mapping[str, Tensor], side: Tensor) -> Tensor:
            x, y = place["x"], place["y"]
            columns = {
                "xyxy": (x - side / 2, y - side / 2, x + side / 2, y + side / 2),
                "yxyx": (y - side / 2, x - side / 2, y + side / 2, x + side / 2),
                "xywh": (x - side / 2, y - side / 2, side, side),
                "cxcywh": (x, y, side, side),
            }
            return ops.stack(columns[box_format], axis=-1)

        return loss.call(box({"x": still, "y": still}, still + 1), box(place, side))

    return call
