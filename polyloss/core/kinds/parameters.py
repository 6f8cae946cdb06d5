"""Parameters of a distribution, packed along the last axis of the predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polyloss.core import numerics, ops, shapes
from polyloss.core.kinds.base import BROKEN, EDGES, Arrays, Kind, Misfit, Options, View, rng, spread
from polyloss.core.numerics import Tensor


class Parameters(Kind):
    """Numbers against the parameters of a distribution for each of them.

    Attributes:
        names: The parameters in their order; what must be positive comes as its logarithm, so that any number will do.
    """

    tried_targets: Sequence[float] = (0.0, 0.1, -3.7, 1000.0)
    """Not 1: a location of 0 and a scale of 1 put it where the slope by the log scale, 1 less a square of 1, cancels."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.title = f"numbers against {_listed(names)} for each"
        self.must = f"y_pred must hold {_listed(names)} along its last axis"
        self.output = (len(names),)
        n, without = len(names), "y_true must have the shape of y_pred without its last axis"
        self.misfits = (
            *(Misfit(self.must, (4,), p) for p in [(4, n + 1), (4, 1), (4,), ()]),
            *(Misfit(without, y, (4, n)) for y in [(5,), (4, n), (), (1,), (4, 1, 1)]),
            *(Misfit(without, y, (4, 3, n)) for y in [(4,), (4, 1), (3,), (4, 3, 2)]),
        )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """One number a row of parameters, and the rows."""
        y_true, y_pred = shapes.tensor(where, "y_true", y_true), shapes.real(where, "y_pred", y_pred)
        if not len(y_pred.shape) or y_pred.shape[-1] not in (None, len(self.names)):
            shapes.refuse_shapes(where, self.must, y_true, y_pred)
        return shapes.one_a_row(where, y_true, y_pred)

    def special(self, options: Options) -> np.ndarray:
        """Each parameter at its edges with the others at 0, all at one edge, and the edges against each other."""
        n, edges = len(self.names), [*EDGES, *(-e for e in EDGES)]
        alone = [np.roll(spread(edges, (n,))[: len(edges)], i, 1) for i in range(n)]
        mixed = np.stack([rng().permutation(np.linspace(-100, 100, 81)), *[np.linspace(-100, 100, 81)] * (n - 1)], 1)
        return np.concatenate([*alone, spread(edges, (n,))[len(edges) :], mixed])

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.normal(0, 1, (count, len(self.names))) * np.resize([0.5, 4.0, 4.0, 30.0], count)[:, None]

    def broken(self, options: Options) -> np.ndarray:
        return spread(BROKEN, self.output)

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        return np.repeat(np.array(self.tried_targets, x.dtype), len(x)), np.tile(x, (len(self.tried_targets), 1))

    def batch(self, options: Options) -> Arrays:
        draws = rng()
        return draws.normal(0, 2, 6).astype("float32"), draws.normal(0, 1, (6, len(self.names))).astype("float32")

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        first, *others = self.names
        label = f"{first} minus target"
        return [View(f"{_listed(others)} = {v}", label, (-4, 4), _first_alone(v, len(others))) for v in (-2, 0, 2)]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _first_alone(value: float, others: int) -> Callable[[Any, Tensor], Tensor]:
    """Every point the first parameter, the others at one value, for a target of 0."""

    def call(loss: Any, x: Tensor) -> Tensor:
        first = numerics.constant((1.0, *[0.0] * others), x)
        return loss.call(ops.zeros_like(x), ops.expand_dims(x, -1) * first + value * (1 - first))

    return call
